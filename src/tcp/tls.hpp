#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "barrel/base/bytes.hpp"
#include "barrel/term/result.hpp"

struct gnutls_certificate_credentials_st;
struct gnutls_priority_st;
struct gnutls_session_int;

namespace barrel::tcp {

/// What TLS connections of one node have in common: all PEM.
struct TlsSettings {
  /// Our certificate, with the chain to its authority where there is one.
  std::string certificate{};
  std::string private_key{};
  /// Certificates of the authorities that peers' certificates must come from; needed to verify.
  std::string authorities{};
  /// Whether the other end, server or client, must have such a certificate.
  bool verify = true;
};

/// The credentials of a node, shared by its sessions, which must not outlive it.
class TlsContext {
 public:
  /// Errc::invalid_argument when one of the PEMs does not say what it should.
  [[nodiscard]] static Result<std::unique_ptr<TlsContext>> make(const TlsSettings& settings);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsSession;
  TlsContext() = default;
  [[nodiscard]] Result<> load(const TlsSettings& settings);

  gnutls_certificate_credentials_st* credentials_ = nullptr;
  gnutls_priority_st* priority_ = nullptr;
  bool verify_ = true;
};

/// One end of a TLS connection: bytes of the network in and out, bytes of the application out and in. No
/// socket.
///
/// Drive it so: start(); then receive() with what the network brings, and read() until it gives nothing;
/// write() once established(); after each of these carry take_output() to the network.
class TlsSession {
 public:
  /// `server_name`: the host name that is dialed, told to the server; empty on the accepting side, or for an
  /// address.
  TlsSession(const TlsContext& context, bool server, const std::string& server_name = {});
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// Begins the handshake.
  void start();
  void receive(BytesView bytes);
  /// The handshake is over, and the peer's certificate, where one is asked for, was good.
  [[nodiscard]] bool established() const { return established_; }
  /// The next bytes of the application, valid until the next call; empty: there are none now.
  [[nodiscard]] BytesView read();
  /// Encrypts all of it.
  void write(BytesView bytes);
  /// Says goodbye.
  void finish();
  /// What has to go to the network.
  [[nodiscard]] Bytes take_output() { return std::exchange(output_, {}); }
  [[nodiscard]] std::size_t output_bytes() const { return output_.size(); }

  /// The peer has said goodbye.
  [[nodiscard]] bool ended() const { return ended_; }
  /// Not empty once the connection cannot go on: why, for people.
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  static constexpr std::size_t record_bytes = 16U << 10;

  static std::ptrdiff_t pull(void* self, void* data, std::size_t size);
  static std::ptrdiff_t push(void* self, const void* data, std::size_t size);
  void shake_hands();
  void fail(std::string why);
  [[nodiscard]] std::string certificate_problem() const;

  gnutls_session_int* session_ = nullptr;
  bool verify_ = false;
  bool established_ = false;
  bool ended_ = false;
  std::string failure_;
  Bytes input_;
  std::size_t input_used_ = 0;
  Bytes output_;
  Bytes plain_;
};

}  // namespace barrel::tcp
