// Whom a node does not let in over TCP, and who does not let it in.

#include <gmock/gmock.h>

#include "erlang/erlang_test.hpp"
#include "erlang/puppet.hpp"

namespace barrel::test {
namespace {

class Refusals : public ErlangTest {
 protected:
  static std::uint64_t metric(const Node& node, const std::string& name) { return node.metrics()[name]; }
};

TEST_F(Refusals, AnotherCookieKeepsBothOut) {
  Puppet puppet;
  const auto b = start_tcp("b");
  ASSERT_TRUE(b);
  Beam beam(epmd_, "e", {.cookie = "another"});
  EXPECT_EQ(beam.text("net_adm:ping('b@127.0.0.1')"), "pang");
  EXPECT_EQ(metric(*b, "dist.handshake_failed.wrong_cookie"), 1U);
  puppet.start(*b, "puppet");
  puppet.perform([peer = name_of(beam)](Puppet&, Self self) { self.monitor_node(peer); });
  EXPECT_TRUE(puppet.hears("{nodedown,'e@127.0.0.1'}", 10s)) << testing::PrintToString(puppet.heard());
  EXPECT_TRUE(b->nodes().empty());
}

TEST_F(Refusals, ATakenNameIsNotRegisteredTwice) {
  Beam first(epmd_, "same");
  const auto second = start(tcp_config("same"));
  ASSERT_TRUE(second) << "a name that is taken stops no node";
  Beam beam(epmd_, "e");
  EXPECT_EQ(beam.text("net_adm:ping('same@127.0.0.1')"), "pong");
  EXPECT_EQ(metric(*second, "tcp.epmd_registered"), 0U);
  EXPECT_TRUE(second->nodes().empty()) << "the one who was first answers";
  // Its name becomes free.
  first.kill();
  EXPECT_TRUE(eventually([&] { return metric(*second, "tcp.epmd_registered") == 1; }, 10s));
  EXPECT_EQ(beam.text("net_adm:ping('same@127.0.0.1')"), "pong");
  EXPECT_EQ(second->nodes().size(), 1U);
}

TEST_F(Refusals, ANameWhoseKeyIsPinnedCannotComeByTcp) {
  const auto b = start_tcp("b");
  ASSERT_TRUE(b);
  {
    // Met over QUIC: its key is pinned.
    const auto honest = start("honest");
    ASSERT_TRUE(honest);
    (void)honest->send(NodeLocalName{"nobody", b->name()}, Atom("hello"));
    ASSERT_TRUE(eventually([&] { return b->nodes().size() == 1; }));
  }
  ASSERT_TRUE(eventually([&] { return b->nodes().empty(); }));
  Beam impostor(epmd_, "honest");
  EXPECT_EQ(impostor.text("net_adm:ping('b@127.0.0.1')"), "pang");
  EXPECT_GE(metric(*b, "tcp.downgrade_refused"), 1U);
  // Nor is it dialed.
  (void)b->send(NodeLocalName{"nobody", name_of(impostor)}, Atom("hello"));
  ASSERT_TRUE(eventually([&] { return metric(*b, "node.dials_failed") >= 1; }, 10s));
  EXPECT_TRUE(b->nodes().empty());
}

TEST_F(Refusals, WithoutTcpNothingListensAndNobodyIsAsked) {
  const auto b = start("b");
  ASSERT_TRUE(b);
  EXPECT_EQ(b->tcp_port(), 0);
  Beam beam(epmd_, "e");
  EXPECT_EQ(beam.text("net_adm:ping('b@127.0.0.1')"), "pang");
  EXPECT_EQ(beam.text("erl_epmd:names({127,0,0,1})").find("\"b\""), std::string::npos);
}

TEST_F(Refusals, OverlayMessagesOfErlangNodesAreDropped) {
  const auto b = start_tcp("b");
  ASSERT_TRUE(b);
  Beam beam(epmd_, "e");
  EXPECT_EQ(beam.text("net_adm:ping('b@127.0.0.1')"), "pong");
  (void)beam.eval(
      "{barrel_p2p_hyparview, 'b@127.0.0.1'} ! {join, 'e@127.0.0.1'}, "
      "{barrel_p2p_bridge, 'b@127.0.0.1'} ! {join, 'e@127.0.0.1'}, "
      "{barrel_p2p_plumtree, 'b@127.0.0.1'} ! {join, 'e@127.0.0.1'}");
  EXPECT_TRUE(eventually([&] { return metric(*b, "node.overlay_messages_of_outsiders") >= 1; }));
  EXPECT_TRUE(b->membership().active_view().empty());
}

}  // namespace
}  // namespace barrel::test
