#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "barrel/base/bytes.hpp"
#include "barrel/base/random.hpp"
#include "barrel/term/node_name.hpp"
#include "dist/crossing.hpp"
#include "dist/flags.hpp"
#include "dist/handshake_messages.hpp"
#include "dist/open_challenges.hpp"

namespace barrel::dist {

enum class Role : std::uint8_t {
  initiator,  ///< Dialed; speaks first.
  acceptor,
};

enum class Framing : std::uint8_t {
  none,      ///< Stream 0 of an `erlang-dist` connection: messages delimit themselves.
  length16,  ///< `Length:16` before each message: `barrel/1`, and Erlang over TCP.
  length32,  ///< `Length:32` before each message: Erlang over TLS.
};

/// What one handshake needs to know. Everything is a value.
struct HandshakeSetup {
  Role role = Role::initiator;
  Framing framing = Framing::none;
  NodeName self;
  /// The node that was dialed, or the name that the peer has proved in authentication: its messages must
  /// carry it. Empty only where nothing proves a name (an acceptor over TCP).
  std::string peer;
  std::uint32_t creation = 4;
  Flags flags = offered_flags;
  std::string cookie;
  /// Whether a peer is let in that has no more than OTP's mandatory capabilities; see demanded_flags().
  bool plain_peers = false;
  /// The node's; may be null where there is only one handshake at a time. Outlives the handshake.
  OpenChallenges* open_challenges = nullptr;
  /// Asked, when the peer has shown the cookie, whether a name that is no atom yet may become one; empty:
  /// yes.
  std::function<bool()> admits_new_name{};
};

/// Why a handshake failed. Closed: switch without a default.
enum class HandshakeFailure : std::uint8_t {
  malformed,      ///< Bytes that are no message of the handshake, or not the one that is due.
  wrong_name,     ///< Another name than was dialed or authenticated, an invalid one, or our own.
  missing_flags,  ///< The peer lacks capabilities that we demand.
  wrong_cookie,   ///< The peer's digest does not match.
  reflected,      ///< The peer's challenge is one of ours, whose answer it would learn from us.
  refused,  ///< Status `nok`: the peer prefers its own dial to us; a connection from it follows or is there.
  not_allowed,     ///< Status `not_allowed`: the peer does not accept us.
  too_many_names,  ///< The peer is one more node that we have never heard of.
  abandoned,       ///< Status `false`: the peer dialed, but does not mean it any more.
  refused_by_us,   ///< Our own dial to the peer stays (Verdict::refuse, refuse_silently).
};
/// As written above; also what counters are named after (`dist.handshake_failed.<name>`).
[[nodiscard]] std::string_view to_string(HandshakeFailure failure);

/// Write the bytes to the peer, in one STREAM frame if possible.
struct SendBytes {
  Bytes bytes;
};
/// Call delivered() when the peer has acknowledged all bytes sent so far, and a little later (framing none
/// only): an Erlang initiator takes what it reads at once as one message, so that the status must reach it
/// alone.
struct AwaitDelivery {};
/// Acceptor: call answer() with what to do about `peer`, a valid name, which may be one that it gets from us.
/// Receiving may go on meanwhile. The name becomes an atom only after the peer has shown that it knows the
/// cookie.
struct AskVerdict {
  std::string peer;
  std::uint32_t creation = 0;
};
/// Both sides know the cookie. take_leftover() has what came behind the last message.
struct HandshakeComplete {
  NodeName peer;
  std::uint32_t creation = 0;
  /// Of both sides.
  Flags flags = 0;
};
/// Close the connection, after what was sent has left. Never a status first, except where SendBytes said so.
struct HandshakeFailed {
  HandshakeFailure reason = HandshakeFailure::malformed;
  /// One sentence that names what was wrong and, where an operator can mend it, how.
  std::string text;
};
using HandshakeEffect =
    std::variant<SendBytes, AwaitDelivery, AskVerdict, HandshakeComplete, HandshakeFailed>;
using HandshakeEffects = std::vector<HandshakeEffect>;

/// The distribution handshake, version 6, in either role: a pure core over one byte stream.
///
/// Drive it so: start(); receive() with every delivery, cut anywhere; answer() and delivered() when an effect
/// asked for them. Carry out the effects in order. The last effect ever is one HandshakeComplete or one
/// HandshakeFailed; after it done() is true and every input is ignored. Deadlines are the owner's. Not
/// thread-safe.
class Handshake {
 public:
  /// Most bytes kept before they can be used: the longest message takes 275, and a capability term may
  /// follow.
  static constexpr std::size_t buffered_bytes_max = 8192;

