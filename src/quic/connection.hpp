#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "barrel/base/bytes.hpp"
#include "barrel/base/socket_address.hpp"
#include "barrel/base/time.hpp"
#include "barrel/term/result.hpp"
#include "barrel/term/shared_bytes.hpp"

namespace barrel::quic {

/// Names a connection of one endpoint; never used twice. Not the connection id on the wire.
using ConnectionId = std::uint64_t;

/// RFC 9000 stream number: bit 0 tells who opened it (0 client, 1 server), bit 1 whether it is
/// unidirectional.
using StreamId = std::uint64_t;
[[nodiscard]] constexpr bool is_unidirectional(StreamId stream) {
  return (stream & 2) != 0;
}
[[nodiscard]] constexpr bool opened_by_server(StreamId stream) {
  return (stream & 1) != 0;
}

enum class CloseKind : std::uint8_t {
  application,   ///< CONNECTION_CLOSE of the application (0x1d) with `code`.
  transport,     ///< CONNECTION_CLOSE of the transport (0x1c) with the RFC 9000 `code`, TLS alerts included.
  idle_timeout,  ///< Nothing was received for the negotiated time.
  handshake_timeout,  ///< The handshake did not finish before its deadline.
  refused,            ///< Nobody listens there, as far as ICMP says, or the server refused the connection.
  stateless_reset,    ///< The peer has lost the connection's state, most likely it was restarted.
  version,            ///< The peer speaks no QUIC version of ours.
};
[[nodiscard]] std::string_view to_string(CloseKind kind) noexcept;

/// Why a connection is over.
struct CloseReason {
  CloseKind kind = CloseKind::application;
  std::uint64_t code = 0;
  bool by_peer = false;  ///< The peer ended it, not this side.
  std::string text;      ///< The peer's reason phrase or ours, for logs.
};

/// Which streams go first; within a class they take turns packet by packet.
enum class StreamPriority : std::uint8_t {
  control,  ///< Before all others. Stream 0 starts with it.
  normal,   ///< What other streams start with.
};

struct ConnectionStats {
  Duration smoothed_rtt{};
  std::uint64_t congestion_window = 0;
  std::uint64_t bytes_in_flight = 0;
  std::size_t udp_payload_bytes = 0;  ///< What path MTU discovery has reached.
};

/// One QUIC connection of an Endpoint, either role. Made by the endpoint; valid until
/// ConnectionEvents::on_closed returns. Nothing here writes to the network: everything is queued and leaves
/// with Endpoint::flush(), so that all calls are allowed inside events. Not thread-safe: same thread as its
/// endpoint.
class Connection {
 public:
  virtual ~Connection() = default;

  [[nodiscard]] virtual ConnectionId id() const = 0;
  [[nodiscard]] virtual bool is_client() const = 0;
  [[nodiscard]] virtual bool is_connected()
      const = 0;  ///< The handshake is done and close was not asked for.
  /// The protocol agreed on; empty before the handshake is done.
  [[nodiscard]] virtual std::string_view alpn() const = 0;
  /// DER of the leaf certificate that the peer proved to hold; empty on a server, which asks for none.
  [[nodiscard]] virtual BytesView peer_certificate() const = 0;
  /// Follows the peer when its address changes.
  [[nodiscard]] virtual const SocketAddress& remote_address() const = 0;
  /// When the last packet that only the peer can have made arrived; the time of creation before the first.
  [[nodiscard]] virtual Instant last_received() const = 0;
  [[nodiscard]] virtual ConnectionStats stats() const = 0;

  /// The next stream of ours. Errors: busy when the peer allows no more
  /// (ConnectionEvents::on_streams_available tells when), closed before the handshake is done or after the
  /// close.
  [[nodiscard]] virtual Result<StreamId> open_bidirectional() = 0;
  [[nodiscard]] virtual Result<StreamId> open_unidirectional() = 0;
  virtual void set_priority(StreamId stream, StreamPriority priority) = 0;

