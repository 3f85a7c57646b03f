#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "auth/handshake.hpp"
#include "barrel/auth/keys.hpp"
#include "barrel/base/time.hpp"
#include "barrel/term/etf.hpp"
#include "barrel/term/node_name.hpp"
#include "dist/capabilities.hpp"
#include "dist/control.hpp"
#include "dist/crossing.hpp"
#include "dist/flags.hpp"
#include "dist/outbound.hpp"

namespace barrel::carrier {

/// When a silent peer is suspected and given up. Any packet of the peer counts as life.
struct Liveness {
  /// Silence after which we send a PING. Architecture "Failure times".
  Duration ping_after = std::chrono::seconds(1);
  /// Silence after which the owner hears on_suspect().
  Duration suspect_after = std::chrono::seconds(3);
  /// Silence after which the link is closed.
  Duration down_after = std::chrono::seconds(5);
};

/// What all links of one node have in common. Default and effect on each field.
struct LinkConfig {
  NodeName self;
  /// Of this incarnation of the node; any number >= 4, another one after every restart.
  std::uint32_t creation = 4;
  /// Both sides must have the same (dist_cookie).
  std::string cookie = "barrel_p2p";
  /// What we tell Barrel peers.
  dist::Capabilities capabilities;
  /// From the QUIC handshake's end to the auth handshake's, on both sides (auth_handshake_timeout).
  Duration auth_timeout = std::chrono::seconds(10);
  /// Allowed difference and delay in the auth handshake (auth_timestamp_window).
  Duration auth_timestamp_window = std::chrono::seconds(30);
  /// From the dial (or the accepted connection's first packet) to up, and for the distribution handshake
  /// after authentication on the accepting side (kernel's net_setuptime).
  Duration setup_timeout = std::chrono::seconds(7);
  Liveness liveness;
  /// Limits on the terms in a peer's control tuples.
  EtfLimits etf_limits = dist::control_limits();
  /// Largest distribution message accepted; told to Barrel peers.
  std::size_t frame_bytes_max = 64U << 20;
  /// Bytes of messages in fragments that have begun and not ended; 0: four times frame_bytes_max. See
  /// dist::ReassemblyLimits.
  std::size_t unfinished_bytes_max = 0;
  /// Bytes of a lane that are handed to QUIC ahead of what has left, so that it never runs dry. Not below
  /// quic::EndpointConfig::send_high_water.
  std::size_t unsent_bytes_target = 1U << 20;
  /// Messages that may overtake the end of the handshake are kept until then: over QUIC as many as fit into
  /// quic::EndpointConfig::setup_window_bytes, which is less. The gap is a round trip or a few; a guess.
  std::size_t early_bytes_max = 8U << 20;
  /// Accepted links that are not up. A QUIC handshake proves an address, so that this is no way to lock
  /// others out cheaply; 77 KB each, measured.
  std::size_t pending_accepted_max = 1024;
};

/// Why a link ended, or never came up. Closed: switch without a default.
enum class DownReason : std::uint8_t {
  closed_by_us,    ///< close() was called.
  closed_by_peer,  ///< The peer closed the connection (its node goes down, or it prefers another connection).
  unreachable,     ///< No answer on the network to our dial, or the QUIC handshake failed.
  silent,          ///< No packet for Liveness::down_after.
  auth_failed,     ///< See Down::auth and text.
  handshake_failed,  ///< Wrong cookie, missing flags, wrong name...; text says which.
  refused,           ///< The peer prefers its own dial to us (`nok`), or does not want us (`not_allowed`).
  timeout,           ///< Not up within setup_timeout; text names the phase.
  protocol_error,    ///< The peer broke the protocol after the link was up.
  key_mismatch,      ///< The owner's pin() refused: another key was pinned meanwhile, or the disk failed.
};
[[nodiscard]] std::string_view to_string(DownReason reason);

struct Down {
  DownReason reason = DownReason::closed_by_us;
  /// One sentence for the log; names what was wrong and, where an operator can mend it, how.
  std::string text;
  /// Set for auth_failed.
  std::optional<auth::Failure> auth;
};

/// What is known of the peer of a link that is up.
struct Peer {
  NodeName name;
  std::uint32_t creation = 0;
  /// The intersection of both sides' flags.
  dist::Flags flags = 0;
  dist::Dialect dialect = dist::Dialect::erlang;
  /// Of a Barrel peer; the defaults for an Erlang one.
  dist::Capabilities capabilities;
  PublicKey key;

  /// Whether it is one of nodes(): Erlang's `-hidden` nodes are not.
  [[nodiscard]] bool visible() const { return (flags & dist::flag::published) != 0; }
};

}  // namespace barrel::carrier
