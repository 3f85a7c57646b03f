#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "barrel/base/socket_address.hpp"
#include "barrel/base/time.hpp"
#include "tcp/tls.hpp"

namespace barrel::carrier {

/// What the TCP links of one node have in common beside LinkConfig. Default and effect on each field.
struct TcpConfig {
  /// Silence of the peer after which a link is down; a quarter of it without a message of ours is filled with
  /// a tick. Must be equal on all nodes (net_ticktime of Erlang's kernel, whose default this is).
  Duration ticktime = std::chrono::seconds(60);
  /// With TLS both dialed and accepted connections are encrypted; none: neither is.
  std::shared_ptr<const tcp::TlsContext> tls;
  /// Accepted links that are not up. TCP proves an address, and each costs a socket and some 10 KB; a guess,
  /// a quarter of the descriptors that a process usually may have.
  std::size_t pending_accepted_max = 256;
  /// Accepted links in all: whoever knows the cookie may come under any number of names, and each costs a
  /// socket. The node sets half of its descriptors.
  std::size_t accepted_max = 100'000;
  /// How many of those that are not up may come from one address, so that no single host locks out the
  /// others. A guess.
  std::size_t pending_per_address_max = 64;
};

/// Where to dial a node.
struct TcpDial {
  SocketAddress remote;
  /// `remote` is an EPMD, which is asked for the node's port first.
  bool epmd = false;
};

}  // namespace barrel::carrier
