#include "sim/nodes/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <span>

namespace barrel::sim {
namespace {

constexpr std::uint64_t seeds = 1'008;

TEST(Plans, AThousandSeedsGiveEveryTroubleOften) {
  std::map<Trouble, int> drawn;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    for (const Trouble trouble : plan_of(seed).troubles) ++drawn[trouble];
  }
  EXPECT_EQ(drawn.size(), trouble_count);
  for (const auto& [trouble, times] : drawn) EXPECT_GE(times, 80) << to_string(trouble);
}

TEST(Plans, HaveTimeForTheLongestPause) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const Plan plan = plan_of(seed);
    if (std::ranges::none_of(plan.troubles, is_pause)) continue;
    EXPECT_GT(plan.span, longest_pause) << seed;
  }
}

TEST(Plans, BeginWithWhatASeedGaveAtFirst) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const Plan first = first_plan_of(seed);
    const Plan now = plan_of(seed);
    EXPECT_EQ(now.world.seed, first.world.seed);
    EXPECT_EQ(now.world.nodes, first.world.nodes);
    ASSERT_GE(now.troubles.size(), first.troubles.size());
    EXPECT_TRUE(std::ranges::equal(first.troubles, std::span(now.troubles).first(first.troubles.size())));
  }
}

}  // namespace
}  // namespace barrel::sim
