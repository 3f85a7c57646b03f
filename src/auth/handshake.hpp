#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "auth/failure.hpp"
#include "auth/frames.hpp"
#include "auth/identity.hpp"
#include "auth/trust.hpp"
#include "barrel/base/bytes.hpp"
#include "barrel/base/time.hpp"
#include "barrel/term/node_name.hpp"

namespace barrel::auth {

enum class Role : std::uint8_t {
  client,  ///< Dialed; speaks first, on unidirectional stream 2.
  server,  ///< Accepted; speaks on unidirectional stream 3, opened by the first Send.
};

/// Both clocks at one moment: wall time goes over the wire, deadlines run on the monotonic one.
struct Moment {
  Instant monotonic;
  SystemTime wall;
};

/// Append the bytes to our own authentication stream.
struct Send {
  Bytes bytes;
  friend bool operator==(const Send&, const Send&) = default;
};
/// Send FIN on our own authentication stream (open it for that if nothing was sent).
struct Finish {
  friend bool operator==(const Finish&, const Finish&) = default;
};
/// The peer holds the private key of `key`, in this TLS connection. Nothing is pinned: when is_new_key, the
/// owner pins (TrustStore::store_if_new) after the distribution handshake has succeeded too. The owner must
/// also require that the `N` message of that handshake carries `peer`. A name that is valid but only text: a
/// stranger whose key is accepted at first sight may claim any, so it must not become an atom before the peer
/// has shown that it knows the cookie.
struct Authenticated {
  std::string peer;
  PublicKey key;
  bool is_new_key = false;
  friend bool operator==(const Authenticated&, const Authenticated&) = default;
};
/// Close the connection with application code 0, after the FAIL frame has left if one was sent.
struct Failed {
  Failure failure;
  friend bool operator==(const Failed&, const Failed&) = default;
};
using Effect = std::variant<Send, Finish, Authenticated, Failed>;
using Effects = std::vector<Effect>;

/// What one handshake needs to know. Everything is a value; read the identity anew for each handshake, so
/// that a rotated one takes effect at once.
struct HandshakeSetup {
  Role role = Role::client;
  NodeName self;
  Identity identity;
  /// Client: the node that was dialed, whose name the server must claim. Unused by the server.
  std::optional<NodeName> dialed;
  /// Of the certificate the server presents in this connection. None: the handshake fails at start (closed).
  std::optional<ChannelBinding> binding;
  /// Fresh for each handshake, unpredictable (fresh_nonce()).
  Nonce nonce{};
  TrustCheck trust;
  /// auth_timestamp_window: most time between our challenge and its answer; a peer's clock may be off by
  /// twice that.
  Duration timestamp_window = std::chrono::seconds(30);
  /// auth_handshake_timeout: from start() to the end.
  Duration handshake_timeout = std::chrono::seconds(10);
};

/// The Ed25519 authentication handshake, version 2, in either role: a pure core over two byte streams.
///
/// Drive it so: start() once TLS is complete; receive() with every delivery of the peer's authentication
/// stream, cut anywhere; peer_finished() at that stream's end; expire() when deadline() has passed. Carry out
/// the effects in their order. The last effect ever is one Authenticated or one Failed; after it, done() is
/// true and every input is ignored. The client must not send on another stream before Authenticated. Not
/// thread-safe.
///
/// The cookie-only short circuit of the original is left out on purpose: it lets whoever claims a listed name
/// in without a signature. An OK that comes without one is refused.
class Handshake {
 public:
  explicit Handshake(HandshakeSetup setup);

  void start(Moment now, Effects& out);
  void receive(BytesView bytes, Moment now, Effects& out);
  void peer_finished(Effects& out);
  void expire(Moment now, Effects& out);

  /// When to call expire(). Valid after start().
  [[nodiscard]] Instant deadline() const { return started_at_ + setup_.handshake_timeout; }
  [[nodiscard]] bool done() const { return state_ == State::done; }
  /// What the peer's HELLO claims, unproven; empty before.
  [[nodiscard]] const std::string& claimed_name() const { return peer_.name; }

 private:
  /// What we are waiting for.
  enum class State : std::uint8_t { idle, hello, challenge, response, ok, done };

  void handle(BytesView message, Moment now, Effects& out);
  void on_hello(const Hello& hello, Moment now, Effects& out);
  void on_challenge(const Challenge& challenge, Moment now, Effects& out);
  void on_response(const Response& response, Moment now, Effects& out);

  void send_hello(Bytes& bytes) const;
  void send_challenge(Bytes& bytes, Moment now);
  void succeed(Effects& out);
  void fail(FailureReason reason, std::string detail, Effects& out, bool fail_frame_sent = false);
  /// Says so to the client with a FAIL frame first, if we are the server.
  void refuse(FailureReason reason, std::string_view wire_reason, Effects& out);

  HandshakeSetup setup_;
  State state_ = State::idle;
  Instant started_at_{};
  FrameReader frames_;
  Hello peer_;
  bool is_new_key_ = false;
  Challenge own_challenge_;
  Instant challenged_at_{};
};

}  // namespace barrel::auth
