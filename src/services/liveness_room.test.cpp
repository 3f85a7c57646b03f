// What a member that invents nodes can do to the others' knowledge of who lives.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "services/liveness.hpp"

namespace barrel {
namespace {

using liveness::Verdict;
using std::chrono::seconds;

const NodeName mallory("mallory@h");
const NodeName honest("n@h");
constexpr std::int64_t wall = 1'700'000'000'000;

NodeName numbered(const char* what, int number) {
  return NodeName((what + std::to_string(number) + "@h").c_str());
}

/// The liveness of one node, and what it wants done.
struct Node {
  static LivenessConfig with(std::size_t nodes_max) {
    LivenessConfig config;
    config.nodes_max = nodes_max;
    return config;
  }
  explicit Node(NodeName self, std::size_t nodes_max = 10'000)
      : core(self, 9, wall, with(nodes_max), Random(4), metrics) {}

  void up(NodeName node) { core.link_up(node, 1, true, now, wall, out); }
  void peer(NodeName node) {
    up(node);
    core.peer_up(node, now, out);
  }
  void hear(NodeName teller, NodeName node, Verdict verdict = Verdict::alive) {
    core.gossip(teller, liveness::gossip_of(teller, {verdict, node, 1, 100}), now, wall, out);
  }
  void digest(NodeName from, std::uint64_t hash) {
    core.message(from, encode(from, liveness::Digest{hash, false}), now, wall, out);
  }
  void beat(NodeName node, Duration next) { core.beat(liveness::beat_of(node, next), now); }
  void pass(Duration span) {
    const Instant end = now + span;
    while (core.next_deadline() && *core.next_deadline() <= end) {
      now = std::max(now, *core.next_deadline());
      core.advance(now, out);
      now += std::chrono::microseconds(1);
    }
    now = end;
  }
  /// How many effects of a kind there were; all are forgotten.
  template <class E>
  std::size_t take() {
    const auto is_one = [](const auto& e) { return std::holds_alternative<E>(e); };
    const auto count = static_cast<std::size_t>(std::ranges::count_if(out, is_one));
    out.clear();
    return count;
  }
  [[nodiscard]] bool knows(NodeName node) const { return core.visibility(node).creation != 0; }
  std::uint64_t count(const char* counter) { return metrics.counter(counter).value(); }

  Metrics metrics;
  Liveness core;
  Instant now{seconds(100)};
  Liveness::Effects out;
};

/// Mallory and an honest node are linked, and mallory has told of more nodes than there is room for.
class FullLiveness : public testing::Test {
 protected:
  FullLiveness() {
    node.up(mallory);
    node.up(honest);
    invent("invented");
  }
  void invent(const char* what) {
    for (int i = 0; i < 500; ++i) node.hear(mallory, numbered(what, i));
  }
  Node node{"me@h", 100};
};

TEST_F(FullLiveness, ARealLinkFindsRoomHoweverManyNodesAPeerInvents) {
  EXPECT_EQ(node.core.size(), 100U);
  EXPECT_GT(node.count("liveness.nodes_full"), 0U);
  node.up("real@h");
  EXPECT_TRUE(node.knows("real@h"));
  EXPECT_LE(node.core.size(), 100U);
  invent("more");
  EXPECT_TRUE(node.knows("real@h"));
  EXPECT_TRUE(node.knows(honest));
}

TEST_F(FullLiveness, WhatAnotherPeerTellsDisplacesTheInventions) {
  for (int i = 0; i < 30; ++i) node.hear(honest, numbered("told", i));
  invent("more");
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(node.knows(numbered("told", i))) << i;
  EXPECT_EQ(node.core.size(), 100U);
}

TEST_F(FullLiveness, APeerMakesRoomForWhatItTellsByTheDeathsOfWhatItHasTold) {
  EXPECT_FALSE(node.knows(numbered("more", 1)));
  node.core.gossip(mallory, liveness::gossip_of(mallory, {Verdict::left, numbered("invented", 7), 1, 101}),
                   node.now, wall, node.out);
  node.now += seconds(1);
  node.hear(mallory, numbered("more", 1));
  EXPECT_TRUE(node.knows(numbered("more", 1)));
  EXPECT_EQ(node.core.size(), 100U);
}

TEST_F(FullLiveness, LinksFindRoomEvenWhenAllAreLinked) {
  for (int i = 0; i < 150; ++i) node.up(numbered("real", i));
  for (int i = 0; i < 150; ++i) EXPECT_TRUE(node.knows(numbered("real", i))) << i;
}

TEST(LivenessRoom, ClaimsOfOneNeighbourAboutThousandsOfNodesAreAllTaken) {
  Node node("me@h");
  node.up(honest);
  liveness::Claims claims;
  for (int i = 0; i < 9'000; ++i) claims.claims.push_back({Verdict::alive, numbered("node", i), 1, 100});
  node.core.message(honest, encode(honest, claims), node.now, wall, node.out);
  EXPECT_EQ(node.core.size(), 9'001U);
}

TEST(LivenessBeats, AnInventedNodeDoesNotMakeTheRealOneUnheard) {
  Node node("me@h");
  const NodeName first("b@h");
  node.up(first);
  node.peer(mallory);
  node.beat(first, seconds(1));
  node.take<Liveness::Beat>();
  for (int i = 0; i < 20; ++i) {
    node.hear(mallory, numbered("a", i));
    node.pass(seconds(1));
    node.beat(first, seconds(1));
  }
  EXPECT_EQ(node.take<Liveness::Reunite>(), 0U);
  node.pass(seconds(10));
  EXPECT_GE(node.take<Liveness::Reunite>(), 1U) << "when it is not heard, it is missed";
}

TEST(LivenessBeats, TheSmallestNodeBeatsThoughAPeerInventsSmallerOnesAndTriesThemOnce) {
  Node node("c@h");
  const NodeName invented("a@h");
  node.peer(mallory);
  node.hear(mallory, invented);
  node.out.clear();
  node.pass(seconds(8));
  EXPECT_GE(std::ranges::count_if(node.out,
                                  [](const auto& e) { return std::holds_alternative<Liveness::Beat>(e); }),
            1);
  EXPECT_EQ(node.take<Liveness::Reunite>(), 1U) << "it may be real, and in another part of the overlay";
  node.core.dial_failed(invented, node.now, node.out);
  // Who says that he reaches it keeps it from being told dead, but not more.
  std::size_t beats = 0;
  for (int i = 0; i < 30; ++i) {
    node.hear(mallory, invented, Verdict::reachable);
    node.pass(seconds(1));
    EXPECT_EQ(std::ranges::count_if(
                  node.out, [](const auto& e) { return std::holds_alternative<Liveness::Reunite>(e); }),
              0);
    beats += node.take<Liveness::Beat>();
  }
  EXPECT_GE(beats, 5U);
}

TEST(LivenessBeats, OneThatWasNeverMetIsWaitedForOnlyAsLongAsItMayBeat) {
  Node node("c@h");
  const NodeName invented("a@h");
  node.peer(mallory);
  node.hear(mallory, invented);
  node.beat(invented, seconds(60));
  node.out.clear();
  node.pass(seconds(15));
  EXPECT_GE(node.take<Liveness::Reunite>(), 1U);
  node.core.dial_failed(invented, node.now, node.out);
  node.pass(seconds(15));
  EXPECT_GE(node.take<Liveness::Beat>(), 1U);
}

TEST(LivenessAnswers, DigestsWithoutEndAreAnsweredNowAndThenAndTheLastOneIs) {
  Node node("me@h");
  node.up(mallory);
  for (int i = 0; i < 1'500; ++i) node.hear(mallory, numbered("node", i));
  node.out.clear();
  for (std::uint64_t i = 0; i < 10'000; ++i) node.digest(mallory, i);
  EXPECT_LE(node.take<Liveness::SendTo>(), 200U);
  EXPECT_GT(node.count("liveness.answers_put_off"), 9'000U);
  node.pass(seconds(1));
  EXPECT_EQ(node.take<Liveness::SendTo>(), 3U) << "claims in two pieces, and a digest";
  node.up(honest);
  node.out.clear();
  node.digest(honest, 1);
  EXPECT_EQ(node.take<Liveness::SendTo>(), 3U) << "others wait for nothing";
}

}  // namespace
}  // namespace barrel
