// Nodes of both kinds find each other, leave, and come back.

#include <chrono>
#include <iostream>

#include "original/original_test.hpp"

namespace barrel::test {
namespace {

using testing::Contains;
using testing::Not;

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

}  // namespace
}  // namespace barrel::test
