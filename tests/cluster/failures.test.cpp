#include <signal.h>

#include "cluster/cluster_test.hpp"

namespace barrel::test {
namespace {

class Failures : public ClusterTest {
 protected:
  void SetUp() override {
    start("seed");
    start("node1", "seed");
    start("node2", "seed");
    ASSERT_TRUE(sees(node("seed"), "node1"));
    ASSERT_TRUE(sees(node("seed"), "node2"));
  }

  void lobby_on_node2() {
    make_room(node("node2"), "lobby", {&node("seed"), &node("node1")});
    join(node("node1"), "lobby");
  }
};

TEST_F(Failures, AKilledHostTakesItsRoomWithIt) {
  lobby_on_node2();
  node("node2").child().signal(SIGKILL);
  for (const char* name : {"seed", "node1"}) {
    EXPECT_TRUE(node(name).prints("*** Room lobby left node2@127.0.0.1", 6s)) << name;
    EXPECT_TRUE(node(name).eventually("rooms", [](const Names& rooms) { return rooms.empty(); })) << name;
  }
  EXPECT_TRUE(node("node1").prints("*** Room lobby is gone: noconnection"));
  EXPECT_FALSE(node("seed").prints("is gone", 0s)) << "only a member monitors the room";
}

TEST_F(Failures, AKilledMemberLeavesTheRoomAndTheOthersGoOn) {
  lobby_on_node2();
  join(node("seed"), "lobby");
  const auto both = [](const Names& members) { return members.size() == 2; };
  ASSERT_TRUE(node("node2").eventually("members lobby", both));
  node("node1").child().signal(SIGKILL);
  EXPECT_TRUE(node("node2").eventually(
      "members lobby", [](const Names& members) { return members == Names{"seed@127.0.0.1"}; }, 10s));
  node("node2").send("send lobby still here");
  EXPECT_TRUE(node("seed").prints("[lobby] <node2@127.0.0.1> still here"));
}

TEST_F(Failures, ANodeThatQuitsTakesItsNamesBackAtOnce) {
  lobby_on_node2();
  node("node2").send("quit");
  EXPECT_EQ(node("node2").child().wait_exit(10s), 0);
  EXPECT_TRUE(node("seed").prints("*** Room lobby left node2@127.0.0.1", 2s))
      << "no failure detection is needed";
  EXPECT_TRUE(node("node1").prints("*** Room lobby is gone: "));
  EXPECT_TRUE(node("seed").eventually(
      "active_view", [](const Names& view) { return !view.contains("node2@127.0.0.1"); }, 2s));
}

TEST_F(Failures, ANodeRestartedWithItsIdentityStartsAnew) {
  lobby_on_node2();
  // Sooner than anybody can miss it: the new incarnation itself must end the old one's pids.
  start("node2", "seed");
  EXPECT_TRUE(node("node1").prints("*** Room lobby is gone: noconnection"));
  ASSERT_TRUE(sees(node("seed"), "node2"));
  for (const char* name : {"seed", "node1"}) {
    EXPECT_TRUE(node(name).eventually("rooms", [](const Names& rooms) { return rooms.empty(); })) << name;
  }
  lobby_on_node2();
  const std::size_t before = node("node1").child().mark();
  node("seed").send("send lobby back again");
  EXPECT_TRUE(node("node1").prints("[lobby] <seed@127.0.0.1> back again", 10s, before));
}

}  // namespace
}  // namespace barrel::test
