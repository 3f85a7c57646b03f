// Links and monitors between the processes of Erlang nodes and Barrel nodes, and what the loss of a node
// does.

#include <gmock/gmock.h>

#include <csignal>

#include "erlang/erlang_test.hpp"
#include "erlang/puppet.hpp"

namespace barrel::test {
namespace {

class ErlangSignals : public ErlangTest {
 protected:
  void begin(const NodeConfig& settings, const BeamOptions& options = {}) {
    node = start_tcp(settings);
    ASSERT_TRUE(node);
    puppet.start(*node, "puppet");
    beam = std::make_unique<Beam>(epmd_, "e", options);
    (void)beam->eval("register(main, self())");
  }
  void begin() { begin(tcp_config("b")); }
  /// A process of the Erlang node that waits to be told how to end.
  Pid spawn_there() {
    return *beam->eval("spawn(fun() -> receive {exit, Reason} -> exit(Reason) end end)").as_pid();
  }
  /// The puppet's pid, as a variable P of the Erlang node.
  void bind_puppet() {
    puppet.perform([to = NodeLocalName{"main", name_of(*beam)}](Puppet&, Self self) {
      self.send(to, Term::tuple_of(Atom("here"), self.pid()));
    });
    (void)beam->eval("receive {here, P} -> P end");
  }
  void monitor(const Pid& target) {
    puppet.perform([target](Puppet& self, Self process) { self.keep(process.monitor(target)); });
  }

  Puppet puppet;
  std::unique_ptr<Node> node;
  std::unique_ptr<Beam> beam;
};

TEST_F(ErlangSignals, BarrelMonitorsErlangProcesses) {
  begin();
  const Pid target = spawn_there();
  monitor(target);
  puppet.perform(
      [target](Puppet&, Self self) { self.send(target, Term::tuple_of(Atom("exit"), Atom("enough"))); });
  EXPECT_TRUE(puppet.hears("{'DOWN'," + to_string(Term(target)) + ",enough}"))
      << testing::PrintToString(puppet.heard());
  puppet.forget();
  monitor(target);
  EXPECT_TRUE(puppet.hears("{'DOWN'," + to_string(Term(target)) + ",noproc}"));
  puppet.perform([name = NodeLocalName{"no_such", name_of(*beam)}](Puppet& self, Self process) {
    self.keep(process.monitor(name));
  });
  EXPECT_TRUE(puppet.hears("{'DOWN',{no_such,'e@127.0.0.1'},noproc}"));
}

TEST_F(ErlangSignals, ErlangMonitorsBarrelProcesses) {
  begin();
  bind_puppet();
  EXPECT_EQ(beam->text("monitor(process, {no_such, 'b@127.0.0.1'}), "
                       "receive {'DOWN', _, _, W1, R1} -> {W1, R1} after 5000 -> timeout end"),
            "{{no_such,'b@127.0.0.1'},noproc}");
  (void)beam->eval("Ref = monitor(process, P), P ! watched");
  ASSERT_TRUE(puppet.hears("watched"));
  node->runtime().exit(puppet.pid(), kill());
  EXPECT_EQ(beam->text("receive {'DOWN', Ref, process, P, R2} -> R2 after 5000 -> timeout end"), "killed");
}

TEST_F(ErlangSignals, TheEndOfAMonitorOnANameThatIsUnknownHereIsCounted) {
  begin();
  // Before the answer can come: both go out in one step of the process.
  (void)beam->eval("net_adm:ping('b@127.0.0.1')");
  (void)beam->eval("demonitor(monitor(process, {no_such_name_anywhere, 'b@127.0.0.1'}))");
  EXPECT_TRUE(eventually([&] { return node->metrics()["node.signals_ignored"] == 1; }));
}

TEST_F(ErlangSignals, LinksCarryExitsBothWays) {
  begin();
  bind_puppet();
  const Pid target = spawn_there();
  puppet.perform([target](Puppet&, Self self) {
    self.link(target);
    self.send(target, Term::tuple_of(Atom("exit"), Atom("from_erlang")));
  });
  EXPECT_TRUE(puppet.hears("{'EXIT'," + to_string(Term(target)) + ",from_erlang}"))
      << testing::PrintToString(puppet.heard());
  (void)beam->eval("link(P), P ! linked");
  ASSERT_TRUE(puppet.hears("linked"));
  node->runtime().exit(puppet.pid(), kill());
  EXPECT_EQ(beam->text("receive {'EXIT', P, R} -> R after 5000 -> timeout end"), "killed");
}

TEST_F(ErlangSignals, AKilledErlangNodeIsNoticedAtOnce) {
  begin();
  const Pid target = spawn_there();
  monitor(target);
  puppet.perform([target](Puppet&, Self self) { self.link(target); });
  puppet.perform([peer = name_of(*beam)](Puppet&, Self self) { self.monitor_node(peer); });
  ASSERT_TRUE(puppet.hears("{nodeup,"));
  beam->kill();
  EXPECT_TRUE(puppet.hears("{'DOWN'," + to_string(Term(target)) + ",noconnection}"));
  EXPECT_TRUE(puppet.hears("{'EXIT'," + to_string(Term(target)) + ",noconnection}"));
  EXPECT_TRUE(puppet.hears("{nodedown,"));
  EXPECT_TRUE(node->nodes().empty());
}

TEST_F(ErlangSignals, ErlangNoticesTheEndOfABarrelNode) {
  begin();
  bind_puppet();
  (void)beam->eval("Watch = monitor(process, P), link(P), P ! both_are_there");
  ASSERT_TRUE(puppet.hears("both_are_there"));
  ASSERT_TRUE(node->shutdown());
  const std::string reason =
      beam->text("receive {'DOWN', Watch, process, P, R1} -> R1 after 5000 -> timeout end");
  // Its processes end first, and what they have to say is sent before the connection goes.
  EXPECT_EQ(reason, "shutdown");
  EXPECT_TRUE(beam->becomes("nodes()", "[]"));
}

TEST_F(ErlangSignals, AStoppedErlangNodeIsSuspectedAndComesBack) {
  NodeConfig settings = tcp_config("b");
  settings.tcp.ticktime = 4s;
  begin(settings, {.arguments = {"-kernel", "net_ticktime", "4"}});
  (void)beam->eval("net_adm:ping('b@127.0.0.1')");
  ASSERT_TRUE(eventually([&] { return node->peers().size() == 1; }));
  beam->signal(SIGSTOP);
  ASSERT_TRUE(eventually([&] { return node->peers().size() == 1 && node->peers()[0].suspected; }));
  beam->signal(SIGCONT);
  (void)beam->eval("{nobody, 'b@127.0.0.1'} ! hello");  // not to wait for its next tick
  EXPECT_TRUE(eventually([&] { return node->peers().size() == 1 && !node->peers()[0].suspected; }));
  // For good.
  beam->signal(SIGSTOP);
  EXPECT_TRUE(eventually([&] { return node->nodes().empty(); }, 10s));
  beam->signal(SIGCONT);
  // It has to find out first that the connection is no more.
  EXPECT_TRUE(beam->becomes("net_adm:ping('b@127.0.0.1')", "pong"));
}

}  // namespace
}  // namespace barrel::test
