#pragma once

#include <cstddef>

#include "barrel/base/time.hpp"
#include "crdt/or_map.hpp"

namespace barrel {

/// Bounds and times of the registry core; all ours.
struct RegistryConfig {
  /// How far in the future an entry's clock may be before the entry is refused.
  Duration clock_skew_max = std::chrono::minutes(5);
  /// Most keys {Name, Node} held, removals included. What gives way to what is in RegistryShares.
  std::size_t keys_max = 1'000'000;
  /// Most keys of one other node, so that a node can fill only its own share.
  std::size_t keys_per_node_max = 200'000;
  /// Most bytes of all entries and of those of one other node, as bytes_of() estimates them. Guess: 200 bytes
  /// for each key.
  static constexpr std::size_t full_shares = 5;
  std::size_t bytes_per_node_max = std::size_t{40} << 20;
  std::size_t bytes_max = full_shares * bytes_per_node_max;
  /// Most removals remembered; the oldest go first, of whoever is charged with most. An owner that sees a
  /// name come back removes it again.
  std::size_t tombstones_max = 100'000;
  /// Between two tellings of what was written over the word of others, and how many bytes a second of it are
  /// told, so that small lies about large entries are not answered by gossip each time. Guesses.
  Duration reassert_period = std::chrono::seconds(1);
  std::size_t reassert_bytes_per_second = std::size_t{1} << 20;
  /// Bytes of the external form of a name, metadata or exit reason; a longer reason is told as `too_large`.
  std::size_t name_bytes_max = 1'024;
  std::size_t meta_bytes_max = 65'536;
  std::size_t reason_bytes_max = 1'024;
  /// Most entries in one full_sync message; a larger map is told in several.
  std::size_t sync_entries_max = 1'000;
  /// Between comparisons of digests with a random Barrel peer; doubles up to sync_period_max while nothing
  /// differs.
  Duration sync_period = std::chrono::seconds(5);
  Duration sync_period_max = std::chrono::seconds(30);
  /// Replaced only by the simulation, to prove that its checkers notice a broken merge.
  OrMapMerge merge = &barrel::merge;
};

}  // namespace barrel