  /// Appends to the stream without copying; the blocks are kept until the peer has acknowledged them. Slices
  /// that continue the previous one in the same block are joined. Empty bytes with `fin` just end the stream.
  /// Gives the stream offset after the bytes, which acknowledged() reaches once the peer has them.
  /// Errors: closed (stream or connection ended, or the peer stopped reading), invalid_argument (not a stream
  /// to write on, or already ended), busy (EndpointConfig::send_buffer_bytes_max).
  virtual Result<std::uint64_t> send(StreamId stream, SharedBytes bytes, bool fin = false) = 0;
  /// Up to where the peer has acknowledged every byte of the stream.
  [[nodiscard]] virtual std::uint64_t acknowledged(StreamId stream) const = 0;
  /// Bytes given to send() that have not left yet.
  [[nodiscard]] virtual std::size_t unsent(StreamId stream) const = 0;
  /// Bytes of all streams that are kept here, unsent or unacknowledged.
  [[nodiscard]] virtual std::size_t buffered() const = 0;

  /// Tells that `count` delivered bytes of the stream are dealt with, so that the peer may send as many more.
  /// Every delivered byte has to be consumed sooner or later, also of streams that ended; a stream's credit
  /// for a new stream is given back when all of it is.
  virtual void consume(StreamId stream, std::size_t count) = 0;

  /// Ends our sending side at once and forgets what is unsent (RESET_STREAM).
  virtual void reset_stream(StreamId stream, std::uint64_t code) = 0;
  /// Tells the peer that we read no more of the stream (STOP_SENDING); what was delivered counts as consumed.
  virtual void stop_sending(StreamId stream, std::uint64_t code) = 0;

  /// The peer has earned the whole of EndpointConfig::connection_window_bytes; until now it had
  /// setup_window_bytes.
  virtual void admit() = 0;

  /// Sends a PING with the next flush, so that a living peer answers within a round trip.
  virtual void probe() = 0;
  /// A PING is sent when nothing was received or sent for `interval`; zero never.
  virtual void set_keep_alive(Duration interval) = 0;

  /// Ends the connection with an application close. What is unsent is lost. on_closed follows within the next
  /// flush and is the only event still to come.
  virtual void close(std::uint64_t code = 0, std::string_view text = {}) = 0;
  /// From now on nobody is told anything about this connection, so that its ConnectionEvents may go.
  virtual void detach() = 0;
};

/// What a connection tells its owner, in the order in which it happens. All calls on the Connection are
/// allowed inside; destroying the Endpoint is not.
class ConnectionEvents {
 public:
  virtual ~ConnectionEvents() = default;
  /// The handshake is done: alpn() and peer_certificate() are known, streams may be opened.
  virtual void on_connected(Connection& connection) = 0;
  /// The peer uses a stream for the first time; data may follow, or not: it can keep the first byte back.
  virtual void on_stream_opened(Connection&, StreamId) {}
  /// The next bytes of a stream, in order; valid during the call.
  /// `fin` comes once, with the last bytes or with none.
  virtual void on_stream_data(Connection& connection, StreamId stream, BytesView bytes, bool fin) = 0;
  /// The peer abandoned its sending side; no more data comes.
  virtual void on_stream_reset(Connection& connection, StreamId stream, std::uint64_t code) = 0;
  /// The peer reads no more of what we send on the stream, which therefore has been reset. Noticed when there
  /// is something to send on it, otherwise when the stream closes.
  virtual void on_stop_sending(Connection&, StreamId) {}
  /// Every byte before `offset` has been acknowledged.
  virtual void on_stream_acknowledged(Connection&, StreamId, std::uint64_t /*offset*/) {}
  /// The unsent bytes of a stream fell from above EndpointConfig::send_high_water to below send_low_water.
  virtual void on_stream_writable(Connection&, StreamId) {}
  /// Both directions have ended and nothing is in flight; the id says nothing any more.
  virtual void on_stream_closed(Connection&, StreamId) {}
  /// The peer allows more streams of ours.
  virtual void on_streams_available(Connection&, bool /*unidirectional*/) {}
  /// The last event. Never comes inside another call on the connection.
  virtual void on_closed(Connection& connection, const CloseReason& reason) = 0;
};

}  // namespace barrel::quic
