#include "tcp/tls.hpp"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "barrel/base/socket_address.hpp"

namespace barrel::tcp {
namespace {

// What OTP's ssl offers since 25, without anything older than TLS 1.2.
constexpr const char* priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

Error tls_error(const std::string& what, int result) {
  return {Errc::invalid_argument, Term::binary(as_bytes(what + ": " + gnutls_strerror(result)))};
}

gnutls_datum_t datum(const std::string& text) {
  // GnuTLS only reads it, though it declares it writable.
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())),
          static_cast<unsigned>(text.size())};
}

/// Whether SNI may carry it (RFC 6066: a DNS name, no address).
bool is_dns_name(const std::string& name) {
  return !name.empty() && name.size() <= 253 && !SocketAddress::from_ip(name, 0) &&
         name.find(':') == std::string::npos;
}

bool waits(int result) {
  return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
}

}  // namespace

Result<std::unique_ptr<TlsContext>> TlsContext::make(const TlsSettings& settings) {
  std::unique_ptr<TlsContext> context(new TlsContext);
  if (auto loaded = context->load(settings); !loaded) return std::move(loaded).error();
  return context;
}

Result<> TlsContext::load(const TlsSettings& settings) {
  verify_ = settings.verify;
  if (const int result = gnutls_priority_init(&priority_, priorities, nullptr); result < 0) {
    return tls_error("TLS ciphers", result);
  }
  if (const int result = gnutls_certificate_allocate_credentials(&credentials_); result < 0) {
    return tls_error("TLS credentials", result);
  }
  const auto certificate = datum(settings.certificate);
  const auto key = datum(settings.private_key);
  int result = gnutls_certificate_set_x509_key_mem(credentials_, &certificate, &key, GNUTLS_X509_FMT_PEM);
  if (result < 0) return tls_error("TLS certificate and key", result);
  if (!settings.verify) return {};
  const auto authorities = datum(settings.authorities);
  result = gnutls_certificate_set_x509_trust_mem(credentials_, &authorities, GNUTLS_X509_FMT_PEM);
  if (result < 0) return tls_error("TLS authorities", result);
  if (result == 0) {
    return Error{Errc::invalid_argument, Term::binary(as_bytes("TLS authorities: no certificate in it"))};
  }
  return {};
}

TlsContext::~TlsContext() {
  if (credentials_ != nullptr) gnutls_certificate_free_credentials(credentials_);
  if (priority_ != nullptr) gnutls_priority_deinit(priority_);
}

TlsSession::TlsSession(const TlsContext& context, bool server, const std::string& server_name)
    : verify_(context.verify_) {
  int result = gnutls_init(&session_, server ? GNUTLS_SERVER : GNUTLS_CLIENT);
  if (result < 0) {
    session_ = nullptr;
    fail(gnutls_strerror(result));
    return;
  }
  result = gnutls_priority_set(session_, context.priority_);
  if (result == 0) result = gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, context.credentials_);
  if (result == 0 && is_dns_name(server_name)) {
    result = gnutls_server_name_set(session_, GNUTLS_NAME_DNS, server_name.data(), server_name.size());
  }
  if (result < 0) {
    fail(gnutls_strerror(result));
    return;
  }
  if (server) {
    gnutls_certificate_server_set_request(session_, verify_ ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_IGNORE);
  }
  gnutls_handshake_set_timeout(session_, GNUTLS_INDEFINITE_TIMEOUT);  // deadlines are the owner's
  gnutls_transport_set_ptr(session_, this);
  gnutls_transport_set_pull_function(session_, pull);
  gnutls_transport_set_push_function(session_, push);
  // There is nothing to wait with.
  gnutls_transport_set_pull_timeout_function(session_, [](void* self, unsigned) {
    const auto* session = static_cast<const TlsSession*>(self);
    return session->input_used_ < session->input_.size() ? 1 : 0;
  });
}

TlsSession::~TlsSession() {
  if (session_ != nullptr) gnutls_deinit(session_);
}

