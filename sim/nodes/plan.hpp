#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/nodes/trouble.hpp"
#include "sim/nodes/world.hpp"

namespace barrel::sim {

/// A cluster and what it goes through.
struct Plan {
  WorldOptions world;
  std::vector<Trouble> troubles;
  std::size_t processes_per_node = 3;
  /// For how long processes act and trouble happens.
  Duration span{};
  /// Processes take links back, as they did not at first.
  bool unlinks = true;
  /// As seeds were first drawn: no message follows a link or monitor, and the end of trouble may cut pauses
  /// short.
  bool is_first = false;

  [[nodiscard]] std::string describe() const;
};

/// What the seed gives: 3 to 50 nodes, mostly few, since a small cluster finds most faults in a fraction of
/// the time.
[[nodiscard]] Plan plan_of(std::uint64_t seed);

/// What the seed gave before there were long pauses, lossy ways, bridges and crashes of half a cluster: for
/// seeds that found something then.
[[nodiscard]] Plan first_plan_of(std::uint64_t seed);

/// A cluster of 50 nodes that goes through that trouble and no other; without: through the worst weather.
/// Each pair of nodes has another latency between 1 and 200 ms.
[[nodiscard]] Plan large_plan(std::optional<Trouble> trouble);

}  // namespace barrel::sim
