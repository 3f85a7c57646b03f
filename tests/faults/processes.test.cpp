// Processes that stop for a while, end in order or not, come back again and again, or are there twice.
#include <signal.h>

#include <cstdlib>

#include "faults/fault_test.hpp"

namespace barrel::test {
namespace {

class Processes : public FaultTest {
 protected:
  void start_three(const std::vector<std::string>& arguments = {}) {
    start("seed", "", arguments);
    start("node1", "seed", arguments);
    start("node2", "seed", arguments);
    ASSERT_TRUE(sees(node("seed"), "node1"));
    ASSERT_TRUE(sees(node("seed"), "node2"));
    make_room(node("node2"), "lobby", {&node("seed"), &node("node1")});
    join(node("node1"), "lobby");
    // Its monitor of the room has arrived before what is asked after it.
    EXPECT_TRUE(node("node1").eventually(
        "members lobby", [](const Names& members) { return members == Names{"node1@127.0.0.1"}; }));
  }
  [[nodiscard]] static std::chrono::milliseconds since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  }
};

TEST_F(Processes, OneThatIsFrozenIsGivenUpInTimeAndComesBack) {
  // The failure times of the product: 5 s, and a second for the others to agree.
  start_three({"--contact-retry-ms=500"});
  node("node2").child().signal(SIGSTOP);
  for (const char* name : {"seed", "node1"}) {
    EXPECT_TRUE(node(name).prints("*** Room lobby left node2@127.0.0.1", 7s)) << name;
  }
  EXPECT_TRUE(node("node1").prints("*** Room lobby is gone: noconnection"));
  const std::size_t mark = node("seed").child().mark();
  node("node2").child().signal(SIGCONT);
  EXPECT_TRUE(node("seed").prints("*** Room lobby available on node2@127.0.0.1", 20s, mark));
  for (const char* name : {"seed", "node1"}) {
    EXPECT_TRUE(node(name).eventually("rooms", [](const Names& rooms) { return rooms.contains("lobby"); }))
        << name;
  }
  join(node("node1"), "lobby");
  node("seed").send("send lobby welcome back");
  EXPECT_TRUE(node("node1").prints("[lobby] <seed@127.0.0.1> welcome back"));
}

TEST_F(Processes, LeavingInOrderIsToldAtOnceAndWithItsReason) {
  start_three();
  const auto start = std::chrono::steady_clock::now();
  node("node2").send("quit");
  EXPECT_TRUE(node("node1").prints("*** Room lobby is gone: shutdown"));
  EXPECT_TRUE(node("seed").prints("*** Room lobby left node2@127.0.0.1"));
  EXPECT_LT(since(start), 3s) << "before any failure time";
  EXPECT_TRUE(node("seed").eventually(
      "active_view", [](const Names& view) { return !view.contains("node2@127.0.0.1"); }, 3s));
  EXPECT_EQ(node("node2").child().wait_exit(10s), 0);
}

TEST_F(Processes, AKilledOneIsMissedAfterTheFailureTime) {
  start_three(quick_failures);
  const auto start = std::chrono::steady_clock::now();
  node("node2").child().signal(SIGKILL);
  EXPECT_TRUE(node("node1").prints("*** Room lobby is gone: noconnection", 8s));
  EXPECT_TRUE(node("seed").prints("*** Room lobby left node2@127.0.0.1", 8s));
  EXPECT_FALSE(node("node1").prints("gone: shutdown", 0s));
  EXPECT_LT(since(start), 8s);
}

/// BARREL_RESTARTS sets another number, for a night.
int restarts() {
  const char* wanted = std::getenv("BARREL_RESTARTS");
  return wanted != nullptr ? std::atoi(wanted) : 200;
}

TEST_F(Processes, HundredsOfRestartsOfOneDoNotDisturbTheOthers) {
  start("seed");
  start("node1", "seed");
  ASSERT_TRUE(sees(node("seed"), "node1"));
  make_room(node("seed"), "lobby", {&node("node1")});
  join(node("node1"), "lobby");
  for (int i = 0; i < restarts(); ++i) {
    start("node2", "seed");
    // Now and then it gets as far as the view, and now and then it leaves in order.
    if (i % 10 == 0) {
      EXPECT_TRUE(sees(node("node2"), "seed"));
    }
    if (i % 25 == 24) {
      node("node2").send("quit");
      EXPECT_EQ(node("node2").child().wait_exit(10s), 0);
    }
    const std::string word = "word " + std::to_string(i) + ".";
    node("seed").send("send lobby " + word);
    ASSERT_TRUE(node("node1").prints("[lobby] <seed@127.0.0.1> " + word, 5s)) << i;
  }
  start("node2", "seed");
  EXPECT_TRUE(sees(node("node2"), "seed"));
  EXPECT_TRUE(node("node2").eventually("rooms", [](const Names& rooms) { return rooms.contains("lobby"); }));
  join(node("node2"), "lobby");
  // Those of dead incarnations are gone after the failure time.
  std::uint64_t connections = 0;
  EXPECT_TRUE(node("seed").eventually(
      "nodes", [&](const Names&) { return (connections = node("seed").counters()["quic.connections"]) <= 4; },
      15s))
      << connections;
  EXPECT_FALSE(node("node1").prints("is gone", 0s));
}

TEST_F(Processes, ASecondNodeOfThatNameIsRefusedAndTheFirstGoesOn) {
  start_three();
  const std::size_t mark = node("seed").child().mark();
  ChatSetup other = setup_;
  other.directory = home_of("twin");
  std::filesystem::create_directories(other.directory);
  // The same cluster, by the discovery directory of all; but keys of its own.
  std::filesystem::create_directory_symlink(setup_.directory / "discovery", other.directory / "discovery");
  ChatNode twin(other, "node2", "seed");
  EXPECT_TRUE(twin.is_up());
  EXPECT_TRUE(node("seed").prints("delete trusted/node2@127.0.0.1.pub", 20s, mark)) << "and says what to do";
  EXPECT_TRUE(twin.prints("it has another key pinned for node2@127.0.0.1"));
  EXPECT_EQ(twin.ask("nodes"), "nodes:");
  node("seed").send("send lobby still with you");
  EXPECT_TRUE(node("node1").prints("[lobby] <seed@127.0.0.1> still with you"));
}

TEST_F(Processes, ASecondNodeWithTheSameKeysRefusesToStart) {
  start("seed");
  ChatNode twin(setup_, "seed", "");
  EXPECT_EQ(twin.child().wait_exit(10s), 1);
  EXPECT_TRUE(twin.prints("another node runs with these keys", 5s)) << twin.child().transcript();
  EXPECT_EQ(node("seed").ask("nodes"), "nodes:") << "the first goes on";
}

TEST_F(Processes, APortThatIsTakenIsAnErrorThatNamesIt) {
  start_apart("first");
  const std::string port = std::to_string(port_of("first"));
  ChatNode second(setup_, "second", "", {"--listen-port=" + port});
  EXPECT_EQ(second.child().wait_exit(10s), 1);
  EXPECT_TRUE(second.prints(port, 5s)) << second.child().transcript();
  EXPECT_TRUE(second.prints("in use", 5s)) << second.child().transcript();
}

}  // namespace
}  // namespace barrel::test
