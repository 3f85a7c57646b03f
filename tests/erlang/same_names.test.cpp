// Erlang nodes that come under a name that somebody has already.

#include <gmock/gmock.h>

#include "erlang/erlang_test.hpp"
#include "erlang/puppet.hpp"

namespace barrel::test {
namespace {

class SameNames : public ErlangTest {
 protected:
  void SetUp() override {
    node_ = start_tcp("b");
    ASSERT_TRUE(node_);
    puppet_.start(*node_, "puppet");
  }
  void TearDown() override { node_.reset(); }
  /// One that EPMD does not know, and that takes every node to be where the Barrel node is.
  [[nodiscard]] std::unique_ptr<Beam> start_apart(const char* name) {
    return std::make_unique<Beam>(epmd_, name,
                                  BeamOptions{.arguments = {"-dist_listen", "false", "-erl_epmd_port",
                                                            std::to_string(node_->tcp_port())}});
  }

  Puppet puppet_;
  std::unique_ptr<Node> node_;
};

TEST_F(SameNames, AnErlangNodeDoesNotStartUnderTheNameOfALiveBarrelNode) {
  EXPECT_THROW(Beam(epmd_, "b"), std::runtime_error);
  Beam beam(epmd_, "e");
  EXPECT_EQ(beam.text("net_adm:ping('b@127.0.0.1')"), "pong");
  beam.eval("{puppet, 'b@127.0.0.1'} ! hello");
  EXPECT_TRUE(puppet_.hears("hello"));
}

TEST_F(SameNames, ANodeThatHasOurOwnNameIsNotLetIn) {
  const auto impostor = start_apart("b");
  // Its own name it does not dial; this one leads to the Barrel node, too.
  EXPECT_EQ(impostor->text("net_kernel:connect_node('other@127.0.0.1')"), "false");
  EXPECT_EQ(node_->metrics()["dist.handshake_failed.wrong_name"], 1U);
  EXPECT_EQ(impostor->text("nodes(connected)"), "[]");
  EXPECT_TRUE(node_->peers().empty());
  Beam beam(epmd_, "e");
  EXPECT_EQ(beam.text("net_adm:ping('b@127.0.0.1')"), "pong");
}

TEST_F(SameNames, WhoComesUnderAConnectedNameTakesItsPlaceAsBetweenErlangNodes) {
  const auto first = start_apart("e");
  first->eval("register(main, self()), {puppet, 'b@127.0.0.1'} ! {first, self()}");
  ASSERT_TRUE(puppet_.hears("{first,"));
  puppet_.perform([peer = name_of(*first)](Puppet& puppet, Self self) {
    puppet.keep(self.monitor(NodeLocalName{"main", peer}));
    self.monitor_node(peer);
    self.send(self.pid(), Atom("watching"));
  });
  ASSERT_TRUE(puppet_.hears("watching"));
  const std::uint32_t creation = node_->peers().at(0).creation;
  const auto second = start_apart("e");
  second->eval("register(main, self()), {puppet, 'b@127.0.0.1'} ! {second, self()}");
  ASSERT_TRUE(puppet_.hears("{second,")) << second->transcript();
  EXPECT_TRUE(puppet_.hears("{'DOWN',{main,'e@127.0.0.1'},noconnection}"));
  EXPECT_TRUE(puppet_.hears("{nodedown,'e@127.0.0.1'}"));
  EXPECT_TRUE(first->becomes("nodes(connected)", "[]"));
  ASSERT_EQ(node_->peers().size(), 1U);
  EXPECT_NE(node_->peers().at(0).creation, creation);
  // Its messages go to the one that is there now.
  puppet_.perform([to = NodeLocalName{"main", name_of(*second)}](Puppet&, Self self) {
    self.send(to, Atom("to_the_second"));
  });
  EXPECT_EQ(second->text("receive Heard -> Heard after 5000 -> timeout end"), "to_the_second");
  EXPECT_EQ(first->text("receive Stray -> Stray after 0 -> nothing end"), "nothing");
}

}  // namespace
}  // namespace barrel::test
