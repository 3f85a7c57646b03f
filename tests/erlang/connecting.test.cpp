// Erlang nodes and Barrel nodes find each other by EPMD and connect over TCP.

#include <gmock/gmock.h>

#include "erlang/erlang_test.hpp"
#include "erlang/puppet.hpp"

namespace barrel::test {
namespace {

class Connecting : public ErlangTest {
 protected:
  /// Makes `node` dial by a message to nobody.
  static void dial(Node& node, NodeName peer) {
    (void)node.send(NodeLocalName{"nobody", peer}, Atom("hello"));
  }
};

TEST_F(Connecting, ErlangPingsABarrelNode) {
  const auto b = start_tcp("b");
  ASSERT_TRUE(b);
  Beam beam(epmd_, "e");
  EXPECT_EQ(beam.text("net_adm:ping('b@127.0.0.1')"), "pong");
  EXPECT_EQ(beam.text("nodes()"), "['b@127.0.0.1']");
  ASSERT_TRUE(connected(*b, beam)) << beam.transcript();
  const std::vector<PeerInfo> peers = b->peers();
  ASSERT_EQ(peers.size(), 1U);
  EXPECT_EQ(peers[0].protocol, "erlang-tcp");
  EXPECT_FALSE(peers[0].dialed);
  EXPECT_FALSE(peers[0].hidden);
  EXPECT_TRUE(b->membership().active_view().empty()) << "it is no member of the overlay";
  EXPECT_EQ(beam.text("net_kernel:connect_node('b@127.0.0.1')"), "true") << "and stays connected";
  EXPECT_EQ(beam.text("net_adm:ping('nobody@127.0.0.1')"), "pang");
}

TEST_F(Connecting, ErlangMayAskForAConnectionAndForFeatures) {
  const auto b = start_tcp("b");
  ASSERT_TRUE(b);
  Beam beam(epmd_, "e");
  EXPECT_EQ(beam.text("net_kernel:connect_node('nobody@127.0.0.1')"), "false");
  EXPECT_EQ(beam.text("net_kernel:connect_node('b@127.0.0.1')"), "true") << "as the first contact";
  EXPECT_TRUE(connected(*b, beam));
  // What rpc asks before it first calls a node.
  EXPECT_EQ(
      beam.text("{rex, 'b@127.0.0.1'} ! {self(), features_request},"
                "receive {features_reply, Node, Features} -> {Node, Features} after 5000 -> timeout end"),
      "{'b@127.0.0.1',[erpc]}");
}

TEST_F(Connecting, ABarrelNodeDialsAnErlangNode) {
  Puppet puppet;
  const auto b = start_tcp("b");
  ASSERT_TRUE(b);
  Beam beam(epmd_, "e");
  puppet.start(*b, "puppet");
  const NodeName erlang = name_of(beam);
  puppet.perform([erlang](Puppet&, Self self) { self.monitor_node(erlang); });
  ASSERT_TRUE(puppet.hears("{nodeup,'e@127.0.0.1'}"));
  EXPECT_THAT(b->nodes(), testing::ElementsAre(erlang));
  EXPECT_TRUE(b->peers()[0].dialed);
  EXPECT_TRUE(beam.becomes("nodes()", "['b@127.0.0.1']"));
  (void)beam.eval("erlang:disconnect_node('b@127.0.0.1')");
  EXPECT_TRUE(puppet.hears("{nodedown,'e@127.0.0.1'}"));
  EXPECT_TRUE(eventually([&] { return b->nodes().empty(); }));
}

TEST_F(Connecting, ErlangIsToldOfABarrelNodesComingAndGoing) {
  auto b = start_tcp("b");
  ASSERT_TRUE(b);
  Beam beam(epmd_, "e");
  (void)beam.eval("net_kernel:monitor_nodes(true), monitor_node('b@127.0.0.1', true)");
  EXPECT_EQ(beam.text("receive {nodeup, Node} -> Node after 5000 -> timeout end"), "'b@127.0.0.1'");
  ASSERT_TRUE(connected(*b, beam));
  ASSERT_TRUE(b->shutdown());
  EXPECT_EQ(beam.text("receive {nodedown, Gone} -> Gone after 5000 -> timeout end"), "'b@127.0.0.1'");
  EXPECT_EQ(beam.text("receive {nodedown, Gone} -> Gone after 5000 -> timeout end"), "'b@127.0.0.1'")
      << "one for each of both ways to watch a node";
  EXPECT_EQ(beam.text("nodes()"), "[]");
  // Its name is free at once: it comes back as a new incarnation.
  b.reset();
  b = start_tcp("b");
  ASSERT_TRUE(b);
  EXPECT_EQ(beam.text("net_adm:ping('b@127.0.0.1')"), "pong");
}

TEST_F(Connecting, HiddenNodesAreListedApart) {
  const auto b = start_tcp("b");
  ASSERT_TRUE(b);
  Beam hidden(epmd_, "h", {.arguments = {"-hidden"}});
  EXPECT_EQ(hidden.text("net_adm:ping('b@127.0.0.1')"), "pong");
  EXPECT_EQ(hidden.text("{nodes(), nodes(hidden)}"), "{[],['b@127.0.0.1']}");
  ASSERT_TRUE(eventually([&] { return b->hidden_nodes().size() == 1; }));
  EXPECT_THAT(b->hidden_nodes(), testing::ElementsAre(name_of(hidden)));
  EXPECT_TRUE(b->nodes().empty());
  EXPECT_TRUE(b->peers()[0].hidden);
}

TEST_F(Connecting, NamesRegisteredOnEitherSideAreSentTo) {
  Puppet puppet;
  const auto b = start_tcp("b");
  ASSERT_TRUE(b);
  puppet.start(*b, "puppet");
  Beam beam(epmd_, "e");
  (void)beam.eval("register(sink, self()), {puppet, 'b@127.0.0.1'} ! {hello, [1, 2.5, <<\"x\">>]}");
  EXPECT_TRUE(puppet.hears("{hello,[1,2.5,<<\"x\">>]}")) << testing::PrintToString(puppet.heard());
  puppet.perform([to = NodeLocalName{"sink", name_of(beam)}](Puppet&, Self self) {
    self.send(to, Term::tuple_of(Atom("back"), self.pid()));
  });
  (void)beam.eval("receive {back, Pid} -> Pid ! {reply, node()} end");
  EXPECT_TRUE(puppet.hears("{reply,'e@127.0.0.1'}"));
}

TEST_F(Connecting, AFixedAddressNeedsNoEpmd) {
  NodeConfig settings = tcp_config("b");
  settings.tcp.epmd_register = false;
  const auto b = start_tcp(settings);
  ASSERT_TRUE(b);
  // An Erlang node that listens nowhere itself and takes every node to be at one port.
  Beam beam(epmd_, "e",
            {.arguments = {"-dist_listen", "false", "-erl_epmd_port", std::to_string(b->tcp_port())}});
  EXPECT_EQ(beam.text("net_adm:ping('b@127.0.0.1')"), "pong");
}

TEST_F(Connecting, ABarrelNodeDialsAFixedAddress) {
  Beam beam(epmd_, "e");
  const auto port = beam.eval("{port, P, _} = erl_epmd:port_please(\"e\", \"127.0.0.1\"), P").as_int64();
  ASSERT_TRUE(port);
  NodeConfig settings = tcp_config("b");
  settings.tcp.epmd_register = false;
  settings.tcp.epmd_port = 1;  // nobody is there
  settings.tcp.nodes[beam.name()] = {"127.0.0.1", static_cast<std::uint16_t>(*port), Transport::tcp};
  const auto b = start_tcp(settings);
  ASSERT_TRUE(b);
  dial(*b, name_of(beam));
  EXPECT_TRUE(connected(*b, beam));
}

TEST_F(Connecting, WhatWasTriedAndWhyItFailedIsLoggedByCarrier) {
  const TempDir logs;
  NodeConfig settings = tcp_config("b");
  settings.log.level = LogLevel::info;
  settings.log.file = logs.path() / "b.log";
  const auto b = start_tcp(settings);
  ASSERT_TRUE(b);
  {
    const Beam beam(epmd_, "e");
    dial(*b, name_of(beam));
    ASSERT_TRUE(connected(*b, beam));
  }
  ASSERT_TRUE(eventually([&] { return b->nodes().empty(); }));
  dial(*b, "e@127.0.0.1");
  const std::string line = logged_line(settings.log.file, "could not connect");
  const std::string epmd = "127.0.0.1:" + std::to_string(epmd_.port());
  EXPECT_THAT(line, testing::HasSubstr("over TCP: unreachable: EPMD at " + epmd + " knows no node e"));
  EXPECT_THAT(line, testing::HasSubstr("; over QUIC: unreachable: "));
}

TEST_F(Connecting, ARegistrationSurvivesTheEndOfEpmd) {
  const auto b = start_tcp("b");
  ASSERT_TRUE(b);
  epmd_.stop();
  ASSERT_TRUE(eventually([&] { return b->metrics()["tcp.epmd_registered"] == 0; }));
  epmd_.start();
  ASSERT_TRUE(eventually([&] { return b->metrics()["tcp.epmd_registered"] == 1; }, 10s));
  Beam beam(epmd_, "e");
  EXPECT_EQ(beam.text("net_adm:ping('b@127.0.0.1')"), "pong");
}

TEST_F(Connecting, ANodeStartsWithoutEpmdAndRegistersWhenItComes) {
  epmd_.stop();
  const auto b = start(tcp_config("b"));
  ASSERT_TRUE(b);
  epmd_.start();
  EXPECT_TRUE(eventually([&] { return b->metrics()["tcp.epmd_registered"] == 1; }, 10s));
}

TEST_F(Connecting, ShortHostNamesWorkAsFarAsNamesGo) {
  NodeConfig settings = tcp_config("b");
  settings.name = NodeName("b@localhost");
  const auto b = start_tcp(settings);
  ASSERT_TRUE(b);
  Beam beam(epmd_, "e@localhost");
  EXPECT_EQ(beam.text("net_adm:ping(b@localhost)"), "pong");
  EXPECT_TRUE(connected(*b, beam));
}

TEST_F(Connecting, CrossingDialsEndInOneConnectionThatCarriesTheFirstMessages) {
  Puppet puppet;
  // One name is greater than Erlang's and one is smaller: either side's dial wins once.
  for (const char* name : {"a", "z"}) {
    const auto node = start_tcp(name);
    ASSERT_TRUE(node);
    puppet.forget();
    puppet.start(*node, "puppet");
    Beam beam(epmd_, "m");
    (void)beam.eval("register(sink, self())");
    for (int round = 0; round < 50; ++round) {
      SCOPED_TRACE(std::string(name) + " " + std::to_string(round));
      const std::string number = std::to_string(round);
      const auto begun =
          beam.begin("{puppet, " + atom(*node) + "} ! {from_erlang, " + number + "}, receive {from_barrel, " +
                     number + "} -> got after 8000 -> timeout end");
      puppet.perform([to = NodeLocalName{"sink", name_of(beam)}, round](Puppet&, Self self) {
        self.send(to, Term::tuple_of(Atom("from_barrel"), round));
      });
      ASSERT_EQ(to_string(beam.finish(begun)), "got");
      ASSERT_TRUE(puppet.hears("{from_erlang," + number + "}")) << testing::PrintToString(puppet.heard());
      ASSERT_EQ(node->nodes().size(), 1U);
      // The dial that lost may still end in a connection, after the other has gone. The next round would lose
      // its message in it.
      ASSERT_TRUE(eventually([&] {
        (void)beam.eval("erlang:disconnect_node(" + atom(*node) + ")");
        return node->metrics()["tcp.connections"] == 0;
      }));
    }
  }
}

}  // namespace
}  // namespace barrel::test
