#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "barrel/base/bytes.hpp"
#include "barrel/base/time.hpp"

namespace barrel::quic {

enum class CongestionControl : std::uint8_t { cubic, bbr };

/// Settings of an Endpoint, fixed when it is made.
struct EndpointConfig {
  /// PEM of exactly one certificate and its key. Empty: the endpoint only dials.
  std::string certificate_pem;
  std::string private_key_pem;
  /// Protocols in the order of preference: offered by a client, one of them required by a server.
  std::vector<std::string> alpn{"barrel/1", "erlang-dist"};

  // Advertised to the peer as transport parameters (RFC 9000 §18.2).
  Duration idle_timeout = std::chrono::seconds(300);
  std::uint64_t stream_window_bytes = std::uint64_t{4} << 20;
  std::uint64_t connection_window_bytes = std::uint64_t{256} << 20;
  /// The connection's window until its owner admits the peer. A byte may cost the library a block of 8 KB,
  /// or, out of order, a gap of some 100 bytes; authentication and distribution handshake need 2 KB.
  std::uint64_t setup_window_bytes = std::uint64_t{16} << 10;
  /// Window of a unidirectional stream; the only one in use carries the authentication, less than 600 bytes.
  std::uint64_t one_way_window_bytes = std::uint64_t{4} << 10;
  std::uint64_t streams_bidirectional_max = 100;
  std::uint64_t streams_unidirectional_max = 100;
  /// RFC 9000's minimum is 2, which is what the original sends.
  std::uint64_t active_connection_ids_max = 2;
  /// Largest UDP payload received and sent; 1452 fits IPv6 over Ethernet. Larger is for loopback and known
  /// jumbo paths.
  std::size_t udp_payload_bytes_max = 1452;
  /// Start at 1200 bytes and probe upwards. False sends udp_payload_bytes_max at once: only where the path is
  /// known.
  bool discover_path_mtu = true;

  Duration handshake_timeout = std::chrono::seconds(10);  ///< auth_handshake_timeout of the original.
  Duration keep_alive = std::chrono::seconds(15);         ///< The original's; zero never.
  /// CUBIC of ngtcp2 0.12.1 now and then stays at a small window, a third of its speed; BBR was never seen to
  /// in our measurements, and costs no more CPU (1.6 s/GB for both sides, CUBIC 1.7).
  CongestionControl congestion_control = CongestionControl::bbr;

  // Limits; each has a counter quic.<what>_limit or as named.
  std::size_t connections_max = 16'384;  ///< Guess: an order above any active view plus channels.
  /// Server handshakes not finished, address proven or not. 77 KB each, measured: 80 MB. Counter
  /// quic.half_open_dropped.
  std::size_t half_open_max = 1'024;
  /// Unfinished handshakes from unproven addresses above which a Retry asks for a proof. Zero always asks.
  std::size_t retry_threshold = 128;
  /// Unfinished handshakes from one IPv4 address or IPv6 /64, so that one proven peer cannot take all.
  std::size_t half_open_per_address_max = 512;
  /// Stateless answers (Retry, version negotiation, stateless reset) per second. Counter
  /// quic.stateless_limited.
  std::size_t stateless_per_second_max = 2'000;
  /// Closed connections that still answer late packets (RFC 9000 §10.2), oldest forgotten first.
  std::size_t closing_max = 1'024;
  /// Kept per connection, unsent or unacknowledged, before send() answers busy. Counter
  /// quic.send_buffer_limit.
  std::size_t send_buffer_bytes_max = std::size_t{512} << 20;
  std::size_t send_high_water = std::size_t{1} << 20;   ///< Unsent bytes of a stream; see on_stream_writable.
  std::size_t send_low_water = std::size_t{256} << 10;  ///< As above.

  /// Key of stateless reset and Retry tokens, 32 bytes; random when empty. The same key after a restart lets
  /// peers notice it at once, by stateless reset.
  Bytes token_key;
};

}  // namespace barrel::quic