  Handshake(HandshakeSetup setup, Random random);

  void start(HandshakeEffects& out);
  void receive(BytesView bytes, HandshakeEffects& out);
  void answer(Verdict verdict, HandshakeEffects& out);
  void delivered(HandshakeEffects& out);

  [[nodiscard]] bool done() const { return state_ == State::done; }
  [[nodiscard]] bool started() const { return state_ != State::idle; }
  /// The initiator has given its answer to the challenge and waits: a peer that closes now has another
  /// cookie.
  [[nodiscard]] bool cookie_in_doubt() const { return state_ == State::ack; }
  /// What is waited for, for the log of a handshake that took too long.
  [[nodiscard]] std::string_view waiting_for() const;
  /// What followed the handshake's last message; empties it.
  [[nodiscard]] Bytes take_leftover() { return std::exchange(buffer_, {}); }

 private:
  enum class State : std::uint8_t {
    idle,
    name,
    verdict,
    confirmation,
    delivery,
    status,
    challenge,
    reply,
    ack,
    done,
  };

  /// One step with the bytes at hand; false when it needs more, or has to wait for the owner.
  [[nodiscard]] bool step(HandshakeEffects& out);
  [[nodiscard]] bool step_message(BytesView bytes, bool framed, std::size_t& taken, HandshakeEffects& out);
  /// `whole`: size of the frame, which the message must fill.
  template <class M>
  [[nodiscard]] bool take(const ParseOutcome<M>& outcome, std::optional<std::size_t> whole,
                          std::size_t& taken, HandshakeEffects& out);

  void on(const NameMessage& message, HandshakeEffects& out);
  void on(const StatusMessage& message, HandshakeEffects& out);
  void on(const ChallengeMessage& message, HandshakeEffects& out);
  void on(const ReplyMessage& message, HandshakeEffects& out);
  void on(const AckMessage& message, HandshakeEffects& out);
  void on_confirmation(Status status, HandshakeEffects& out);
  /// Names a peer that has none, at `host`; false (and failed) when there is no such host.
  [[nodiscard]] bool name_peer(const std::string& host, HandshakeEffects& out);

  /// Notes name, creation and flags of the peer; false (and failed) when one of them is not acceptable.
  [[nodiscard]] bool accept_peer(std::string_view name, std::uint32_t creation, Flags flags,
                                 HandshakeEffects& out);
  [[nodiscard]] bool is_reflected(std::uint32_t challenge, HandshakeEffects& out);
  void accept(Status status, HandshakeEffects& out);
  void send(const Bytes& message, HandshakeEffects& out);
  void send_challenge(HandshakeEffects& out);
  void complete(const std::optional<AckMessage>& ack, HandshakeEffects& out);
  void fail(HandshakeFailure reason, std::string text, HandshakeEffects& out);
  [[nodiscard]] std::string peer_text() const;

  HandshakeSetup setup_;
  std::uint32_t own_challenge_;
  OpenChallenges::Entry open_;
  State state_ = State::idle;
  Bytes buffer_;
  std::string claimed_name_;
  std::uint32_t peer_creation_ = 0;
  Flags negotiated_ = 0;
  /// The peer asked for a name, and is to be told that it is called `claimed_name_`.
  bool names_peer_ = false;
  Random random_;
};

}  // namespace barrel::dist
