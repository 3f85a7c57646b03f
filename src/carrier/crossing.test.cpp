// Two nodes that dial each other, and nodes that come back.
#include <gtest/gtest.h>

#include "carrier/test_nodes.hpp"

namespace barrel::carrier {
namespace {

using namespace carrier::test;

const NodeName alice{"alice@10.0.0.1"};
const NodeName bob{"bob@10.0.0.2"};

class CrossingDials : public testing::TestWithParam<dist::Dialect> {};
INSTANTIATE_TEST_SUITE_P(Link, CrossingDials, testing::Values(dist::Dialect::barrel, dist::Dialect::erlang),
                         [](const auto& instance) {
                           return instance.param == dist::Dialect::barrel ? "barrel" : "erlang";
                         });

/// Dials from both sides, Alice's earlier by `head_start` (later when negative), each with a message waiting.
int cross(dist::Dialect dialect, Duration head_start, std::uint64_t seed, std::uint32_t loss_ppm) {
  World world(seed);
  world.network.conditions = {.delay = 10ms, .loss_ppm = loss_ppm};
  TestNode& a = world.add(alice, "10.0.0.1", 11);
  TestNode& b = world.add(bob, "10.0.0.2", 22, dialect == dist::Dialect::erlang ? erlang() : Settings{});
  (void)a.say(bob, 1, 1);
  (void)b.say(alice, 1, 1);
  TestNode& first = head_start >= Duration::zero() ? a : b;
  TestNode& second = head_start >= Duration::zero() ? b : a;
  first.dial(second);
  world.run(head_start >= Duration::zero() ? head_start : -head_start);
  // A node does not dial whom it is connected to, or who has authenticated itself.
  const TestNode::Entry& entry = second.peers[first.name];
  if (entry.live == nullptr && entry.incoming == nullptr) second.dial(first);

  const auto settled = [&] {
    return a.up(b) && b.up(a) && a.carrier->links().size() == 1 && b.carrier->links().size() == 1;
  };
  EXPECT_TRUE(world.until(settled, 5s)) << std::chrono::duration<double>(head_start).count();
  world.run(1s);
  EXPECT_TRUE(settled());
  EXPECT_EQ(a.integers(b), std::vector<std::int64_t>{1}) << "exactly once";
  EXPECT_EQ(b.integers(a), std::vector<std::int64_t>{1}) << "exactly once";
  EXPECT_EQ(a.noted("bob: up"), 1U);
  EXPECT_EQ(b.noted("alice: up"), 1U);
  return a.crossings + b.crossings > 0 ? 1 : 0;
}

TEST_P(CrossingDials, EndInExactlyOneLinkThatCarriesTheFirstMessages) {
  int crossed = 0;
  int runs = 0;
  for (int offset_ms = -120; offset_ms <= 120; offset_ms += 5) {
    crossed += cross(GetParam(), std::chrono::milliseconds(offset_ms), 1, 0);
    ++runs;
  }
  EXPECT_GT(crossed, runs / 3) << "the dials must really have crossed";
}

TEST_P(CrossingDials, SurviveALossyNetwork) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    (void)cross(GetParam(), std::chrono::milliseconds(seed * 3), seed, 20'000);
  }
}

class Comeback : public testing::TestWithParam<dist::Dialect> {};
INSTANTIATE_TEST_SUITE_P(Link, Comeback, testing::Values(dist::Dialect::barrel, dist::Dialect::erlang),
                         [](const auto& instance) {
                           return instance.param == dist::Dialect::barrel ? "barrel" : "erlang";
                         });

TEST_P(Comeback, ARestartedPeerReplacesItsOldLinkDownBeforeUp) {
  World world;
  TestNode& a = world.add(alice, "10.0.0.1", 11);
  const Settings settings = GetParam() == dist::Dialect::erlang ? erlang() : Settings{};
  TestNode& b = world.add(bob, "10.0.0.2", 22, settings);
  a.dial(b);
  ASSERT_TRUE(world.until([&] { return a.up(b) && b.up(a); }));
  a.log.clear();

  // Killed: it says nothing more; and back at once with another incarnation, at another port.
  b.cut = true;
  Settings again = settings;
  again.key = 2;
  TestNode& reborn = world.add(bob, "10.0.0.3", 33, again);
  reborn.dial(a);
  ASSERT_TRUE(world.until([&] { return reborn.up(a) && a.noted("bob: up") == 1; }, 2s));
  EXPECT_EQ(a.live(reborn)->peer()->creation, 33U);
  EXPECT_EQ(a.log, (std::vector<std::string>{"bob: authenticated", "bob: incoming accept_replacing",
                                             "bob: pin", "bob: down closed_by_us", "bob: up"}));
}

TEST_P(Comeback, APeerThatLostTheLinkUnnoticedReplacesIt) {
  World world;
  TestNode& a = world.add(alice, "10.0.0.1", 11);
  TestNode& b = world.add(bob, "10.0.0.2", 22, GetParam() == dist::Dialect::erlang ? erlang() : Settings{});
  a.dial(b);
  ASSERT_TRUE(world.until([&] { return a.up(b) && b.up(a); }));
  // Bob gives the link up, but his close never arrives.
  b.cut = true;
  b.live(a)->close("lost", world.network.now);
  world.run(100ms);
  b.cut = false;
  ASSERT_TRUE(a.up(b));
  b.dial(a);
  ASSERT_TRUE(world.until([&] { return b.up(a) && a.noted("bob: up") == 2; }, 2s));
  (void)a.say(bob, 1, 7);
  (void)b.say(alice, 1, 8);
  ASSERT_TRUE(world.until([&] { return !b.messages.empty() && !a.messages.empty(); }, 2s));
  EXPECT_EQ(a.integers(b), std::vector<std::int64_t>{8});
  EXPECT_EQ(b.integers(a), std::vector<std::int64_t>{7});
  EXPECT_EQ(a.carrier->links().size(), 1U);
}

}  // namespace
}  // namespace barrel::carrier
