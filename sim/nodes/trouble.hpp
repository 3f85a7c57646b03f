#pragma once

#include <cstdint>
#include <string_view>

#include "sim/nodes/world.hpp"

namespace barrel::sim {

/// What may happen to a cluster.
enum class Trouble : std::uint8_t {
  crashes,      ///< 30 % of the nodes at once; most come back.
  rolling,      ///< One node after the other goes, in order or not, and comes back.
  partition,    ///< Groups of any shape that do not reach each other for a while.
  one_way,      ///< Nodes that do not reach another one, which reaches them.
  pauses,       ///< Nodes that do nothing for up to 30 s.
  clock_steps,  ///< Wall clocks that jump.
};
inline constexpr std::uint64_t trouble_count = 6;
[[nodiscard]] std::string_view to_string(Trouble trouble);

/// How far a wall clock is off at most. Two nodes may differ by twice that, which must stay below what the
/// registry takes for a broken clock (clock_ahead_max_ms, 5 minutes).
inline constexpr Duration clock_error_most = std::chrono::seconds(120);

/// Makes trouble that has ended by a given time.
class TroubleMaker {
 public:
  explicit TroubleMaker(World& world) : world_(world) {}

  /// From now on; over by `end`.
  void make(Trouble trouble, Instant end);

 private:
  void crash_many(Instant end);
  void roll(std::size_t index, std::size_t left, Instant end);
  void part(Instant end);
  void cut_one_way(Instant end);
  void pause_some(Instant end);
  void step_clocks();
  void restart_after(std::size_t index, Duration pause);
  /// Between the two, and not after `end`.
  [[nodiscard]] Duration span(Duration low, Duration high, Instant end);

  World& world_;
};

}  // namespace barrel::sim
