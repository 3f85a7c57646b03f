#include "node/overlay_limits.hpp"

#include <algorithm>
#include <array>

namespace barrel {
namespace {

struct Row {
  Atom name;
  OverlayLimits limits;
};

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

}  // namespace

std::optional<OverlayLimits> overlay_limits(Atom name) {
  // Guesses, each far above what nodes send.
  static const std::array<Row, 5> rows = {{
      // A shuffle of 1,000 nodes, a hundred times the default, of 40 bytes and 11 terms each.
      {"barrel_p2p_bridge", {64 * kib, 16'384}},
      // A lookup: a name of 1 KiB, 64 nodes.
      {"barrel_p2p_router", {64 * kib, 4'096}},
      // Gossip, see PlumtreeConfig::payload_bytes_max: of Barrel nodes up to 1,000 names of 25 terms, and of
      // applications of the original whatever they like.
      {"barrel_p2p_plumtree", {5 * mib, 262'144}},
      // The claims of all nodes, of 60 bytes and 8 terms each: 65,536 nodes.
      {"barrel_liveness", {4 * mib, 524'288}},
      // The original tells all names of its node in one message: 80,000 of 25 terms, twice of what a node may
      // have by its bytes.
      {"barrel_p2p_registry_replica", {64 * mib, 2'097'152}},
  }};
  const auto row = std::ranges::find(rows, name, &Row::name);
  return row == rows.end() ? std::nullopt : std::optional(row->limits);
}

}  // namespace barrel
