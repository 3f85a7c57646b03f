// Several Erlang nodes and a Barrel node, connected with each other: who is told of whom, and that the Barrel
// node does not disturb what the others have among themselves.

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "erlang/erlang_test.hpp"
#include "erlang/puppet.hpp"

namespace barrel::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Mesh : public ErlangTest {
 protected:
  void SetUp() override {
    NodeConfig settings = tcp_config("b");
    settings.log.level = LogLevel::warning;
    settings.log.file = logs_.path() / "log";
    node_ = start_tcp(std::move(settings));
    ASSERT_TRUE(node_);
    puppet_.start(*node_, "puppet");
  }
  /// Starts the node and connects it with the Barrel node.
  std::unique_ptr<Beam> join(const char* name, const BeamOptions& options = {}) {
    auto beam = std::make_unique<Beam>(epmd_, name, options);
    EXPECT_EQ(beam->text("net_adm:ping('b@127.0.0.1')"), "pong");
    return beam;
  }
  /// What either kind of node has to complain of.
  void expect_no_complaints(const Beam& beam) {
    EXPECT_THAT(beam.transcript(), Not(HasSubstr(" REPORT")));
    std::ifstream file(logs_.path() / "log");
    // One warning, which stands there from the start on: the log is read, and is the node's.
    std::size_t lines = 0;
    for (std::string line; std::getline(file, line); ++lines)
      EXPECT_THAT(line, HasSubstr("TCP is enabled without"));
    EXPECT_EQ(lines, 1U);
  }
  static constexpr const char* all_nodes = "lists:sort(nodes())";
  /// Both ask each other and themselves for a lock, so that all that came to them before is done.
  static constexpr const char* settle = "global:trans({settled, self()}, fun() -> settled end)";

  TempDir logs_;
  Puppet puppet_;
  std::unique_ptr<Node> node_;
};

TEST_F(Mesh, ABarrelProcessIsToldOfVisibleNodes) {
  const auto first = join("e1");
  ASSERT_TRUE(connected(*node_, *first));
  puppet_.perform([](Puppet&, Self self) {
    for (const NodeName node : self.monitor_nodes()) self.send(self.pid(), Term::tuple_of(Atom("now"), node));
  });
  EXPECT_TRUE(puppet_.hears("{now,'e1@127.0.0.1'}"));
  const auto hidden = join("h", {.arguments = {"-hidden"}});
  auto second = join("e2");
  EXPECT_TRUE(puppet_.hears("{nodeup,'e2@127.0.0.1'}"));
  second->kill();
  EXPECT_TRUE(puppet_.hears("{nodedown,'e2@127.0.0.1'}"));
  hidden->kill();
  EXPECT_TRUE(eventually([&] { return node_->hidden_nodes().empty(); }));
  puppet_.perform([](Puppet&, Self self) {
    (void)self.monitor_nodes(false);
    self.send(self.pid(), Atom("off"));
  });
  EXPECT_TRUE(puppet_.hears("off"));
  first->kill();
  EXPECT_TRUE(eventually([&] { return node_->nodes().empty(); }));
  puppet_.perform([](Puppet&, Self self) { self.send(self.pid(), Atom("last")); });
  EXPECT_TRUE(puppet_.hears("last"));
  EXPECT_THAT(puppet_.heard(), testing::ElementsAre("{now,'e1@127.0.0.1'}", "{nodeup,'e2@127.0.0.1'}",
                                                    "{nodedown,'e2@127.0.0.1'}", "off", "last"));
}

TEST_F(Mesh, ErlangWatchesABarrelNodeInEveryWay) {
  Beam beam(epmd_, "e");
  EXPECT_EQ(beam.text("net_kernel:monitor_nodes(true, [{node_type, all}, nodedown_reason]),"
                      "monitor_node('b@127.0.0.1', true),"
                      "receive {nodeup, Up, Told} -> {Up, Told} after 5000 -> timeout end"),
            "{'b@127.0.0.1',[{node_type,visible}]}");
  EXPECT_EQ(beam.text("monitor_node('b@127.0.0.1', true), monitor_node('b@127.0.0.1', false),"
                      "monitor_node('nobody@127.0.0.1', true),"
                      "receive {nodedown, Nobody} -> Nobody after 5000 -> timeout end"),
            "'nobody@127.0.0.1'");
  EXPECT_EQ(beam.text("{nodes(), nodes(visible), nodes(connected), nodes(hidden)}"),
            "{['b@127.0.0.1'],['b@127.0.0.1'],['b@127.0.0.1'],[]}");
  node_.reset();
  EXPECT_EQ(beam.text("receive {nodedown, Down, Why} -> {Down, lists:sort(Why)} after 5000 -> timeout end"),
            "{'b@127.0.0.1',[{node_type,visible},{nodedown_reason,connection_closed}]}");
  EXPECT_EQ(beam.text("receive {nodedown, Gone} -> Gone after 5000 -> timeout end"), "'b@127.0.0.1'");
  EXPECT_EQ(beam.text("receive Other -> Other after 0 -> nothing end"), "nothing");
}

