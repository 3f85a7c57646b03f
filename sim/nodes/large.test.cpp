// Clusters of 50 nodes, each through one trouble: what seeds draw is mostly small.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "sim/nodes/test_support.hpp"

namespace barrel::sim {
namespace {

/// Of the nodes that crash some come back. A guess.
constexpr std::ptrdiff_t crashed_least = 5;
/// Of the ways that are cut or lossy some belong to links: half of what was seen.
constexpr std::uint64_t silent_least = 10;
constexpr std::uint64_t suspected_least = 3;

using ::testing::Each;
using ::testing::Ge;

NodesReport run(std::optional<Trouble> trouble) {
  const NodesReport report = run_plan(large_plan(trouble), identities());
  EXPECT_TRUE(report.faults.empty()) << summary(report) << "\nreplay: barrel-sim-nodes --verbose --large "
                                     << (trouble ? to_string(*trouble) : "weather");
  return report;
}

TEST(FiftyNodes, OfWhichAThirdCrashesAtOnce) {
  (void)run(Trouble::crashes);
}
TEST(FiftyNodes, OfWhichUpToHalfCrash) {
  const auto starts = run(Trouble::crash_half).starts;
  EXPECT_GE(std::ranges::count_if(starts, [](std::uint32_t of) { return of > 1; }), crashed_least);
}
TEST(FiftyNodes, ThatRestartOneAfterTheOther) {
  EXPECT_THAT(run(Trouble::rolling).starts, Each(Ge(2U)));
}
TEST(FiftyNodes, APartitionThatHeals) {
  (void)run(Trouble::partition);
}
TEST(FiftyNodes, APartitionWithBridges) {
  (void)run(Trouble::bridges);
}
TEST(FiftyNodes, PathsThatCarryNothingInOneDirection) {
  NodesReport report = run(Trouble::one_way);
  EXPECT_GE(report.counters["dist.down.silent"], silent_least);
}
TEST(FiftyNodes, PathsThatLoseMuchInOneDirection) {
  NodesReport report = run(Trouble::lossy_ways);
  EXPECT_GE(report.counters["dist.suspected"], suspected_least);
}
TEST(FiftyNodes, PausesOfHalfAMinute) {
  (void)run(Trouble::long_pauses);
}
TEST(FiftyNodes, ClocksThatAreSetByMinutes) {
  (void)run(Trouble::clock_steps);
}
TEST(FiftyNodes, ATenthIsLostAndMuchComesTwiceOrLate) {
  (void)run(std::nullopt);
}

}  // namespace
}  // namespace barrel::sim
