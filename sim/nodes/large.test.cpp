// Clusters of 50 nodes, each through one trouble: what seeds draw is mostly small.

#include <gtest/gtest.h>

#include <string>

#include "sim/nodes/test_support.hpp"

namespace barrel::sim {
namespace {

void run(std::optional<Trouble> trouble) {
  const NodesReport report = run_plan(large_plan(trouble), identities());
  EXPECT_TRUE(report.faults.empty()) << summary(report) << "\nreplay: barrel-sim-nodes --verbose --large "
                                     << (trouble ? to_string(*trouble) : "weather");
}

TEST(FiftyNodes, OfWhichAThirdCrashesAtOnce) {
  run(Trouble::crashes);
}
TEST(FiftyNodes, ThatRestartOneAfterTheOther) {
  run(Trouble::rolling);
}
TEST(FiftyNodes, APartitionThatHeals) {
  run(Trouble::partition);
}
TEST(FiftyNodes, APartitionWithBridges) {
  run(Trouble::bridges);
}
TEST(FiftyNodes, PathsThatCarryNothingInOneDirection) {
  run(Trouble::one_way);
}
TEST(FiftyNodes, PausesOfHalfAMinute) {
  run(Trouble::long_pauses);
}
TEST(FiftyNodes, ClocksThatAreSetByMinutes) {
  run(Trouble::clock_steps);
}
TEST(FiftyNodes, ATenthIsLostAndMuchComesTwiceOrLate) {
  run(std::nullopt);
}

}  // namespace
}  // namespace barrel::sim
