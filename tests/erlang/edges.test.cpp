// What an Erlang user meets at the edges: terms over our limits, names that nobody has, C nodes, nodes
// without a name, and what proc_lib, sys and logger do by themselves.

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "barrel/otp/supervisor.hpp"
#include "erlang/desk.hpp"
#include "erlang/erlang_test.hpp"
#include "erlang/puppet.hpp"
#include "support/child.hpp"
#include "support/temp_dir.hpp"

namespace barrel::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

int add(int a, int b) {
  return a + b;
}
int exits(Term reason) {
  exit(std::move(reason));
}
std::vector<NodeName> hidden(Self self) {
  return self.node().hidden_nodes();
}

class ErlangEdges : public ErlangTest {
 protected:
  void begin(NodeConfig settings) {
    log_file_ = settings.log.file;
    node_ = start_tcp(std::move(settings));
    ASSERT_TRUE(node_);
    node_->functions().expose("math", "add", add);
    node_->functions().expose("test", "exits", exits);
    node_->functions().expose("test", "hidden", hidden);
    ASSERT_TRUE(node_->start_server<Desk>(Atom("desk")));
    beam_ = std::make_unique<Beam>(epmd_, "e");
    (void)beam_->eval(
        "B = 'b@127.0.0.1', pong = net_adm:ping(B), erlang:monitor_node(B, true),"
        "Up = fun() -> receive {nodedown, B} -> down after 0 -> up end end");
  }
  void begin() { begin(tcp_config("b")); }
  [[nodiscard]] std::uint64_t metric(const std::string& name) const { return node_->metrics()[name]; }
  /// What erl_call prints for a call of the Barrel node.
  [[nodiscard]] std::string erl_call(const std::string& call) const {
    const std::string command =
        "erl_call -name b@127.0.0.1 -c barrel_p2p -timeout 20 -a '" + call + "'; echo";
    const Child child(Command{.argv = {"sh", "-c", command},
                              .environment = {{"ERL_EPMD_PORT", std::to_string(epmd_.port())}}});
    return child.wait_for([](const std::string&) { return true; }, 30s).value_or("nothing");
  }
  [[nodiscard]] std::string log() const {
    std::ifstream in(log_file_);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

  std::filesystem::path log_file_;
  Puppet puppet_;
  std::unique_ptr<Node> node_;
  std::unique_ptr<Beam> beam_;
};

TEST_F(ErlangEdges, ATermOverALimitCostsThatMessageAndNotTheConnection) {
  begin();
  // The call puts two tuples around what it asks.
  (void)beam_->eval(
      "Deep = fun(N) -> lists:foldl(fun(_, A) -> [A] end, x, lists:seq(1, N)) end,"
      "Echo = fun(What, Limit) -> case catch gen_server:call({desk, B}, {echo, What}, Limit) of"
      "  What -> same; {'EXIT', {Why, _}} -> Why end end");
  for (const char* depth : {"256", "257", "898"})
    EXPECT_EQ(beam_->text("Echo(Deep(" + std::string(depth) + "), 5000)"), "same") << depth;
  std::uint64_t dropped = 0;
  for (const auto& [what, limit] : {std::pair("Deep(899)", "depth_max"),
                                    {"Deep(1000)", "depth_max"},
                                    {"Deep(5000)", "depth_max"},
                                    {"1 bsl 5000000", "integer_bytes_max"}}) {
    EXPECT_EQ(beam_->text("Echo(" + std::string(what) + ", infinity)"),
              "{limit_exceeded," + std::string(limit) + "}")
        << what;
    EXPECT_EQ(metric("node.payloads_over_limit"), ++dropped) << what;
  }
  // Arguments of a function, and a request to a process of the node itself.
  EXPECT_THAT(beam_->text("rpc:call(B, math, add, [Deep(5000), 1])"),
              MatchesRegex("\\{badrpc,.*system_limit.*"));
  EXPECT_EQ(beam_->text("element(1, element(2, catch gen_server:call({rex, B}, Deep(5000), 300)))"),
            "timeout");
  EXPECT_EQ(beam_->text("{Up(), Echo(1, 5000)}"), "{up,same}");
  EXPECT_EQ(metric("node.payloads_malformed"), 0U);
}

TEST_F(ErlangEdges, AProcessThatEndsWithAReasonOverALimitHasEndedAllTheSame) {
  begin();
  puppet_.start(*node_, "puppet");
  const Pid target = *beam_
                          ->eval(
                              "spawn(fun() -> receive end_deep -> exit("
                              "  lists:foldl(fun(_, A) -> [A] end, x, lists:seq(1, 5000))) end end)")
                          .as_pid();
  puppet_.perform([target](Puppet& self, Self process) {
    self.keep(process.monitor(target));
    process.send(target, Atom("end_deep"));
  });
  EXPECT_TRUE(puppet_.hears("{'DOWN'," + to_string(Term(target)) + ",{limit_exceeded,depth_max}}"))
      << testing::PrintToString(puppet_.heard());
  EXPECT_EQ(beam_->text("Up()"), "up");
}

TEST_F(ErlangEdges, NamesThatNobodyHasAreNoprocHoweverManyThereAre) {
  NodeConfig settings = tcp_config("b");
  settings.channel.atoms_per_peer_max = 20;
  begin(std::move(settings));
  EXPECT_EQ(
      beam_->text(
          "lists:usort([begin N = list_to_atom(\"edges_nobody_\" ++ integer_to_list(I)),"
          "  {'EXIT', {Why, _}} = (catch gen_server:call({N, B}, hi)), Why end || I <- lists:seq(1, 300)])",
          30s),
      "[noproc]");
  EXPECT_EQ(beam_->text("M = monitor(process, {edges_nobody, B}),"
                        "receive {'DOWN', M, process, Who, Reason} -> {Who, Reason} end"),
            "{{edges_nobody,'b@127.0.0.1'},noproc}");
  EXPECT_EQ(metric("node.atoms_refused"), 0U);
  EXPECT_FALSE(Atom::find("edges_nobody_7"));
}

TEST_F(ErlangEdges, ACNodeCallsFunctions) {
  begin();
  EXPECT_EQ(erl_call("math add [1,2]"), "3");
  EXPECT_THAT(erl_call("os cmd [ls]"), HasSubstr("undef"));
  EXPECT_THAT(erl_call("test hidden []"), MatchesRegex("\\['?c[a-z0-9_]+@.*\\]"));
  EXPECT_EQ(beam_->text("Up()"), "up");
  EXPECT_TRUE(eventually([&] { return node_->hidden_nodes().empty(); }));
}

TEST_F(ErlangEdges, ANodeWithoutANameGetsOne) {
  begin();
  Beam nameless(epmd_, "undefined@127.0.0.1");
  EXPECT_EQ(nameless.text("node()"), "nonode@nohost");
  // Erlang's calls do not connect by themselves as long as there is no name; -remsh does.
  EXPECT_EQ(nameless.text("net_kernel:connect_node('b@127.0.0.1')"), "true");
  EXPECT_EQ(nameless.text("net_adm:ping('b@127.0.0.1')"), "pong");
  const std::string name = nameless.text("node()");
  EXPECT_THAT(name, MatchesRegex("'[0-9A-Z]+@127.0.0.1'"));
  EXPECT_EQ(nameless.text("rpc:call('b@127.0.0.1', math, add, [1, 2])"), "3");
  EXPECT_EQ(nameless.text("gen_server:call({desk, 'b@127.0.0.1'}, {echo, self()}) =:= self()"), "true");
  EXPECT_EQ(nameless.text("rpc:call('b@127.0.0.1', test, hidden, [])"), "[" + name + "]");
  nameless.kill();
  EXPECT_TRUE(eventually([&] { return node_->hidden_nodes().empty(); }));
}

TEST_F(ErlangEdges, ARemoteShellConnectsAndEndsAndALocalOneCalls) {
  begin();
  const TempDir home;
  // On a terminal, as people start it.
  Child shell({.argv = {"script", "-qec",
                        "erl -name undefined@127.0.0.1 -setcookie barrel_p2p -start_epmd false "
                        "-remsh b@127.0.0.1",
                        "/dev/null"},
               .environment = {{"ERL_EPMD_PORT", std::to_string(epmd_.port())}, {"HOME", home.path()}}});
  ASSERT_TRUE(shell.wait_for("Shell process terminated!", 20s)) << shell.transcript();
  EXPECT_TRUE(eventually([&] { return node_->hidden_nodes().size() == 1; }));
  shell.send_line("\x07");
  ASSERT_TRUE(shell.wait_for("User switch command", 10s)) << shell.transcript();
  shell.send_line("s");
  ASSERT_TRUE(shell.wait_for("--> s", 10s)) << shell.transcript();
  shell.send_line("c");
  ASSERT_TRUE(shell.wait_for("Eshell", 10s)) << shell.transcript();
  const std::size_t before = shell.mark();
  shell.send_line("rpc:call('b@127.0.0.1', math, add, [40, 2]).");
  EXPECT_TRUE(shell.wait_for("42", 10s, before)) << shell.transcript();
}

TEST_F(ErlangEdges, WhatErlangAppliesForAnotherIsThatOne) {
  begin();
  EXPECT_EQ(
      beam_->text("P1 = proc_lib:spawn_link(B, test, exits, [gone]), receive {'EXIT', P1, R1} -> R1 end"),
      "gone");
  EXPECT_EQ(beam_->text("P2 = proc_lib:spawn_link(B, no, such, []), receive {'EXIT', P2, R2} -> R2 end"),
            "{undef,[{no,such,[],[]}]}");
  EXPECT_EQ(beam_->text("rpc:call(B, erlang, apply, [math, add, [1, 2]])"), "3");
  EXPECT_EQ(beam_->text("rpc:call(B, erlang, apply, [os, cmd, [\"ls\"]])"),
            "{badrpc,{'EXIT',{undef,[{os,cmd,[\"ls\"],[]}]}}}");
}

TEST_F(ErlangEdges, TheCrashOfAProcessThatWasStartedFromHereIsInTheLog) {
  NodeConfig settings = tcp_config("b");
  settings.log.file = settings.data_dir / "node.log";
  begin(std::move(settings));
  const auto started = node_->run(
      +[](Self self, NodeName erlang) -> Task<Result<Pid>> {
        const auto pid = co_await self.spawn_on(erlang, "erlang", "error", Atom("on_fire"));
        co_return pid;
      },
      name_of(*beam_));
  ASSERT_TRUE(started);
  EXPECT_TRUE(eventually([&] { return log().find("on_fire") != std::string::npos; })) << log();
  EXPECT_THAT(log(), HasSubstr("error remote: an event of another node node=e@127.0.0.1"));
}

TEST_F(ErlangEdges, WhoTakesTheLoggersNameGetsWhatIsForIt) {
  begin();
  puppet_.start(*node_, "logger_proxy");
  (void)beam_->eval("{logger_proxy, B} ! {log, error, \"text\", #{}}");
  EXPECT_TRUE(puppet_.hears("{log,error,\"text\""));
}

Task<> supervise(Self self) {
  std::vector<ChildSpec> specs;
  specs.push_back(child<Desk>("first", {.restart = Restart::transient, .shutdown = 2s}, Atom("first")));
  specs.push_back(child<Desk>("second", {.shutdown = ChildSettings::brutal_kill}, Atom("second")));
  const auto supervisor = co_await Supervisor::start_link(self, {}, std::move(specs));
  EXPECT_TRUE(supervisor);
  const NodeLocalName main{Atom("main"), NodeName(Atom("e@127.0.0.1"))};
  self.send(main, Term::tuple_of(Atom("supervisor"), supervisor->pid()));
  (void)co_await self.receive<Exit>();
}

TEST_F(ErlangEdges, ASupervisorTellsTheSpecificationsOfItsChildren) {
  begin();
  (void)beam_->eval("register(main, self())");
  node_->spawn(&supervise);
  EXPECT_EQ(beam_->text("{supervisor, S} = receive {supervisor, _} = It -> It end,"
                        "{ok, First} = supervisor:get_childspec(S, first),"
                        "maps:to_list(maps:without([start], First))"),
            "[{id,first},{modules,dynamic},{restart,transient},{shutdown,2000},{type,worker}]");
  EXPECT_EQ(beam_->text("{ok, #{shutdown := Shutdown}} = supervisor:get_childspec(S, second), Shutdown"),
            "brutal_kill");
  EXPECT_EQ(beam_->text("supervisor:get_childspec(S, third)"), "{error,not_found}");
}

TEST_F(ErlangEdges, TheKernelsProcessesAnswerSys) {
  begin();
  for (const char* name : {"rex", "net_kernel"}) {
    const std::string address = "{" + std::string(name) + ", B}";
    EXPECT_THAT(beam_->text("sys:get_status(" + address + ", 5000)"), HasSubstr("{module,gen_server}"));
    EXPECT_THAT(beam_->text("catch sys:get_state(" + address + ", 5000)"), HasSubstr("unknown_system_msg"));
  }
}

}  // namespace
}  // namespace barrel::test
