#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "quic/connection.hpp"
#include "quic/connection_id.hpp"
#include "quic/counters.hpp"
#include "quic/endpoint.hpp"
#include "quic/ngtcp2_api.hpp"
#include "quic/packet_train.hpp"
#include "quic/path.hpp"
#include "quic/send_queue.hpp"
#include "quic/tls.hpp"

namespace barrel::quic {

class ConnectionImpl;

constexpr std::uint64_t no_common_protocol = NGTCP2_CRYPTO_ERROR | GNUTLS_A_NO_APPLICATION_PROTOCOL;

/// What a connection needs of its endpoint.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  [[nodiscard]] virtual const EndpointConfig& config() const = 0;
  [[nodiscard]] virtual const TlsContext& tls() const = 0;
  [[nodiscard]] virtual BytesView token_key() const = 0;
  [[nodiscard]] virtual Counters& counters() = 0;
  /// Packets for that connection id belong to the connection.
  virtual void add_route(WireId id, ConnectionImpl& connection) = 0;
  virtual void remove_route(WireId id) = 0;
  /// A stateless reset with that token ends the connection.
  virtual void add_reset_token(const ResetToken& token, ConnectionImpl& connection) = 0;
  virtual void remove_reset_token(const ResetToken& token, ConnectionImpl& connection) = 0;
  /// The connection may have something to write, or has ended.
  virtual void mark_dirty(ConnectionImpl& connection) = 0;
  /// A server handshake is done: who owns the connection from now on.
  virtual ConnectionEvents* handshake_done(ConnectionImpl& connection) = 0;
};

/// One ngtcp2 connection with its TLS session, its streams and what they have to send. See Connection for
/// what users may do; the endpoint reads, writes and ends it.
class ConnectionImpl final : public Connection {
 public:
  /// What a client's first packet says.
  struct Accept {
    SocketAddress local;
    SocketAddress remote;
    const ngtcp2_pkt_hd* header = nullptr;
    /// The first destination the client used, out of its Retry token; empty without Retry.
    std::optional<ngtcp2_cid> before_retry;
  };

  [[nodiscard]] static Result<std::unique_ptr<ConnectionImpl>> dial(ConnectionHost& host, ConnectionId id,
                                                                    const Dial& dial,
                                                                    ConnectionEvents& events, Instant now);
  [[nodiscard]] static Result<std::unique_ptr<ConnectionImpl>> accept(ConnectionHost& host, ConnectionId id,
                                                                      const Accept& accept, Instant now);
  ~ConnectionImpl() override;
  ConnectionImpl(const ConnectionImpl&) = delete;
  ConnectionImpl& operator=(const ConnectionImpl&) = delete;

  // Connection.
  [[nodiscard]] ConnectionId id() const override { return id_; }
  [[nodiscard]] bool is_client() const override { return client_; }
  [[nodiscard]] bool is_connected() const override { return state_ == State::connected; }
  [[nodiscard]] std::string_view alpn() const override { return alpn_; }
  [[nodiscard]] BytesView peer_certificate() const override { return peer_certificate_; }
  [[nodiscard]] const SocketAddress& remote_address() const override { return remote_; }
  [[nodiscard]] Instant last_received() const override { return last_received_; }
  [[nodiscard]] ConnectionStats stats() const override;
  [[nodiscard]] Result<StreamId> open_bidirectional() override { return open(false); }
  [[nodiscard]] Result<StreamId> open_unidirectional() override { return open(true); }
  void set_priority(StreamId stream, StreamPriority priority) override;
  Result<std::uint64_t> send(StreamId stream, SharedBytes bytes, bool fin) override;
  [[nodiscard]] std::uint64_t acknowledged(StreamId stream) const override;
  [[nodiscard]] std::size_t unsent(StreamId stream) const override;
  [[nodiscard]] std::size_t buffered() const override { return buffered_; }
  void consume(StreamId stream, std::size_t count) override;
  void reset_stream(StreamId stream, std::uint64_t code) override;
  void stop_sending(StreamId stream, std::uint64_t code) override;
  void admit() override;
  void probe() override;
  void set_keep_alive(Duration interval) override;
  void close(std::uint64_t code, std::string_view text) override;
  void detach() override { events_ = nullptr; }

  // For the endpoint.
  enum class ReadResult : std::uint8_t {
    ok,
    retry,  ///< Send a Retry and forget the connection, which never was one.
    drop,   ///< Forget the connection, which never was one.
  };
  [[nodiscard]] ReadResult read(BytesView packet, const SocketAddress& local, const SocketAddress& remote,
                                Instant now);
  /// Writes one burst. True when more could be written at once.
  bool write(PacketTrain& train, Instant now);
  void handle_expiry(Instant now);
  /// ICMP says that nobody listens there.
  void on_refused(Instant now);
  [[nodiscard]] std::optional<Instant> expiry() const;
  /// Over, apart from what finish() does.
  [[nodiscard]] bool ended() const { return end_.has_value(); }
  [[nodiscard]] bool handshaking() const { return state_ == State::handshaking; }
  /// Whether the client's address was proven by a token when the connection was made.
  [[nodiscard]] bool address_proven() const { return address_proven_; }

