#pragma once

#include "barrel/node/node.hpp"

namespace barrel::node {

/// Whether the peer runs the original, as what it speaks over QUIC tells.
[[nodiscard]] inline bool is_original(const PeerInfo& peer) {
  return peer.protocol == "erlang-dist";
}

}  // namespace barrel::node
