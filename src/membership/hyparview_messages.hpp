#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "barrel/term/node_name.hpp"
#include "barrel/term/result.hpp"
#include "barrel/term/term.hpp"

/// The messages of HyParView on the wire, as the original's:
/// `{'$barrel_p2p_hyparview', Sender, Message}` to the process `barrel_p2p_bridge`.
namespace barrel::hyparview {

/// What is left of the original's peer record once everything it does not use is dropped.
struct PeerRecord {
  NodeName node;
  /// Whether the sender is linked to it or is it; informative.
  bool connected = true;

  friend bool operator==(const PeerRecord&, const PeerRecord&) = default;
};

enum class Priority : std::uint8_t { high, low };

struct Join {
  PeerRecord peer;
};
struct ForwardJoin {
  PeerRecord peer;
  std::int64_t ttl = 0;
  PeerRecord sender;
};
struct Disconnect {
  PeerRecord peer;
};
struct Neighbor {
  Priority priority = Priority::low;
  PeerRecord peer;
};
struct NeighborReply {
  bool accepted = false;
  PeerRecord peer;
};
struct Shuffle {
  std::int64_t ttl = 0;
  std::vector<PeerRecord> peers;
  PeerRecord sender;
  /// Peers that the sender told of and that were not read.
  std::size_t cut_off = 0;
};
struct ShuffleReply {
  std::vector<PeerRecord> peers;
  PeerRecord sender;
  std::size_t cut_off = 0;
};
using Message = std::variant<Join, ForwardJoin, Disconnect, Neighbor, NeighborReply, Shuffle, ShuffleReply>;

/// Most peers read from one shuffle; 8 are sent. Guess: what a peer with a longer shuffle_length may send.
inline constexpr std::size_t shuffle_peers_max = 64;
/// Longest walk that can be configured; the default is 6. Longer ones of others are shortened to our own.
inline constexpr std::int64_t ttl_max = 32;

[[nodiscard]] Term encode(NodeName sender, const Message& message);

/// A message and who it claims to come from. Every message names its sender inside as well; decode checks
/// that both agree, the caller compares with the link it came over. Errc::malformed otherwise. Peers of a
/// shuffle beyond shuffle_peers_max are cut off.
[[nodiscard]] Result<std::pair<NodeName, Message>> decode(const Term& term);

}  // namespace barrel::hyparview
