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

NodeName numbered(int number) {
  return NodeName(Atom("churn" + std::to_string(number) + "@127.0.0.1"));
}

bool send(Channel& channel) {
  const auto pushed =
      channel.outbound.push(dist::Lane::messages, [](ByteWriter& out, dist::Envelope) { out.u8(7); });
  return pushed.wake;
}

TEST(ChannelTable, NodesThatComeAndGoLeaveNothing) {
  Metrics metrics;
  ChannelTable table({}, metrics);
  const auto is_idle = [](const Channel& channel) { return channel.is_idle(); };
  const Atom stays("stays@127.0.0.1");
  (void)send(*table.use_or_make(stays));
  std::size_t most = 0;
  for (int i = 0; i < 10'000; ++i) {
    (void)table.use_or_make(numbered(i).atom());
    if (i % 100 == 99) table.free_if(is_idle);
    most = std::max(most, table.totals().channels);
  }
  EXPECT_LE(most, 101U);
  EXPECT_EQ(table.all(), std::vector{table.find(stays)});
  EXPECT_FALSE(table.use(numbered(1).atom()));
  EXPECT_EQ(metrics.counter("node.channels_freed").value(), 10'000U);
}

TEST(ChannelTable, AChannelInUseStaysAndIsTheSameForAll) {
  Metrics metrics;
  ChannelTable table({}, metrics);
  const Atom name("used@127.0.0.1");
  const auto always = [](const Channel&) { return true; };
  {
    const ChannelUse use = table.use_or_make(name);
    table.free_if(always);
    EXPECT_EQ(&*table.use(name), &*use);
    EXPECT_EQ(table.find(name), &*use);
  }
  table.free_if(always);
  EXPECT_EQ(table.find(name), nullptr);
}

TEST(ChannelTable, NothingThatIsSentWhileChannelsAreFreedIsLost) {
  constexpr int senders = 3;
  constexpr int sends = 20'000;
  Metrics metrics;
  ChannelTable table({.budget_bytes_max = SIZE_MAX}, metrics);
  DirtyChannels dirty;
  std::atomic<int> running = senders;
  std::atomic<std::uint64_t> rounds = 0;
  std::vector<std::thread> threads;
  for (int sender = 0; sender < senders; ++sender) {
    threads.emplace_back([&] {
      for (int i = 0; i < sends; ++i) {
        {
          const ChannelUse channel = table.use_or_make(numbered(i % 3).atom());
          if (send(*channel)) (void)dirty.add(*channel);
        }
        if (i % 1'000 != 0) continue;
        // Now and then all that was sent is taken, and the channels are freed.
        for (const std::uint64_t seen = rounds; rounds < seen + 3;) std::this_thread::yield();
      }
      --running;
    });
  }
  std::size_t bytes = 0;
  for (bool last = false; !last;) {
    last = running == 0;
    for (Channel* channel : dirty.take()) {
      std::size_t taken = 0;
      for (const SharedBytes& slice : channel->outbound.take(dist::Lane::messages, SIZE_MAX))
        taken += slice.size();
      channel->outbound.acknowledged(dist::Lane::messages, taken);
      bytes += taken;
    }
    table.free_if([](const Channel& channel) { return channel.is_idle(); });
    ++rounds;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bytes, std::size_t{senders} * sends * 5);  // four of length, one of content
  EXPECT_TRUE(table.all().empty());
  EXPECT_GT(metrics.counter("node.channels_freed").value(), 3U);
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
