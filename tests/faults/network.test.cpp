// Networks that lose, delay, stop and change under a connection.
#include "faults/fault_test.hpp"

namespace barrel::test {
namespace {

class Network : public FaultTest {};

TEST_F(Network, AChatIsExactWhenAFifthOfAllDatagramsIsLost) {
  start_pair();
  expect_linked();
  make_lobby();
  set_conditions({.loss_ppm = 200'000,
                  .duplicate_ppm = 20'000,
                  .reorder_ppm = 50'000,
                  .delay = std::chrono::microseconds(2'000)});
  expect_exact_chat("b", 0, 150, 60s, Pace::one_by_one);
  expect_exact_chat("a", 0, 150, 60s, Pace::one_by_one);
  expect_exact_chat("b", 150, 150, 60s);
  std::uint64_t lost = 0;
  for (const UdpForwarder& path : paths_) lost += path.counts().lost;
  RecordProperty("lost", std::to_string(lost));
  // Each line is two datagrams or more, there and back or with its acknowledgement.
  EXPECT_GT(lost, 120U);
  EXPECT_FALSE(node("b").prints("is gone", 0s)) << "the connection has to live through it";
}

TEST_F(Network, ACutLongerThanTheFailureTimeIsALossAndHeals) {
  start_pair(quick_failures);
  expect_linked();
  make_lobby();
  const auto from_b = [](const Names& members) { return members.contains("b@127.0.0.1"); };
  ASSERT_TRUE(node("a").eventually("members lobby", from_b));
  set_cut(true);
  EXPECT_TRUE(node("b").prints("*** Room lobby is gone: noconnection", 8s));
  EXPECT_TRUE(
      node("a").eventually("members lobby", [&](const Names& members) { return !from_b(members); }, 8s));
  for (const char* name : {"a", "b"}) EXPECT_EQ(node(name).ask("nodes"), "nodes:") << name;
  set_cut(false);
  expect_linked();
  EXPECT_TRUE(node("b").eventually("rooms", [](const Names& rooms) { return rooms.contains("lobby"); }));
  join(node("b"), "lobby");
  expect_exact_chat("b", 0, 10);
}

TEST_F(Network, AConnectionFollowsAPeerWhosePortChanges) {
  start_pair();
  expect_linked();
  make_lobby();
  const auto links = [&](const char* name) { return node(name).counters()["dist.up"]; };
  const auto before = std::pair(links("a"), links("b"));
  for (int i = 0; i < 3; ++i) {
    for (UdpForwarder& path : paths_) path.rebind();
    expect_exact_chat("b", 100 * i, 10);
    expect_exact_chat("a", 100 * i, 10);
  }
  EXPECT_EQ(std::pair(links("a"), links("b")), before) << "no new connection was made";
}

TEST_F(Network, WhereUdpIsBlockedANodeSaysSoAndGoesOnTrying) {
  start_pair({"--contact-retry-ms=500", "--dial-timeout-ms=1000", "--base-backoff-ms=200"}, true);
  EXPECT_TRUE(node("b").prints("could not connect"));
  EXPECT_TRUE(node("b").prints("a@127.0.0.1"));
  EXPECT_EQ(node("b").ask("nodes"), "nodes:");
  const std::size_t mark = node("b").child().mark();
  EXPECT_TRUE(node("b").prints("could not connect", 20s, mark)) << "it tries again";
  set_cut(false);
  expect_linked();
  make_lobby();
  expect_exact_chat("b", 0, 5);
}

}  // namespace
}  // namespace barrel::test
