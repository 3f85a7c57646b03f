#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "auth/handshake.hpp"
#include "barrel/base/bytes.hpp"
#include "carrier/link_config.hpp"
#include "carrier/link_owner.hpp"
#include "carrier/silence.hpp"
#include "carrier/stream_map.hpp"
#include "dist/frame_reader.hpp"
#include "dist/handshake.hpp"
#include "quic/connection.hpp"

namespace barrel::carrier {

struct LinkContext;

/// Where a link is on its way.
enum class Phase : std::uint8_t {
  connecting,      ///< QUIC handshake.
  authenticating,  ///< Ed25519 handshake on the unidirectional streams.
  handshaking,     ///< Distribution handshake on stream 0.
  introducing,     ///< Capability terms (barrel/1).
  up,
  down,
};
[[nodiscard]] std::string_view to_string(Phase phase);

/// One QUIC connection as a distribution channel. Made and driven by the QuicCarrier, on the cluster thread
/// only.
class Link final : private quic::ConnectionEvents {
 public:
  Link(LinkContext& context, std::uint64_t id, std::optional<NodeName> target);
  ~Link() override;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Unique among the links of a carrier, never reused.
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] Phase phase() const { return phase_; }
  /// We dialed, rather than accepted.
  [[nodiscard]] bool dialed() const { return target_.has_value(); }
  /// The name of the other end: dialed or, on an accepted link, authenticated; unset before that.
  [[nodiscard]] std::optional<NodeName> name() const { return name_; }
  /// How far our own dial is, for dist::PeerState; none on an accepted link and on one that is up or down.
  [[nodiscard]] dist::DialPhase dial_phase() const;
  /// What is spoken, once the QUIC handshake is done.
  [[nodiscard]] dist::Dialect dialect() const { return peer_.dialect; }
  /// Null before the link was up; stays when it is down.
  [[nodiscard]] const Peer* peer() const { return was_up_ ? &peer_ : nullptr; }
  [[nodiscard]] bool suspected() const { return silence_ && silence_->suspected(); }
  /// When the last packet of the peer arrived.
  [[nodiscard]] Instant last_heard() const;
  /// Where the other end is; the last known address when the link is down.
  [[nodiscard]] const SocketAddress& remote_address() const;
  /// Bytes that QUIC keeps because the peer has not acknowledged them.
  [[nodiscard]] std::size_t unacknowledged_bytes() const;

  /// Where to take what the link sends, until it goes down; called in on_up(). Messages that wait in it go
  /// out at once. The link lowers its frame limit to the peer's.
  void attach(dist::Outbound& outbound, Instant now);
  /// Moves what is queued to the streams; called once for each wake-up that a push asked for.
  void flush(Instant now);
  /// Ends the link with application code 0; on_down() comes within the call. What was queued is lost.
  void close(std::string_view why, Instant now);

  // For the carrier.
  [[nodiscard]] quic::ConnectionEvents& events() { return *this; }
  void set_connection(quic::Connection& connection);
  /// Undoes the making of a link whose connection could not be made.
  void abandon();
  void on_timer();

 private:
  /// The state of one data stream that the peer sends on.
  struct Incoming {
    Incoming(quic::StreamId number, std::size_t frame_bytes_max) : stream(number), reader(frame_bytes_max) {}
    quic::StreamId stream;
    dist::FrameReader reader;
    Bytes early;  // what came before the link was up
  };
  /// One outgoing lane.
  struct Outgoing {
    quic::StreamId stream = 0;
    std::uint64_t acknowledged = 0;   // bytes of the stream that the peer has
    std::deque<SharedBytes> refused;  // taken from the queue, but QUIC's buffers were full
    bool behind = false;              // more waits than QUIC takes now: go on when it has sent some
  };

