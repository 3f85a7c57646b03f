#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/handshake.hpp"
#include "barrel/base/bytes.hpp"
#include "barrel/base/socket_address.hpp"
#include "carrier/link_config.hpp"
#include "carrier/link_owner.hpp"
#include "carrier/silence.hpp"
#include "dist/handshake.hpp"
#include "dist/message_reader.hpp"

namespace barrel::carrier {

struct LinkContext;

/// Where a link is on its way.
enum class Phase : std::uint8_t {
  connecting,      ///< QUIC, TCP or TLS handshake.
  authenticating,  ///< Ed25519 handshake on the unidirectional streams of QUIC.
  handshaking,     ///< Distribution handshake.
  introducing,     ///< Capability terms (barrel/1).
  pinning,         ///< The peer's key is being stored.
  up,
  down,
};
[[nodiscard]] std::string_view to_string(Phase phase);

/// One connection to another node as a distribution channel, whatever carries it. Made and driven by its
/// carrier, on the cluster thread only.
///
/// What all carriers have in common is here: the distribution handshake, the peer's messages once they are
/// cut out of the stream, deadlines and the end. A carrier's link says how bytes come and go.
class Link {
 public:
  virtual ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Unique among the links of a node, never reused.
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] Phase phase() const { return phase_; }
  /// We dialed, rather than accepted.
  [[nodiscard]] bool dialed() const { return target_.has_value(); }
  /// The name of the other end: dialed or, on an accepted link, authenticated (over TCP: claimed); empty
  /// before that.
  [[nodiscard]] std::string_view name() const { return name_; }
  /// How far our own dial is, for dist::PeerState; none on an accepted link and on one that is up or down.
  [[nodiscard]] dist::DialPhase dial_phase() const;
  /// What is spoken, once the transport's handshake is done.
  [[nodiscard]] dist::Dialect dialect() const { return peer_.dialect; }
  /// Whether the peer has proved its name with its key.
  [[nodiscard]] bool proves_name() const { return carries_ == Carries::quic; }
  /// For people: "barrel/1", "erlang-dist", "erlang-tcp" or "erlang-tls".
  [[nodiscard]] std::string_view protocol() const;
  /// Null before the link was up; stays when it is down.
  [[nodiscard]] const Peer* peer() const { return was_up_ ? &peer_ : nullptr; }
  [[nodiscard]] bool suspected() const { return silence_ && silence_->suspected(); }
  /// When the peer was heard last.
  [[nodiscard]] virtual Instant last_heard() const = 0;
  /// Where the other end is; the last known address when the link is down.
  [[nodiscard]] virtual const SocketAddress& remote_address() const = 0;
  /// Why it is not up, of a link that is still to be set up.
  [[nodiscard]] virtual std::string missing() const { return "no answer"; }
  /// Bytes that the transport keeps because the peer has not acknowledged them.
  [[nodiscard]] virtual std::size_t unacknowledged_bytes() const = 0;

  /// Where to take what the link sends, until it goes down; called in on_up(). Messages that wait in it go
  /// out at once. The link lowers its frame limit to the peer's.
  void attach(dist::Outbound& outbound, Instant now);
  /// Moves what is queued to the transport; called once for each wake-up that a push asked for.
  virtual void flush(Instant now) = 0;
  /// What is due by LinkContext::now. Called by the carrier.
  virtual void on_timer() = 0;
  /// After Pinned::later: whether the key is pinned now. on_up() or on_down() comes within the call.
  virtual void pinned(bool /*is_stored*/, Instant /*now*/) {}
  /// Ends the link; on_down() comes within the call. What was queued is lost.
  void close(std::string_view why, Instant now);

 protected:
  /// What is below the link.
  enum class Carries : std::uint8_t { quic, tcp, tls };

  Link(LinkContext& context, std::uint64_t id, std::optional<NodeName> target, Carries carries);

  // What a carrier's link has to do.
  /// Sends bytes of the distribution handshake.
  virtual void send_control(Bytes bytes) = 0;
  /// dist::AwaitDelivery.
  virtual void await_delivery() {}
  virtual void on_handshake_complete(const dist::HandshakeComplete& complete) = 0;
  /// Whether the transport still is there.
  [[nodiscard]] virtual bool connected() const = 0;
  /// Lets go of the transport; with `linger` after what was sent has left. The phase is down already.
  virtual void release(bool linger) = 0;
  /// The next moment at which the link wants to be called.
  [[nodiscard]] virtual std::optional<Instant> next_timer() const;

  /// Known as soon as the transport is.
  void speak(dist::Dialect dialect);

  // The distribution handshake.
  [[nodiscard]] dist::Flags offered() const;
  void start_handshake(dist::Framing framing);
  void perform(dist::HandshakeEffects effects);
  void receive_handshake(BytesView bytes);
  /// The handshake is over and the peer known: announces it. The transport must be ready to take messages.
  void go_up(const Liveness& liveness);
  /// False after ending the link: the name is one that has to be proved.
  [[nodiscard]] bool admitted(std::string_view peer);

  /// One message of the peer, in a buffer of its own or none.
  void deliver(BytesView frame, const std::shared_ptr<dist::Room>& own, dist::Lane lane,
               std::uint64_t stream = 0);
  void tell_drained();
  /// For metrics: the reader of frames holds that much, fragments of messages not counted.
  void hold_unfinished(std::size_t frame_bytes);

  // The end, and time.
  void end(DownReason reason, std::string text, bool linger = false, std::optional<auth::Failure> auth = {});
  [[nodiscard]] std::string other_end() const;
  void set_deadline(Instant deadline);
  void reschedule();
  /// For a link that is not up: whether its time is over; then it has ended.
  bool expire_setup();
  [[nodiscard]] bool alive() const { return phase_ != Phase::down && connected(); }
  /// The attempt to authenticate has come to an end with the link.
  virtual void before_end() {}
  void unschedule();

  LinkContext& context_;
  const std::uint64_t id_;
  const std::optional<NodeName> target_;
  Carries carries_;
  Phase phase_ = Phase::connecting;
  std::string name_;
  bool was_up_ = false;
  Peer peer_;
  std::optional<dist::Handshake> handshake_;
  bool name_sent_ = false;
  /// When the present phase (or the farewell of a link that is down) is given up; in Phase::up unused.
  std::optional<Instant> deadline_;
  std::optional<Instant> setup_deadline_;
  std::optional<Silence> silence_;
  dist::RoomPool receive_pool_{dist::Reassembler::pool_bytes_max};
  std::optional<dist::MessageReader> message_reader_;
  dist::Outbound* outbound_ = nullptr;  // none before attach() and after the end

 private:
  void ask_owner(const dist::AskVerdict& ask);
  void on_handshake_failed(const dist::HandshakeFailed& failed, bool status_sent);

  std::optional<Instant> scheduled_;
  std::size_t held_unfinished_ = 0;
};

/// For texts: 1.5 s.
[[nodiscard]] std::string in_seconds(Duration duration);

}  // namespace barrel::carrier
