#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "carrier/link.hpp"
#include "carrier/stream_map.hpp"
#include "dist/frame_reader.hpp"
#include "quic/connection.hpp"

namespace barrel::carrier {

/// One QUIC connection as a distribution channel. Made and driven by the QuicCarrier.
class QuicLink final : public Link, private quic::ConnectionEvents {
 public:
  QuicLink(LinkContext& context, std::uint64_t id, std::optional<NodeName> target);
  ~QuicLink() override;

  // Link. last_heard() is the last packet of the peer.
  [[nodiscard]] Instant last_heard() const override;
  [[nodiscard]] const SocketAddress& remote_address() const override;
  [[nodiscard]] std::size_t unacknowledged_bytes() const override;
  void flush(Instant now) override;
  void on_timer() override;
  void pinned(bool is_stored, Instant now) override;

  // For the carrier.
  [[nodiscard]] quic::ConnectionEvents& events() { return *this; }
  void set_connection(quic::Connection& connection);
  /// Undoes the making of a link whose connection could not be made.
  void abandon();

 private:
  /// The state of one data stream that the peer sends on.
  struct Incoming {
    Incoming(quic::StreamId number, std::size_t frame_bytes_max, dist::RoomPool pool)
        : stream(number), reader(frame_bytes_max, std::move(pool)) {}
    quic::StreamId stream;
    dist::FrameReader reader;
    std::size_t unfinished = 0;  // what the reader held at last
    std::uint64_t ticks_counted = 0;
    Bytes early;         // what came before the link was up
    bool ended = false;  // nothing more comes
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
  void on_stream_opened(quic::Connection& connection, quic::StreamId stream) override;
  void on_stream_data(quic::Connection& connection, quic::StreamId stream, BytesView bytes,
                      bool fin) override;
  void on_stream_reset(quic::Connection& connection, quic::StreamId stream, std::uint64_t code) override;
  void on_stop_sending(quic::Connection& connection, quic::StreamId stream) override;
  void on_stream_acknowledged(quic::Connection& connection, quic::StreamId stream,
                              std::uint64_t offset) override;
  void on_stream_writable(quic::Connection& connection, quic::StreamId stream) override;
  void on_stream_closed(quic::Connection& connection, quic::StreamId stream) override;
  void on_closed(quic::Connection& connection, const quic::CloseReason& reason) override;

  // Setting up (quic_link_setup.cpp).
  using Link::perform;
  void start_auth();
  void perform(auth::Effects effects);
  void send_auth(Bytes bytes, bool fin);
  void on_auth_stream(BytesView bytes, bool fin);
  void on_auth_failed(const auth::Failed& failed);
  /// The end of an attempt to authenticate, once.
  void count_auth(bool succeeded);
  void start_dist_handshake();
  void send_control(Bytes bytes) override;
  void await_delivery() override { awaiting_delivery_ = true; }
  void on_handshake_complete(const dist::HandshakeComplete& complete) override;
  void on_control_stream(BytesView bytes, bool fin);
  void on_introduction(BytesView bytes);
  void come_up();
  /// Carries messages from now on.
  void begin();

  // Messages (quic_link_streams.cpp).
  /// Whether the peer may use the stream as early as this.
  [[nodiscard]] bool may_open(quic::StreamId stream) const;
  void on_data_stream(quic::StreamId stream, BytesView bytes, bool fin);
  void keep_early(Incoming& incoming, BytesView bytes);
  void replay_early();
  void read_messages(Incoming& incoming, BytesView bytes);
  void refuse_user_stream(quic::StreamId stream);
  void open_lanes();
  void pump(dist::Lane lane);
  void pump_behind(quic::StreamId stream);
  void credit(quic::StreamId stream, std::uint64_t offset);
  [[nodiscard]] bool send_block(Outgoing& lane, const SharedBytes& block);
  /// Bounds what the peer leaves unfinished, by all its streams together.
  void count_ticks(Incoming& incoming);
  void count_unfinished(Incoming& incoming);
  [[nodiscard]] dist::Lane lane_of(quic::StreamId stream) const;

  // The end, and time.
  [[nodiscard]] bool connected() const override { return connection_ != nullptr; }
  void before_end() override { count_auth(false); }
  void release(bool linger) override;
  void drop_connection();
  [[nodiscard]] bool all_setup_acknowledged() const;
  [[nodiscard]] Down explain_close(const quic::CloseReason& reason) const;
  [[nodiscard]] std::optional<Instant> next_timer() const override;
  void check_silence();
  /// The streams that this end opens are the client's.
  [[nodiscard]] bool is_client() const { return dialed(); }

  quic::Connection* connection_ = nullptr;
  SocketAddress last_address_;
  Instant last_heard_{};

  std::optional<auth::Handshake> auth_;
  std::optional<Instant> auth_started_;  // and not counted yet
  std::optional<quic::StreamId> auth_stream_;
  Bytes introduction_;
  /// How far our setup streams were written, for what has to wait for the peer's acknowledgement.
  std::uint64_t auth_sent_ = 0;
  std::uint64_t control_sent_ = 0;
  bool awaiting_delivery_ = false;
  std::optional<Instant> delivered_at_;

  std::array<std::unique_ptr<Incoming>, data_stream_count> incoming_;
  std::size_t early_bytes_ = 0;
  std::size_t unfinished_bytes_ = 0;  // of all incoming streams
  std::set<quic::StreamId> refused_streams_;
  std::array<Outgoing, dist::lane_count> outgoing_;
};

}  // namespace barrel::carrier
