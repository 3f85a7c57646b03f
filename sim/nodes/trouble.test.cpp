// That trouble is as bad as it says: in a world in which no node runs unless it is started.

#include "sim/nodes/trouble.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sim/nodes/test_support.hpp"

namespace barrel::sim {
namespace {

using std::chrono::seconds;

WorldOptions of(std::size_t nodes, std::uint64_t seed) {
  WorldOptions options;
  options.nodes = nodes;
  options.seed = seed;
  return options;
}

TEST(Troubles, HaveNamesByWhichTheyAreFound) {
  for (std::uint64_t i = 0; i < trouble_count; ++i) {
    const auto trouble = static_cast<Trouble>(i);
    EXPECT_EQ(trouble_named(to_string(trouble)), trouble);
  }
  EXPECT_EQ(trouble_named("earthquakes"), std::nullopt);
}

TEST(Troubles, ALongPauseLastsHalfAMinute) {
  World world(of(3, 1), identities());
  for (std::size_t i = 0; i < world.size(); ++i) world.start(i);
  TroubleMaker troubles(world);
  troubles.make(Trouble::long_pauses, world.queue().now() + seconds(60));
  const auto paused = [&] {
    return std::ranges::count_if(world.running(), [](const Host* host) { return host->machine.paused(); });
  };
  world.run_for(seconds(29));
  EXPECT_GE(paused(), 1);
  world.run_for(seconds(2));
  EXPECT_EQ(paused(), 0);
}

TEST(Troubles, HalfOfASmallClusterMayCrash) {
  std::set<std::size_t> left;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    World world(of(4, seed), identities());
    for (std::size_t i = 0; i < world.size(); ++i) world.start(i);
    TroubleMaker troubles(world);
    troubles.make(Trouble::crash_half, world.queue().now() + seconds(60));
    left.insert(world.running().size());
    world.run_for(seconds(16));
    for (std::size_t i = 0; i < world.options().contacts; ++i) EXPECT_TRUE(world.host(i).running()) << seed;
  }
  EXPECT_THAT(left, ::testing::ElementsAre(2, 3));
}

TEST(Troubles, SomePartitionsHaveNodesThatSeeBothOfTwoThatDoNotSeeEachOther) {
  int bridged = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world(of(6, seed), identities());
    TroubleMaker troubles(world);
    troubles.make(Trouble::bridges, world.queue().now() + seconds(60));
    const DatagramNetwork& network = world.network();
    const auto bridge = [&](std::size_t a, std::size_t b) {
      if (network.reaches(a, b)) return false;
      for (std::size_t c = 0; c < world.size(); ++c) {
        if (c != a && c != b && network.reaches(a, c) && network.reaches(c, b)) return true;
      }
      return false;
    };
    bool has_one = false;
    for (std::size_t a = 0; a < world.size(); ++a) {
      for (std::size_t b = 0; b < world.size(); ++b) {
        EXPECT_EQ(network.reaches(a, b), network.reaches(b, a));
        has_one = has_one || bridge(a, b);
      }
    }
    bridged += has_one ? 1 : 0;
    world.run_for(seconds(21));
    EXPECT_TRUE(network.reaches(0, 1) && network.reaches(4, 5)) << "a partition heals";
  }
  EXPECT_GE(bridged, 12);
}

TEST(Troubles, OneWayCutsGrowWithTheCluster) {
  World world(of(50, 5), identities());
  TroubleMaker troubles(world);
  troubles.make(Trouble::one_way, world.queue().now() + seconds(60));
  const auto cut = [&] {
    int count = 0;
    for (std::size_t a = 0; a < world.size(); ++a) {
      EXPECT_TRUE(world.network().reaches(a, a));
      for (std::size_t b = 0; b < world.size(); ++b) count += world.network().reaches(a, b) ? 0 : 1;
    }
    return count;
  };
  EXPECT_GE(cut(), 100);
  world.run_for(seconds(16));
  EXPECT_EQ(cut(), 0);
}

TEST(Troubles, LossyWaysLoseMuchInOneDirectionForAWhile) {
  World world(of(6, 3), identities());
  TroubleMaker troubles(world);
  troubles.make(Trouble::lossy_ways, world.queue().now() + seconds(60));
  const auto lossy = [&] {
    int count = 0;
    for (std::size_t a = 0; a < world.size(); ++a) {
      for (std::size_t b = 0; b < world.size(); ++b) {
        const std::uint32_t loss = world.network().loss_per_million(a, b);
        if (loss == 0) continue;
        ++count;
        EXPECT_THAT(loss, ::testing::AllOf(::testing::Ge(300'000U), ::testing::Le(900'000U)));
      }
    }
    return count;
  };
  EXPECT_GE(lossy(), 1);
  world.run_for(seconds(21));
  EXPECT_EQ(lossy(), 0);
}

}  // namespace
}  // namespace barrel::sim
