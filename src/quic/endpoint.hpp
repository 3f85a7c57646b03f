#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "barrel/base/bytes.hpp"
#include "barrel/base/datagram.hpp"
#include "barrel/base/log.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/base/time.hpp"
#include "barrel/term/result.hpp"
#include "quic/connection.hpp"
#include "quic/endpoint_config.hpp"

namespace barrel::quic {

/// What an endpoint asks its owner.
class EndpointEvents {
 public:
  virtual ~EndpointEvents() = default;
  /// A client has finished the handshake. Gives who owns the connection (on_connected follows), or null to
  /// refuse it. The owner must live until on_closed or Connection::detach.
  virtual ConnectionEvents* on_accept(Connection& connection) = 0;
};

struct Dial {
  SocketAddress remote;
  SocketAddress local;            ///< The socket's local_address().
  std::string server_name;        ///< Sent as SNI when it is a DNS name; empty or an IP literal sends none.
  std::vector<std::string> alpn;  ///< Empty: EndpointConfig::alpn.
  std::optional<Duration> deadline;  ///< For the handshake; empty: EndpointConfig::handshake_timeout.
};

/// All QUIC connections of one UDP socket, dialled and accepted. Sans-IO: datagrams come in through
/// receive(), leave through the DatagramSink, and time is an argument. Not thread-safe; the sink, metrics and
/// events must outlive it.
///
/// Drive it so: receive() whatever arrived, handle_timeout() when next_timeout() has passed, then flush()
/// once per loop turn, also after calls on connections. Then wait until next_timeout() at most.
class Endpoint {
 public:
  /// Errors: invalid_argument when the certificate, key or another setting is unusable.
  [[nodiscard]] static Result<std::unique_ptr<Endpoint>> make(EndpointConfig config, DatagramSink& sink,
                                                              EndpointEvents& events, Metrics& metrics,
                                                              Log log = {});
  virtual ~Endpoint() = default;

  /// Starts a handshake; its outcome is on_connected or on_closed. `events` must live until on_closed or
  /// detach. Errors: limit_exceeded (connections_max), invalid_argument (remote address).
  [[nodiscard]] virtual Result<Connection*> connect(const Dial& dial, ConnectionEvents& events,
                                                    Instant now) = 0;
  /// Any bytes from anybody.
  virtual void receive(const DatagramTrain& train, Instant now) = 0;
  /// ICMP says that nobody listens at `remote`: ends dials that have not heard from there, probes
  /// connections.
  virtual void refused(const SocketAddress& remote, Instant now) = 0;
  /// Losses, acknowledgements, pacing, idleness and deadlines that are due.
  virtual void handle_timeout(Instant now) = 0;
  /// Writes what connections have to say, a bounded burst of each, and delivers on_closed.
  virtual void flush(Instant now) = 0;
  /// The sink answered `blocked` before and takes datagrams again.
  virtual void writable(Instant now) = 0;
  /// When to call handle_timeout() and flush() at the latest; in the past when more is ready to be sent.
  [[nodiscard]] virtual std::optional<Instant> next_timeout() const = 0;

  /// Whether new connections are taken; those that exist stay.
  virtual void set_accepting(bool accepting) = 0;
  /// Null when there is no such connection (any more).
  [[nodiscard]] virtual Connection* find(ConnectionId id) = 0;
  [[nodiscard]] virtual std::size_t connection_count() const = 0;
  [[nodiscard]] virtual std::size_t half_open_count() const = 0;
  /// DER of our own leaf certificate, for the channel binding; empty without one.
  [[nodiscard]] virtual BytesView certificate() const = 0;
  /// Application-closes all connections; flush() sends it.
  virtual void close_all(std::uint64_t code, std::string_view text) = 0;
};

}  // namespace barrel::quic
