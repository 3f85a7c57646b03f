#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "sim/nodes/world.hpp"

namespace barrel::sim {

/// What may happen to a cluster.
enum class Trouble : std::uint8_t {
  crashes,      ///< 30 % of the nodes at once, one at least; most come back.
  rolling,      ///< One node after the other goes, in order or not, and comes back.
  partition,    ///< Groups of any shape that do not reach each other for a while.
  one_way,      ///< Nodes that do not reach another one, which reaches them; one pair of twenty at least.
  pauses,       ///< Nodes that do nothing for up to 30 s.
  clock_steps,  ///< Wall clocks that jump.
  crash_half,   ///< A quarter to half of the nodes at once; those by which others find the cluster come back.
  bridges,      ///< A partition with nodes that see both sides, or of which each sees some others only.
  lossy_ways,   ///< Paths that lose 30 to 90 % in one direction, one of twenty at least.
  long_pauses,  ///< Up to a third of the nodes do nothing for 30 s.
};
/// How many there were when seeds were first drawn.
inline constexpr std::uint64_t first_trouble_count = 6;
inline constexpr std::uint64_t trouble_count = 10;
[[nodiscard]] std::string_view to_string(Trouble trouble);
[[nodiscard]] std::optional<Trouble> trouble_named(std::string_view name);

[[nodiscard]] inline bool is_pause(Trouble trouble) {
  return trouble == Trouble::pauses || trouble == Trouble::long_pauses;
}
inline constexpr Duration longest_pause = std::chrono::seconds(30);

/// How far a wall clock is off at most. Two nodes may differ by twice that, which must stay below what the
/// registry takes for a broken clock (clock_ahead_max_ms, 5 minutes).
inline constexpr Duration clock_error_most = std::chrono::seconds(120);

/// Makes trouble that has ended by a given time.
class TroubleMaker {
 public:
  /// `as_first`: as seeds were first drawn, when trouble did not grow with the cluster.
  explicit TroubleMaker(World& world, bool as_first = false) : world_(world), as_first_(as_first) {}

  /// From now on; over by `end`.
  void make(Trouble trouble, Instant end);

 private:
  void crash_many(Instant end);
  void crash_half(Instant end);
  void roll(std::size_t index, std::size_t left, Instant end);
  /// Until the next node's turn, so that all of those that are left have theirs in time.
  [[nodiscard]] Duration until_next_turn(std::size_t left, Instant end);
  void part(Instant end);
  /// For a while only those pairs reach each other; asked once for each.
  void partition(const std::function<bool(std::size_t, std::size_t)>& reach, Instant end);
  void bridge(Instant end);
  void cut_one_way(Instant end);
  void lose_one_way(Instant end);
  /// How many paths, each in one direction, to choose for trouble.
  [[nodiscard]] std::uint64_t draw_ways();
  /// Two different nodes; at first they might be the same.
  [[nodiscard]] std::pair<std::size_t, std::size_t> draw_way();
  /// Pauses of that length at least.
  void pause_some(Duration least, Instant end);
  void step_clocks();
  void restart_after(std::size_t index, Duration pause);
  /// Between the two, and not after `end`.
  [[nodiscard]] Duration span(Duration low, Duration high, Instant end);

  World& world_;
  const bool as_first_;
};

}  // namespace barrel::sim
