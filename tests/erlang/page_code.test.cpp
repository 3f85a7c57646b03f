// The C++ of docs/erlang.md that no example has, as it stands there, beside an Erlang node.

#include "erlang/erlang_test.hpp"

namespace barrel::test {
namespace {

struct Question {
  static constexpr std::string_view tag = "question";
  Pid from;
  Ref alias;
};
struct Answer {
  static constexpr std::string_view tag = "answer";
  int number = 0;
};

Task<bool> call_and_start(Self self, NodeName erlang) {
  const auto patient = co_await self.rpc<Term>(erlang, 30s, "timer", "sleep", 100);
  self.rpc_cast(erlang, "application", "set_env", Atom("kernel"), Atom("greeting"), Charlist("hello"));

  const auto pid = co_await self.spawn_on(erlang, "timer", "sleep", 1000);
  const auto linked = co_await self.spawn_link_on(erlang, "timer", "sleep", 1000);
  const auto watched = co_await self.spawn_monitor_on(erlang, "timer", "sleep", 1000);  // ->pid, ->monitor

  EXPECT_EQ(patient, Result<Term>(Atom("ok")));
  EXPECT_TRUE(pid && linked && watched);
  self.trap_exits(true);
  self.exit(*pid, Atom("enough"));
  self.exit(*linked, Atom("enough"));
  self.exit(watched->pid, Atom("enough"));
  const Exit exit = co_await self.receive<Exit>();
  EXPECT_EQ(exit.from, *linked);
  const Down down = co_await self.receive<Down>();
  EXPECT_EQ(down.ref, watched->monitor.ref());
  co_return true;
}

Task<bool> print_there(Self self, Pid leader) {
  const Pid pid = self.pid();
  self.set_group_leader(leader, pid);  // group_leader/2; self.group_leader() is group_leader/0
  const auto printed = co_await self.print("text\n");  // through the group leader, wherever it is
  EXPECT_TRUE(printed);
  co_return self.group_leader() == leader;
}

Task<bool> use_aliases(Self self, Pid erlang_pid, Ref their_alias) {
  const Ref alias = self.alias();                      // alias/0; AliasEnds::reply: for one message
  self.send(erlang_pid, Question{self.pid(), alias});  // Alias ! Answer
  self.unalias(alias);                                 // unalias/1: what comes from now on is dropped

  // monitor/3 with {alias, reply_demonitor}
  const Monitor monitor = self.monitor(erlang_pid, MonitorAlias::reply_demonitor);
  self.send(erlang_pid, Question{self.pid(), monitor.ref()});  // either a Down comes or an answer
  self.send(their_alias, Answer{42});                          // an alias of any process on any node

  const auto is_second = [](const Answer& answer) { return answer.number == 2; };
  const Answer answer = co_await self.receive_if<Answer>(is_second);
  co_return answer.number == 2;
}

class PageCode : public ErlangTest {
 protected:
  PageCode() : node_(start_tcp("b")) {}
  ~PageCode() override { node_.reset(); }

  std::unique_ptr<Node> node_;
  Beam beam_{epmd_, "e"};
};

TEST_F(PageCode, DoesWhatThePageSays) {
  ASSERT_TRUE(node_);
  EXPECT_EQ(node_->run(&call_and_start, name_of(beam_)), Result<bool>(true));
  EXPECT_TRUE(beam_.becomes("application:get_env(kernel, greeting)", "{ok,\"hello\"}"));
  const Pid leader = *beam_.eval("group_leader()").as_pid();
  EXPECT_EQ(node_->run(&print_there, leader), Result<bool>(true));
  EXPECT_TRUE(eventually([&] { return beam_.transcript().find("text\n") != std::string::npos; }));
  const Pid server = *beam_
                          .eval(
                              "spawn(fun() -> (fun F(N) -> receive {question, _, Alias} ->"
                              " Alias ! {answer, N}, F(N + 1) end end)(1) end)")
                          .as_pid();
  const Ref alias = *beam_.eval("alias()").as_ref();
  EXPECT_EQ(node_->run(&use_aliases, server, alias), Result<bool>(true));
  EXPECT_EQ(beam_.text("receive {answer, N} -> N after 5000 -> timeout end"), "42");
}

}  // namespace
}  // namespace barrel::test
