#include "quic/tls.hpp"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include <utility>

#include "barrel/base/assert.hpp"
#include "barrel/base/socket_address.hpp"
#include "barrel/term/term.hpp"

namespace barrel::quic {
namespace {

// AES-128-GCM and X25519 first: the Erlang side understands nothing else reliably.
constexpr const char* priorities =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:%DISABLE_TLS13_COMPAT_MODE";

Error tls_error(Errc code, const std::string& what, int result) {
  return {code, Term::binary(as_bytes(what + ": " + gnutls_strerror(result)))};
}

gnutls_datum_t datum(const std::string& text) {
  // GnuTLS only reads it, though it declares it writable.
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())),
          static_cast<unsigned>(text.size())};
}

/// Whether SNI may carry it (RFC 6066: a DNS name, no address).
bool is_dns_name(std::string_view name) {
  return !name.empty() && name.size() <= 253 && !SocketAddress::from_ip(name, 0) &&
         name.find(':') == std::string_view::npos;
}

Result<Bytes> leaf_der(const std::string& certificate_pem) {
  gnutls_x509_crt_t* list = nullptr;
  unsigned count = 0;
  const auto pem = datum(certificate_pem);
  const int parsed = gnutls_x509_crt_list_import2(&list, &count, &pem, GNUTLS_X509_FMT_PEM, 0);
  if (parsed < 0) return tls_error(Errc::invalid_argument, "certificate", parsed);
  gnutls_datum_t der{};
  const int exported = count == 1 ? gnutls_x509_crt_export2(list[0], GNUTLS_X509_FMT_DER, &der) : 0;
  for (unsigned i = 0; i < count; ++i) gnutls_x509_crt_deinit(list[i]);
  gnutls_free(static_cast<void*>(list));
  if (count != 1)
    return Error{Errc::invalid_argument, Term::binary(as_bytes("exactly one certificate is needed"))};
  if (exported < 0) return tls_error(Errc::invalid_argument, "certificate", exported);
  Bytes bytes(der.data, der.data + der.size);
  gnutls_free(der.data);
  return bytes;
}

}  // namespace

Result<std::unique_ptr<TlsContext>> TlsContext::make(const std::string& certificate_pem,
                                                     const std::string& private_key_pem) {
  std::unique_ptr<TlsContext> context(new TlsContext);
  if (auto loaded = context->load(certificate_pem, private_key_pem); !loaded)
    return std::move(loaded).error();
  return context;
}

Result<> TlsContext::load(const std::string& certificate_pem, const std::string& private_key_pem) {
  if (const int result = gnutls_priority_init(&priority_, priorities, nullptr); result < 0) {
    return tls_error(Errc::unsupported, "TLS 1.3 ciphers", result);
  }
  if (const int result = gnutls_certificate_allocate_credentials(&credentials_); result < 0) {
    return tls_error(Errc::io, "TLS credentials", result);
  }
  if (certificate_pem.empty() && private_key_pem.empty()) return {};
  auto leaf = leaf_der(certificate_pem);
  if (!leaf) return std::move(leaf).error();
  const auto certificate = datum(certificate_pem);
  const auto key = datum(private_key_pem);
  const int result =
      gnutls_certificate_set_x509_key_mem(credentials_, &certificate, &key, GNUTLS_X509_FMT_PEM);
  if (result < 0) return tls_error(Errc::invalid_argument, "certificate and key", result);
  certificate_ = std::move(*leaf);
  return {};
}

TlsContext::~TlsContext() {
  if (credentials_ != nullptr) gnutls_certificate_free_credentials(credentials_);
  if (priority_ != nullptr) gnutls_priority_deinit(priority_);
}

Result<std::unique_ptr<TlsSession>> TlsSession::make(const TlsContext& context, const Options& options,
                                                     ngtcp2_crypto_conn_ref& reference) {
  std::unique_ptr<TlsSession> self(new TlsSession);
  const unsigned common = GNUTLS_NO_END_OF_EARLY_DATA | GNUTLS_NO_TICKETS;
  // One key share suffices, it is the one that every peer takes.
  const unsigned flags = common | (options.server ? GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET
                                                  : GNUTLS_CLIENT | GNUTLS_KEY_SHARE_TOP);
  if (const int result = gnutls_init(&self->session_, flags); result < 0) {
    self->session_ = nullptr;
    return tls_error(Errc::io, "TLS session", result);
  }
  const auto session = self->session_;
  gnutls_session_set_ptr(session, &reference);
  int result = gnutls_priority_set(session, context.priority_);
  if (result == 0) result = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, context.credentials_);
  std::vector<gnutls_datum_t> protocols;
  for (const auto& protocol : *options.alpn) protocols.push_back(datum(protocol));
  if (result == 0) {
    result = gnutls_alpn_set_protocols(session, protocols.data(), static_cast<unsigned>(protocols.size()),
                                       GNUTLS_ALPN_MANDATORY | GNUTLS_ALPN_SERVER_PRECEDENCE);
  }
  if (result == 0 && is_dns_name(options.server_name)) {
    result = gnutls_server_name_set(session, GNUTLS_NAME_DNS, options.server_name.data(),
                                    options.server_name.size());
  }
  if (result < 0) return tls_error(Errc::invalid_argument, "TLS session", result);
  result = options.server ? ngtcp2_crypto_gnutls_configure_server_session(session)
                          : ngtcp2_crypto_gnutls_configure_client_session(session);
  if (result != 0) return Error{Errc::io, Term::binary(as_bytes("TLS session for QUIC"))};
  return self;
}

TlsSession::~TlsSession() {
  if (session_ != nullptr) gnutls_deinit(session_);
}

std::string TlsSession::alpn() const {
  gnutls_datum_t selected{};
  if (gnutls_alpn_get_selected_protocol(session_, &selected) != 0) return {};
  return {reinterpret_cast<const char*>(selected.data), selected.size};
}

Bytes TlsSession::peer_certificate() const {
  unsigned count = 0;
  const gnutls_datum_t* chain = gnutls_certificate_get_peers(session_, &count);
  if (chain == nullptr || count == 0) return {};
  return Bytes(chain[0].data, chain[0].data + chain[0].size);
}

void random_secret(std::span<std::uint8_t> out) {
  // Without entropy no key is safe; there is nothing sensible to go on with.
  BARREL_ASSERT(gnutls_rnd(GNUTLS_RND_RANDOM, out.data(), out.size()) == 0);
}

}  // namespace barrel::quic
