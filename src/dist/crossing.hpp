#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "barrel/term/node_name.hpp"

/// What to do when the connection of a peer arrives while we are connected to it, or about to be. A pure
/// decision: both nodes of a crossing come to complementary ones, so that exactly one connection remains.
namespace barrel::dist {

/// What is spoken on a connection; the ALPN says which.
enum class Dialect : std::uint8_t {
  barrel,  ///< `barrel/1`: framed handshake, capability term.
  erlang,  ///< `erlang-dist`: as erlang_quic 1.8 does it.
};

/// How far our own dial to that peer has come.
enum class DialPhase : std::uint8_t {
  none,
  before_name,  ///< Our `N` message has not been handed to the transport.
  name_sent,
};

/// What we have with the peer at the moment its `N` message is read on a new connection.
struct PeerState {
  DialPhase dial = DialPhase::none;
  /// A connection to the peer is up.
  bool live = false;
};

/// Answer to the arriving connection, and what happens to what we have.
enum class Verdict : std::uint8_t {
  /// `sok`.
  accept,
  /// Close our own dial (application code 0), then `sok`: our `N` was never sent, so the peer knows of no
  /// crossing.
  accept_drop_dial,
  /// Close our own dial, then `sok_simultaneous`.
  accept_simultaneous,
  /// `salive`; the peer confirms with `strue` that it means it; when the new connection is up, the old one is
  /// torn
  /// down first: node down, then node up.
  accept_replacing,
  /// `snok`, then close: our own dial stays. Never towards Erlang, whose dialer would wait forever.
  refuse,
  /// Close without any status: our own dial stays. The only refusal that an Erlang dialer survives.
  refuse_silently,
};

[[nodiscard]] std::string_view to_string(Verdict verdict);
[[nodiscard]] constexpr bool refuses(Verdict verdict) {
  return verdict == Verdict::refuse || verdict == Verdict::refuse_silently;
}
/// True when our own dial to the peer has to be closed with that verdict.
[[nodiscard]] constexpr bool drops_dial(Verdict verdict) {
  return verdict == Verdict::accept_drop_dial || verdict == Verdict::accept_simultaneous;
}

/// Asked when the `N` message of `peer` has been read on a connection that it dialed.
///
/// `barrel`: of two crossing dials the one of the greater name survives, whatever phase they are in.
/// `erlang` (the rules that keep an Erlang net_kernel from wedging): a dial that has
/// not sent its name gives way; otherwise the greater name's dial survives, which is also what the Erlang
/// side decides.
[[nodiscard]] Verdict decide_incoming(Dialect dialect, NodeName self, NodeName peer, const PeerState& state);

/// Whether to start a dial to `peer` at all: not while one of its connections is authenticated or up. A name
/// in a HELLO that is not proven yet does not count: anybody could hold up our dials with it.
[[nodiscard]] constexpr bool may_dial(bool incoming_authenticated, const PeerState& state) {
  return !incoming_authenticated && !state.live && state.dial == DialPhase::none;
}

}  // namespace barrel::dist
