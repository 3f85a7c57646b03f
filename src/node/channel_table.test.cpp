#include "node/channel_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

namespace barrel::node {
namespace {

TEST(ChannelTable, ANodeHasOneChannelWhoeverAsksFirst) {
  Metrics metrics;
  ChannelTable table({}, metrics);
  const Atom name("table_test@127.0.0.1");
  EXPECT_EQ(table.find(name), nullptr);
  std::array<Channel*, 8> found{};
  std::vector<std::thread> threads;
  for (Channel*& channel : found) threads.emplace_back([&] { channel = table.find_or_make(name); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<Channel*>(found.begin(), found.end()).size(), 1U);
  EXPECT_EQ(table.find(name), found[0]);
  EXPECT_EQ(found[0]->peer.atom(), name);
  EXPECT_EQ(table.all(), std::vector{found[0]});
}

TEST(Channel, WaitersThatHaveEndedAreForgotten) {
  Metrics metrics;
  ChannelTable table({}, metrics);
  Channel& channel = *table.find_or_make("waiters@127.0.0.1");
  const auto pid = [](std::uint32_t id) { return Pid{Atom("me@127.0.0.1"), id, 0, 1}; };
  const auto is_alive = [](const Pid& waiter) { return waiter.id % 100 == 0; };
  std::set<Pid> living;
  for (std::uint32_t id = 1; id <= 10'000; ++id) {
    for (int times = 0; times < 2; ++times) channel.add_waiter(pid(id), is_alive);
    if (is_alive(pid(id))) living.insert(pid(id));
    EXPECT_LE(channel.waiter_count(), 2 * living.size() + 65);
  }
  const auto waiters = channel.take_waiters();
  EXPECT_TRUE(std::ranges::includes(waiters, living));
  EXPECT_EQ(channel.waiter_count(), 0U);
}

TEST(DirtyChannels, EachIsTakenOnceAndTheFirstAsksForAWakeUp) {
  Metrics metrics;
  ChannelTable table({}, metrics);
  Channel& a = *table.find_or_make("dirty_a@127.0.0.1");
  Channel& b = *table.find_or_make("dirty_b@127.0.0.1");
  DirtyChannels dirty;
  EXPECT_TRUE(dirty.add(a));
  EXPECT_FALSE(dirty.add(a));
  EXPECT_FALSE(dirty.add(b));
  const auto taken = dirty.take();
  EXPECT_EQ(std::set<Channel*>(taken.begin(), taken.end()), (std::set<Channel*>{&a, &b}));
  EXPECT_TRUE(dirty.take().empty());
  EXPECT_TRUE(dirty.add(b));
}

}  // namespace
}  // namespace barrel::node