TEST_F(Mesh, GlobalNamesOfErlangNodesWorkBesideABarrelNode) {
  const auto first = join("e1");
  const auto second = join("e2");
  EXPECT_EQ(first->text("net_adm:ping('e2@127.0.0.1')"), "pong");
  EXPECT_TRUE(first->becomes(all_nodes, "['b@127.0.0.1','e2@127.0.0.1']"));
  // Names are shared once the two have made themselves known to each other.
  EXPECT_EQ(first->text("global:register_name(boss, self())"), "yes");
  EXPECT_TRUE(second->becomes("is_pid(global:whereis_name(boss))", "true"));
  EXPECT_EQ(second->text("global:register_name(boss, self())"), "no");
  (void)second->eval("global:send(boss, {hello, self()})");
  EXPECT_EQ(first->text("receive {hello, From} -> From ! hi, node(From) after 5000 -> timeout end"),
            "'e2@127.0.0.1'");
  EXPECT_EQ(second->text("receive hi -> hi after 5000 -> timeout end"), "hi");
  // Locks ask all nodes.
  EXPECT_EQ(first->text(settle), "settled");
  EXPECT_EQ(second->text("global:trans({all, self()}, fun() -> nodes() end) =:= nodes()"), "true");
  EXPECT_EQ(first->text("global:unregister_name(boss), global:whereis_name(boss)"), "undefined");
  EXPECT_TRUE(second->becomes("global:whereis_name(boss)", "undefined"));
  expect_no_complaints(*first);
  expect_no_complaints(*second);
}

TEST_F(Mesh, ErlangNodesMayGiveABarrelProcessAGlobalName) {
  const auto first = join("e1");
  const auto second = join("e2");
  EXPECT_EQ(first->text("net_adm:ping('e2@127.0.0.1')"), "pong");
  EXPECT_EQ(first->text("P = rpc:call('b@127.0.0.1', erlang, whereis, [puppet]),"
                        "global:register_name(puppet, P)"),
            "yes");
  EXPECT_TRUE(second->becomes("is_pid(global:whereis_name(puppet))", "true"));
  (void)second->eval("global:send(puppet, hello)");
  EXPECT_TRUE(puppet_.hears("hello"));
  node_->runtime().exit(puppet_.pid(), kill());
  EXPECT_TRUE(first->becomes("global:whereis_name(puppet)", "undefined"));
  EXPECT_TRUE(second->becomes("global:whereis_name(puppet)", "undefined"));
  expect_no_complaints(*first);
}

TEST_F(Mesh, ErlangNodesMeshAmongThemselvesOnly) {
  const auto first = join("e1");
  const auto second = join("e2");
  EXPECT_EQ(first->text(settle), "settled");
  EXPECT_EQ(first->text(all_nodes), "['b@127.0.0.1']") << "a Barrel node introduces nobody";
  Beam third(epmd_, "e3");
  EXPECT_EQ(first->text("net_adm:ping('e2@127.0.0.1')"), "pong");
  EXPECT_EQ(third.text("net_adm:ping('e1@127.0.0.1')"), "pong");
  EXPECT_TRUE(first->becomes(all_nodes, "['b@127.0.0.1','e2@127.0.0.1','e3@127.0.0.1']"))
      << "but Erlang nodes each other";
  EXPECT_TRUE(third.becomes(all_nodes, "['e1@127.0.0.1','e2@127.0.0.1']")) << "and not a Barrel node";
  EXPECT_EQ(third.text(settle), "settled");
  EXPECT_EQ(third.text(all_nodes), "['e1@127.0.0.1','e2@127.0.0.1']");
  expect_no_complaints(*first);
  expect_no_complaints(*second);
  expect_no_complaints(third);
}

TEST_F(Mesh, WhoSynchronisesGlobalWaitsForABarrelNodeToGo) {
  const auto beam = join("e");
  (void)beam->eval("{_, Sync} = spawn_monitor(fun() -> global:sync() end)");
  EXPECT_EQ(beam->text(settle), "settled");
  node_.reset();
  EXPECT_EQ(beam->text("receive {'DOWN', Sync, process, _, Why} -> Why after 5000 -> timeout end"), "normal");
}

TEST_F(Mesh, APartitionOfErlangNodesDoesNotReachABarrelNode) {
  const auto first = join("e1");
  const auto second = join("e2");
  EXPECT_EQ(first->text("net_adm:ping('e2@127.0.0.1')"), "pong");
  // As global prevents overlapping partitions: it would take b from e2, too, if it counted b as one of its
  // own.
  EXPECT_EQ(first->text("erlang:disconnect_node('b@127.0.0.1')"), "true");
  EXPECT_TRUE(eventually([&] { return node_->nodes().size() == 1; }));
  EXPECT_EQ(first->text("global:trans({settled, self()}, fun() -> settled end, ['e2@127.0.0.1'])"),
            "settled");
  EXPECT_EQ(second->text(all_nodes), "['b@127.0.0.1','e1@127.0.0.1']");
  EXPECT_EQ(first->text("net_adm:ping('b@127.0.0.1')"), "pong");
  EXPECT_EQ(first->text("erlang:disconnect_node('e2@127.0.0.1')"), "true");
  EXPECT_TRUE(second->becomes(all_nodes, "['b@127.0.0.1']"));
  EXPECT_EQ(first->text(settle), "settled");
  EXPECT_EQ(second->text(settle), "settled");
  EXPECT_EQ(first->text(all_nodes), "['b@127.0.0.1']");
  EXPECT_EQ(node_->nodes().size(), 2U);
}

}  // namespace
}  // namespace barrel::test
