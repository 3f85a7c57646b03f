#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "barrel/base/bytes.hpp"
#include "barrel/term/result.hpp"
#include "quic/ngtcp2_api.hpp"

namespace barrel::quic {

/// What all TLS sessions of an endpoint share: cipher choice and, for servers, the certificate with its key.
class TlsContext {
 public:
  /// PEM of one certificate and its key; both empty for an endpoint that only dials.
  /// Errors: invalid_argument.
  [[nodiscard]] static Result<std::unique_ptr<TlsContext>> make(const std::string& certificate_pem,
                                                                const std::string& private_key_pem);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  [[nodiscard]] bool has_certificate() const { return !certificate_.empty(); }
  /// DER of the own leaf.
  [[nodiscard]] BytesView certificate() const { return certificate_; }

 private:
  friend class TlsSession;
  TlsContext() = default;
  Result<> load(const std::string& certificate_pem, const std::string& private_key_pem);

  gnutls_certificate_credentials_t credentials_ = nullptr;
  gnutls_priority_t priority_ = nullptr;
  Bytes certificate_;
};

/// One side of one TLS 1.3 handshake inside QUIC. Never resumes, asks clients for no certificate, sends no
/// tickets. A client takes any certificate whose key the server proves to hold: who
/// that is, is decided by the authentication above.
class TlsSession {
 public:
  struct Options {
    bool server = false;
    const std::vector<std::string>* alpn = nullptr;
    std::string_view server_name;  ///< Becomes SNI when it is a DNS name.
  };
  /// `reference` leads to the ngtcp2 connection and must live as long as the session.
  /// Errors: invalid_argument, io.
  [[nodiscard]] static Result<std::unique_ptr<TlsSession>> make(const TlsContext& context,
                                                                const Options& options,
                                                                ngtcp2_crypto_conn_ref& reference);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  [[nodiscard]] gnutls_session_t native() const { return session_; }
  /// Empty when nothing was agreed on.
  [[nodiscard]] std::string alpn() const;
  /// DER of the peer's leaf; empty when it showed none.
  [[nodiscard]] Bytes peer_certificate() const;

 private:
  TlsSession() = default;

  gnutls_session_t session_ = nullptr;
};

/// Fills with bytes that nobody can foresee (GnuTLS), for connection ids and keys.
void random_secret(std::span<std::uint8_t> out);

}  // namespace barrel::quic
