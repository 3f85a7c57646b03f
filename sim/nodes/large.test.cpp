// Clusters of 50 nodes, each through one trouble: what seeds draw is mostly small.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "sim/nodes/test_support.hpp"

namespace barrel::sim {
namespace {

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
  (void)run(Trouble::one_way);
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