  // quic::ConnectionEvents
  void on_connected(quic::Connection& connection) override;
  void on_stream_data(quic::Connection& connection, quic::StreamId stream, BytesView bytes,
                      bool fin) override;
  void on_stream_reset(quic::Connection& connection, quic::StreamId stream, std::uint64_t code) override;
  void on_stop_sending(quic::Connection& connection, quic::StreamId stream) override;
  void on_stream_acknowledged(quic::Connection& connection, quic::StreamId stream,
                              std::uint64_t offset) override;
  void on_stream_writable(quic::Connection& connection, quic::StreamId stream) override;
  void on_stream_closed(quic::Connection& connection, quic::StreamId stream) override;
  void on_closed(quic::Connection& connection, const quic::CloseReason& reason) override;

  // Setting up (link_setup.cpp).
  void start_auth();
  void perform(auth::Effects effects);
  void send_auth(Bytes bytes, bool fin);
  void on_auth_stream(BytesView bytes, bool fin);
  void on_auth_failed(const auth::Failed& failed);
  /// The end of an attempt to authenticate, once.
  void count_auth(bool succeeded);
  void start_handshake();
  void perform(dist::HandshakeEffects effects);
  void ask_owner(const dist::AskVerdict& ask);
  void on_handshake_complete(const dist::HandshakeComplete& complete);
  void on_handshake_failed(const dist::HandshakeFailed& failed, bool status_sent);
  void send_control(Bytes bytes);
  void on_control_stream(BytesView bytes, bool fin);
  void on_introduction(BytesView bytes);
  void come_up();

  // Messages (link_streams.cpp).
  void on_data_stream(quic::StreamId stream, BytesView bytes);
  void keep_early(Incoming& incoming, BytesView bytes);
  void replay_early();
  void read_messages(Incoming& incoming, BytesView bytes);
  void deliver(const Incoming& incoming);
  void refuse_user_stream(quic::StreamId stream);
  void open_lanes();
  void pump(dist::Lane lane);
  void pump_behind(quic::StreamId stream);
  void credit(quic::StreamId stream, std::uint64_t offset);
  [[nodiscard]] bool send_block(Outgoing& lane, const SharedBytes& block);
  void tell_drained();
  [[nodiscard]] dist::Lane lane_of(quic::StreamId stream) const;

  // The end, and time.
  void end(DownReason reason, std::string text, bool linger = false, std::optional<auth::Failure> auth = {});
  void drop_connection();
  [[nodiscard]] bool all_setup_acknowledged() const;
  [[nodiscard]] Down explain_close(const quic::CloseReason& reason) const;
  [[nodiscard]] std::string other_end() const;
  void set_deadline(Instant deadline);
  void reschedule();
  void check_silence();
  [[nodiscard]] bool alive() const { return phase_ != Phase::down && connection_ != nullptr; }
  /// The streams that this end opens are the client's.
  [[nodiscard]] bool is_client() const { return dialed(); }

  LinkContext& context_;
  const std::uint64_t id_;
  const std::optional<NodeName> target_;
  Phase phase_ = Phase::connecting;
  quic::Connection* connection_ = nullptr;
  std::optional<NodeName> name_;
  SocketAddress last_address_;
  Instant last_heard_{};
  bool was_up_ = false;
  Peer peer_;

  std::optional<auth::Handshake> auth_;
  std::optional<Instant> auth_started_;  // and not counted yet
  std::optional<quic::StreamId> auth_stream_;
  std::optional<dist::Handshake> handshake_;
  bool name_sent_ = false;
  Bytes introduction_;
  /// How far our setup streams were written, for what has to wait for the peer's acknowledgement.
  std::uint64_t auth_sent_ = 0;
  std::uint64_t control_sent_ = 0;
  bool awaiting_delivery_ = false;

  /// When the present phase (or the farewell of a link that is down) is given up; in Phase::up unused.
  std::optional<Instant> deadline_;
  std::optional<Instant> setup_deadline_;
  std::optional<Instant> delivered_at_;
  std::optional<Silence> silence_;
  std::optional<Instant> scheduled_;

  std::optional<dist::MessageParser> parser_;
  std::array<std::unique_ptr<Incoming>, data_stream_count> incoming_;
  std::size_t early_bytes_ = 0;
  std::set<quic::StreamId> refused_streams_;
  std::array<Outgoing, dist::lane_count> outgoing_;
  dist::Outbound* outbound_ = nullptr;  // none before attach() and after the end
};

}  // namespace barrel::carrier