  struct Farewell {
    Bytes packet;  ///< CONNECTION_CLOSE, to be sent now and again on late packets; may be empty.
    SocketAddress local;
    SocketAddress remote;
    Duration linger{};  ///< Three probe timeouts (RFC 9000 §10.2).
    std::vector<WireId> routes;
  };
  /// Makes the last packet. Only once, when ended(); the connection reads and writes no more.
  [[nodiscard]] Farewell finish(Instant now);
  /// Delivers on_closed.
  void deliver_closed();

  // Bookkeeping of the endpoint.
  bool dirty = false;
  std::optional<Instant> timer_at;
  std::optional<InitialRoute> initial_route;
  std::vector<ResetToken> reset_tokens;
  std::optional<SocketAddress> counted_half_open;

 private:
  enum class State : std::uint8_t { handshaking, connected, closing };

  struct Stream {
    Stream(StreamId number, bool by_peer) : id(number), opened_by_peer(by_peer) {}
    StreamId id;
    SendQueue out;
    std::uint64_t unconsumed = 0;
    StreamPriority priority = StreamPriority::normal;
    bool opened_by_peer;
    bool ready = false;        ///< In ready_.
    bool parked = false;       ///< Waits for the peer's window.
    bool write_ended = false;  ///< No more can be sent: reset by us or stopped by the peer.
    bool reset_by_us = false;
    bool reset_by_peer = false;
    bool stop_told = false;
    bool discarding = false;  ///< We sent STOP_SENDING.
    bool fin_told = false;
    bool closed = false;  ///< Gone in ngtcp2, kept until consumed.
    bool full = false;    ///< Was above send_high_water.
  };

  struct End {
    CloseReason reason;
    bool tell_peer = false;
    ng::CloseError error{};
  };

  ConnectionImpl(ConnectionHost& host, ConnectionId id, bool client, const SocketAddress& local,
                 const SocketAddress& remote, Instant now);
  ngtcp2_callbacks make_callbacks();
  [[nodiscard]] ngtcp2_settings make_settings(Instant now, Duration handshake_timeout) const;
  [[nodiscard]] ngtcp2_transport_params make_params() const;
  ngtcp2_cid issue_connection_id();
  void token_for(const ngtcp2_cid& cid, std::uint8_t* token) const;

  Result<StreamId> open(bool unidirectional);
  Stream& add_stream(StreamId id, bool by_peer);
  [[nodiscard]] Stream* find(StreamId id);
  [[nodiscard]] const Stream* find(StreamId id) const;
  [[nodiscard]] bool can_write(StreamId id) const;
  void make_ready(Stream& stream);
  void unready(Stream& stream);
  void end_writing(Stream& stream);
  void release(Stream& stream);
  void forget_if_done(Stream& stream);
  void give_window(std::uint64_t credit);

  ngtcp2_ssize write_packet(std::span<std::uint8_t> room, Path& path, ngtcp2_tstamp now);
  void on_sent(Stream& stream, std::size_t count, bool fin);
  void write_probe(PacketTrain& train, Instant now);
  void tell_deferred();

  void count_end(const CloseReason& reason);
  void end(CloseReason reason);
  void end_with(CloseReason reason, const ng::CloseError& error);
  void fail(int library_error);
  void on_peer_closed();
  void follow_path();
  [[nodiscard]] ngtcp2_tstamp stamp(Instant now);
  void apply_keep_alive();
  [[nodiscard]] bool told() const { return events_ != nullptr && state_ != State::closing && !end_; }

  // Called by ngtcp2 (connection_callbacks.cpp).
  friend struct Callbacks;
  int on_handshake_completed();
  void on_stream_opened(StreamId id);
  void on_stream_data(Stream& stream, BytesView bytes, bool fin);
  void end_received(StreamId id);
  void on_stream_close(Stream& stream, bool error_code_set);
  void on_stream_reset(Stream& stream, std::uint64_t code);
  void on_acknowledged(Stream& stream, std::uint64_t offset);

  ConnectionHost* host_;
  ConnectionEvents* events_ = nullptr;
  ConnectionId id_;
  bool client_;
  bool address_proven_ = false;
  bool heard_ = false;
  bool probe_wanted_ = false;
  Instant next_refusal_probe_{};
  bool reset_received_ = false;
  State state_ = State::handshaking;
  SocketAddress local_;
  SocketAddress remote_;
  Instant last_received_;
  ngtcp2_tstamp latest_ = 0;  ///< What ngtcp2 was told last.
  Duration keep_alive_;
  std::string alpn_;
  Bytes peer_certificate_;
  std::vector<WireId> issued_;
  std::unordered_map<StreamId, std::unique_ptr<Stream>> streams_;
  std::array<std::deque<Stream*>, 2> ready_;  ///< By StreamPriority.
  std::size_t buffered_ = 0;
  std::uint64_t window_bytes_;          ///< The connection's, as told to the peer.
  std::uint64_t window_credit_ = 0;     ///< Consumed, and not told to the peer.
  std::uint64_t received_streams_ = 0;  ///< Unidirectional ones of the peer that are done.
  std::vector<StreamId> writable_;      ///< To be told when the burst is over.
  std::vector<StreamId> stopped_;       ///< As above.
  std::optional<End> end_;
  std::optional<CloseReason> close_wanted_;
  ngtcp2_crypto_conn_ref reference_{};
  std::unique_ptr<TlsSession> tls_;
  ngtcp2_conn* conn_ = nullptr;
};

/// How many packets this thread has opened so far: tells whether a datagram held one that only the peer can
/// have made.
[[nodiscard]] std::uint64_t packets_opened();

}  // namespace barrel::quic
