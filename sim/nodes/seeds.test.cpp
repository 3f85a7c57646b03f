// Clusters of whole nodes from a thousand seeds, in parts that ctest runs side by side.

#include <gtest/gtest.h>

#include <cstdlib>

#include "sim/nodes/test_support.hpp"

namespace barrel::sim {
namespace {

constexpr std::uint64_t parts = 16;
constexpr std::uint64_t seeds_in_part = 63;
static_assert(parts * seeds_in_part >= 1'000);

void run(std::uint64_t seed) {
  const NodesReport report = run_seed(seed, identities());
  EXPECT_TRUE(report.faults.empty()) << summary(report) << "\nreplay: " << replay_command(seed);
}

class Seeds : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Seeds, KeepWhatBarrelPromises) {
  const std::uint64_t first = GetParam() * seeds_in_part + 1;
  for (std::uint64_t seed = first; seed < first + seeds_in_part; ++seed) run(seed);
}

INSTANTIATE_TEST_SUITE_P(Part, Seeds, ::testing::Range<std::uint64_t>(0, parts));

// Seeds that have found something, with what it was. They mean what they meant then.
void run_first(std::uint64_t seed) {
  const NodesReport report = run_plan(first_plan_of(seed), identities());
  EXPECT_TRUE(report.faults.empty()) << summary(report) << "\nreplay: " << replay_command(seed, true);
}

TEST(Found, ASignalToTheLastIncarnationOfAPid) {
  for (const std::uint64_t seed : {1841U, 10513U, 2845U}) run_first(seed);
}
TEST(Found, ANodeThatRestartsWithItsClockSetBack) {
  run_first(840);
}
TEST(Found, MessagesThatWaitForAPeerWhoseOwnDialFails) {
  run_first(10537);
}
TEST(Found, NamesOfADeadNodeThatOnlyOneThatLeftHadKnown) {
  Plan plan = plan_of(20160);
  plan.unlinks = false;
  const NodesReport report = run_plan(plan, identities());
  EXPECT_TRUE(report.faults.empty()) << summary(report);
}
TEST(Found, NamesOfADeadNodeWhoseClosingLeftTheLastOneAlone) {
  const NodesReport report = run_plan(plan_of(5134), identities());
  EXPECT_TRUE(report.faults.empty()) << summary(report);
}
TEST(Found, SignalsThatWaitForAConnectionWhenTheirNodeEnds) {
  for (const std::uint64_t seed : {11052U, 12545U}) run_first(seed);
}

TEST(Replay, ASeedTwiceGivesTheSameTrace) {
  for (const std::uint64_t seed : {7U, 11U}) {
    const NodesReport first = run_seed(seed, identities());
    (void)run_seed(seed + 1, identities());  // what ran in between must not matter
    const NodesReport second = run_seed(seed, identities());
    EXPECT_EQ(first.trace, second.trace);
    EXPECT_EQ(summary(first), summary(second));
  }
}

TEST(Replay, OtherKeysGiveTheSameTrace) {
  const IdentityPool other;
  EXPECT_EQ(run_seed(5, identities()).trace, run_seed(5, other).trace);
}

TEST(Replay, AnotherSeedGivesAnotherTrace) {
  EXPECT_NE(run_seed(7, identities()).trace, run_seed(8, identities()).trace);
}

}  // namespace
}  // namespace barrel::sim