std::ptrdiff_t TlsSession::pull(void* self, void* data, std::size_t size) {
  TlsSession& session = *static_cast<TlsSession*>(self);
  const std::size_t count = std::min(size, session.input_.size() - session.input_used_);
  if (count == 0) {
    gnutls_transport_set_errno(session.session_, EAGAIN);
    return -1;
  }
  std::memcpy(data, session.input_.data() + session.input_used_, count);
  session.input_used_ += count;
  return static_cast<std::ptrdiff_t>(count);
}

std::ptrdiff_t TlsSession::push(void* self, const void* data, std::size_t size) {
  TlsSession& session = *static_cast<TlsSession*>(self);
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  session.output_.insert(session.output_.end(), bytes, bytes + size);
  return static_cast<std::ptrdiff_t>(size);
}

void TlsSession::fail(std::string why) {
  if (failure_.empty()) failure_ = "TLS: " + std::move(why);
}

void TlsSession::start() {
  if (failure_.empty()) shake_hands();
}

void TlsSession::receive(BytesView bytes) {
  if (!failure_.empty()) return;
  input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(input_used_));
  input_used_ = 0;
  input_.insert(input_.end(), bytes.begin(), bytes.end());
  if (!established_) shake_hands();
}

void TlsSession::shake_hands() {
  int result = 0;
  do {
    result = gnutls_handshake(session_);
  } while (result < 0 && !waits(result) && gnutls_error_is_fatal(result) == 0);
  if (waits(result)) return;
  if (result < 0) {
    (void)gnutls_alert_send_appropriate(session_, result);
    if (result == GNUTLS_E_FATAL_ALERT_RECEIVED) {
      return fail(std::string("the other end says \"") + gnutls_alert_get_name(gnutls_alert_get(session_)) +
                  "\"");
    }
    return fail(gnutls_strerror(result));
  }
  if (const std::string problem = verify_ ? certificate_problem() : std::string(); !problem.empty()) {
    (void)gnutls_alert_send(session_, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
    return fail(problem);
  }
  established_ = true;
}

std::string TlsSession::certificate_problem() const {
  unsigned status = 0;
  const int result = gnutls_certificate_verify_peers2(session_, &status);
  if (result < 0) return std::string("the other end's certificate: ") + gnutls_strerror(result);
  if (status == 0) return {};
  gnutls_datum_t text{};
  if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) < 0) {
    return "the other end's certificate is not trusted";
  }
  std::string why(reinterpret_cast<const char*>(text.data), text.size);
  gnutls_free(text.data);
  why.erase(why.find_last_not_of(" .") + 1);
  return why;
}

BytesView TlsSession::read() {
  if (!established_ || ended_ || !failure_.empty()) return {};
  plain_.resize(record_bytes);
  for (;;) {
    const auto result = gnutls_record_recv(session_, plain_.data(), plain_.size());
    if (result > 0) return BytesView(plain_).first(static_cast<std::size_t>(result));
    if (result == 0) {
      ended_ = true;
      return {};
    }
    const int error = static_cast<int>(result);
    if (waits(error)) return {};
    // A client may be asked for new keys, or be given a ticket: neither concerns us.
    if (gnutls_error_is_fatal(error) != 0) {
      fail(gnutls_strerror(error));
      return {};
    }
    if (error == GNUTLS_E_REHANDSHAKE) {
      fail("the other end wants another handshake");
      return {};
    }
  }
}

void TlsSession::write(BytesView bytes) {
  while (!bytes.empty() && established_ && failure_.empty()) {
    const auto result = gnutls_record_send(session_, bytes.data(), std::min(bytes.size(), record_bytes));
    if (result < 0) {
      if (waits(static_cast<int>(result))) continue;
      return fail(gnutls_strerror(static_cast<int>(result)));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(result));
  }
}

void TlsSession::finish() {
  if (established_ && failure_.empty()) (void)gnutls_bye(session_, GNUTLS_SHUT_WR);
}

}  // namespace barrel::tcp
