// Nodes of both kinds find each other, leave, and come back.

#include <chrono>
#include <iostream>
#include <thread>

#include "original/holders.hpp"
#include "original/original_test.hpp"

namespace barrel::test {
namespace {

using testing::Contains;

class JoiningOriginals : public OriginalTest {
 protected:
  static std::string quoted(const Node& node) { return "'" + std::string(node.name().text()) + "'"; }
  static bool has_neighbour(const Node& node, NodeName peer) {
    return std::ranges::count(const_cast<Node&>(node).membership().active_view(), peer) == 1;
  }
};

TEST_F(JoiningOriginals, ABarrelNodeJoinsThroughAnOriginalNode) {
  NEEDS_ORIGINALS(1);
  const auto node = start_barrel("b", {original().name()});
  ASSERT_TRUE(node);
  EXPECT_TRUE(original().is_neighbour_of(*node, 5s));
  EXPECT_THAT(node->nodes(), Contains(original().name()));
  EXPECT_EQ(original().text("lists:member(" + quoted(*node) + ", nodes())"), "true");
  EXPECT_EQ(original().text("net_adm:ping(" + quoted(*node) + ")"), "pong");
}

TEST_F(JoiningOriginals, AnOriginalNodeJoinsThroughABarrelNode) {
  NEEDS_ORIGINALS(1);
  const auto node = start_barrel("b");
  ASSERT_TRUE(node);
  Puppet puppet;
  puppet.start(*node, "puppet");
  EXPECT_EQ(original().text("barrel_p2p:join(" + quoted(*node) + ")"), "ok");
  EXPECT_TRUE(original().is_neighbour_of(*node, 5s));
}

TEST_F(JoiningOriginals, ABarrelNodeThatLeavesIsGoneFromTheViewAndMayComeBack) {
  NEEDS_ORIGINALS(1);
  const auto node = start_barrel("b", {original().name()});
  ASSERT_TRUE(node);
  ASSERT_TRUE(original().is_neighbour_of(*node));
  (void)original().bind(
      "Seen = Keep(), ok = barrel_p2p:subscribe(Seen), Hyparview = whereis(barrel_p2p_hyparview)");
  node->spawn(&hold_name, Term(Atom(unique("svc"))), Metadata{});
  const std::string found = "element(1, barrel_p2p:lookup(" + unique("svc") + "))";
  ASSERT_TRUE(original().becomes(found, "ok"));
  node->membership().leave();
  EXPECT_TRUE(original().becomes(
      "lists:member({barrel_p2p_event,{peer_down," + quoted(*node) + ",graceful}}, Got(Seen))", "true"));
  EXPECT_TRUE(original().becomes("lists:member(" + quoted(*node) + ", barrel_p2p:active_view())", "false"));
  EXPECT_TRUE(original().becomes(found, "error"));
  EXPECT_TRUE(node->membership().active_view().empty());
  EXPECT_EQ(original().text("net_adm:ping(" + quoted(*node) + ")"), "pong") << "it still is a node";
  EXPECT_EQ(original().text("whereis(barrel_p2p_hyparview) =:= Hyparview"), "true");
  node->membership().join(original().name());
  EXPECT_TRUE(original().is_neighbour_of(*node));
}

TEST_F(JoiningOriginals, AnOriginalNodeThatLeavesIsGoneFromTheViewAndMayComeBack) {
  NEEDS_START();
  Events events;
  const auto there = start_original("e");
  const auto node = start_barrel("b", {there->name()});
  ASSERT_TRUE(node);
  ASSERT_TRUE(there->is_neighbour_of(*node));
  events.follow(*node);
  EXPECT_EQ(there->text("barrel_p2p:leave()"), "ok");
  EXPECT_TRUE(events.sees("{peer_down," + there->atom() + ",graceful}"));
  EXPECT_EQ(there->text("barrel_p2p:join(" + quoted(*node) + ")"), "ok");
  EXPECT_TRUE(there->is_neighbour_of(*node));
}

TEST_F(JoiningOriginals, ANodeThatHasLostItsViewsIsJoinedAgain) {
  NEEDS_START();
  const auto there = start_original("e");
  const auto node = start_barrel("b", {there->name()});
  ASSERT_TRUE(node);
  ASSERT_TRUE(there->is_neighbour_of(*node));
  // Its membership crashes at many occasions; its gossip goes on, to the peers it had.
  (void)there->eval("exit(whereis(barrel_p2p_hyparview), kill)");
  EXPECT_TRUE(there->becomes("catch barrel_p2p:active_view()", "[]"));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(there->is_neighbour_of(*node, 40s));
  const auto took = std::chrono::steady_clock::now() - begin;
  std::cout << "[ measured ] joined again after "
            << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms\n";
}

TEST_F(JoiningOriginals, ManyDialsOfBothSidesAtOnceEndInOneConnectionEach) {
  // Nodes of its own: a net_kernel of the original that has got stuck remains so.
  NEEDS_START();
  const std::unique_ptr<Original> there[] = {start_original("m0"), start_original("m1")};
  // Names before and after those of the original: it decides by them whose dial wins.
  constexpr int rounds = 3;
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::unique_ptr<Node>> nodes;
    std::string list;
    for (const char* kind : {"a", "z"}) {
      for (int i = 0; i < 2; ++i) {
        nodes.push_back(start_barrel(std::string(kind) + std::to_string(round) + std::to_string(i) + "n"));
        ASSERT_TRUE(nodes.back());
        list += (list.empty() ? "" : ",") + quoted(*nodes.back());
      }
    }
    // Messages to a name that nobody has, from all sides.
    std::vector<std::thread> dialing;
    for (std::size_t i = 0; i < 2; ++i) {
      dialing.emplace_back([&, i] {
        (void)there[i]->eval("[spawn(fun() -> {nobody, N} ! hello, net_adm:ping(N) end) || N <- [" + list +
                             "]]");
      });
    }
    for (const auto& node : nodes) {
      dialing.emplace_back([&] {
        for (std::size_t i = 0; i < 2; ++i)
          (void)node->send(NodeLocalName{"nobody", there[i]->name()}, Term(1));
      });
    }
    for (std::thread& each : dialing) each.join();
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_TRUE(there[i]->becomes("lists:sort([" + list + "] -- nodes())", "[]", 20s)) << "round " << round;
      EXPECT_EQ(there[i]->text("[net_adm:ping(N) || N <- [" + list + "]]"), "[pong,pong,pong,pong]");
      // Its net_kernel may wait for ever for a dial that crossed ours.
      EXPECT_EQ(there[i]->text("net_kernel:connect_node('nobody@127.0.0.1')"), "false");
    }
    for (const auto& node : nodes) {
      EXPECT_THAT(node->nodes(), testing::IsSupersetOf({there[0]->name(), there[1]->name()}));
      EXPECT_EQ(node->metrics()["dist.handshake_failed.timeout"], 0U);
    }
  }
}

}  // namespace
}  // namespace barrel::test
