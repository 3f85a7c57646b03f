#pragma once

#include <cstddef>

#include "barrel/base/time.hpp"
#include "base/rate_limit.hpp"

namespace barrel::node {

/// How many nodes that this node has never heard of may connect, for good and in a second: the name of each
/// is an atom and a pin that stay. Cluster thread.
class NewNames {
 public:
  struct Limits {
    std::size_t names_max;
    std::uint64_t per_second;
  };
  /// Nodes with a key: five times the 10,000 of the largest simulated cluster, and half of
  /// ChannelTable::channels_max, so that there is room for those that this node itself looks for even when
  /// all are connected. The rate is a guess: each is written to the disk.
  static constexpr Limits with_key{.names_max = 50'000, .per_second = 200};
  /// Nodes over TCP, where whoever knows the cookie makes up names as he likes. Guesses.
  static constexpr Limits without_key{.names_max = 5'000, .per_second = 500};

  explicit NewNames(Limits limits) : limits_(limits), rate_(limits.per_second) {}

  /// One more.
  [[nodiscard]] bool take(Instant now) {
    if (taken_ >= limits_.names_max || !rate_.allow(now)) return false;
    ++taken_;
    return true;
  }

 private:
  const Limits limits_;
  RateLimit rate_;
  std::size_t taken_ = 0;
};

}  // namespace barrel::node
