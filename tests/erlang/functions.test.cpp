// Functions of a Barrel node called by Erlang's rpc, erpc and spawn, functions of an Erlang node called from
// C++, and what either prints through the other's group leader.

#include <gmock/gmock.h>

#include <future>
#include <mutex>
#include <stdexcept>

#include "barrel/otp/gen_server.hpp"
#include "erlang/erlang_test.hpp"

namespace barrel::test {
namespace {

using testing::HasSubstr;

int add(int a, int b) {
  return a + b;
}
int throws() {
  throw std::runtime_error("on fire");
}
int exits(Term reason) {
  exit(std::move(reason));
}
Task<Result<void>> prints(Self self, std::string text) {
  co_return co_await self.print(text);
}
struct Go {
  static constexpr std::string_view tag = "go";
};
Task<> waits(Self self) {
  (void)co_await self.receive<Go>();
}

class Counter {
 public:
  struct Add {
    static constexpr std::string_view tag = "add";
    int number = 0;
    using Reply = int;
  };
  using Calls = Messages<Add>;
  explicit Counter(Self self) { (void)self.register_name("counter"); }
  int handle_call(const Add& request) { return count_ += request.number; }
  [[nodiscard]] Term state() const { return count_; }

 private:
  int count_ = 0;
};

class ErlangFunctions : public ErlangTest {
 protected:
  ErlangFunctions() : node_(start_tcp("b")) {
    if (node_ == nullptr) return;
    Functions& functions = node_->functions();
    functions.expose("math", "add", add);
    functions.expose("test", "throws", throws);
    functions.expose("test", "exits", exits);
    functions.expose("test", "prints", prints);
    functions.expose("test", "waits", waits);
    node_->set_output([this](std::string_view text) {
      const std::scoped_lock lock(mutex_);
      printed_ += text;
    });
    beam_.eval("B = 'b@127.0.0.1', pong = net_adm:ping(B)");
  }
  ~ErlangFunctions() override { node_.reset(); }
  [[nodiscard]] std::string printed() {
    const std::scoped_lock lock(mutex_);
    return printed_;
  }

  std::mutex mutex_;
  std::string printed_;
  std::unique_ptr<Node> node_;
  Beam beam_{epmd_, "e"};
};

TEST_F(ErlangFunctions, RpcAndErpcCallWhatIsExposed) {
  ASSERT_TRUE(node_);
  EXPECT_EQ(beam_.text("rpc:call(B, math, add, [2, 40])"), "42");
  EXPECT_EQ(beam_.text("erpc:call(B, math, add, [2, 40])"), "42");
  EXPECT_EQ(beam_.text("rpc:block_call(B, math, add, [1, 2])"), "3");
  EXPECT_EQ(beam_.text("erpc:multicall([B, node()], erlang, node, [])"),
            "[{ok,'b@127.0.0.1'},{ok,'e@127.0.0.1'}]");
  EXPECT_EQ(beam_.text("K = rpc:async_call(B, math, add, [3, 4]), rpc:yield(K)"), "7");
  EXPECT_EQ(beam_.text("rpc:multicall([B], math, add, [300, 5])"), "{[305],[]}");
  EXPECT_EQ(beam_.text("R = erpc:send_request(B, math, add, [5, 6]), erpc:receive_response(R, 5000)"), "11");
  EXPECT_EQ(beam_.text("rpc:cast(B, math, add, [1, 1])"), "true");
  EXPECT_EQ(beam_.text("erpc:cast(B, math, add, [1, 1])"), "ok");
  // The old protocol of rex, as nodes without erpc and C nodes speak it.
  EXPECT_EQ(beam_.text("gen_server:call({rex, B}, {call, math, add, [2, 3], group_leader()})"), "5");
  EXPECT_EQ(beam_.text("gen_server:call({rex, B}, {call, math, mul, [2, 3], group_leader()})"),
            "{badrpc,{'EXIT',{undef,[{math,mul,[2,3],[]}]}}}");
  EXPECT_EQ(beam_.text("{rex, B} ! {self(), {call, math, add, [4, 5], user}}, receive {rex, V} -> V end"),
            "9");
}

/// Has a name, and the first message.
Task<> listen(Self self, Atom name, std::promise<Term>* heard) {
  EXPECT_TRUE(self.register_name(name));
  const Term message = co_await self.receive<Term>();
  heard->set_value(message);
  (void)co_await self.receive<Go>();
}

TEST_F(ErlangFunctions, SbcastSendsToANameAndTellsWhereThereIsOne) {
  ASSERT_TRUE(node_);
  std::promise<Term> heard;
  node_->spawn(&listen, Atom("listener"), &heard);
  ASSERT_TRUE(eventually([&] { return node_->runtime().whereis("listener").has_value(); }));
  EXPECT_EQ(beam_.text("{Good, Bad} = rpc:sbcast([B, node(), 'nobody@127.0.0.1'], listener, {hello, [1]}),"
                       "{Good, lists:sort(Bad)}"),
            "{['b@127.0.0.1'],['e@127.0.0.1','nobody@127.0.0.1']}");
  EXPECT_EQ(to_string(heard.get_future().get()), "{hello,[1]}");
  EXPECT_EQ(beam_.text("rpc:sbcast([B], no_such, hello)"), "{[],['b@127.0.0.1']}");
  EXPECT_EQ(beam_.text("rpc:call(B, math, add, [2, 40])"), "42");
}

TEST_F(ErlangFunctions, NamesOfErlangsKernelThatNobodyNeedsHereAreFree) {
  ASSERT_TRUE(node_);
  std::promise<Term> heard;
  node_->spawn(&listen, Atom("logger"), &heard);
  ASSERT_TRUE(eventually([&] { return node_->runtime().whereis("logger").has_value(); }));
  beam_.eval("{logger, B} ! {hello, [2]}");
  EXPECT_EQ(to_string(heard.get_future().get()), "{hello,[2]}");
}

TEST_F(ErlangFunctions, FailuresAreThoseOfAnErlangNode) {
  ASSERT_TRUE(node_);
  EXPECT_EQ(beam_.text("rpc:call(B, os, cmd, [\"ls\"])"), "{badrpc,{'EXIT',{undef,[{os,cmd,[\"ls\"],[]}]}}}");
  EXPECT_THAT(beam_.text("catch erpc:call(B, math, add, [1])"),
              HasSubstr("{exception,undef,[{math,add,[1],[]}]}"));
  EXPECT_EQ(beam_.text("rpc:call(B, math, add, [1, x])"),
            "{badrpc,{'EXIT',{function_clause,[{math,add,[1,x],[]}]}}}");
  EXPECT_EQ(beam_.text("rpc:call(B, test, throws, [])"),
            "{badrpc,{'EXIT',{{exception,<<\"on fire\">>},[{test,throws,0,[]}]}}}");
  EXPECT_EQ(beam_.text("rpc:call(B, test, exits, [done])"), "{badrpc,{'EXIT',done}}");
  EXPECT_THAT(beam_.text("catch erpc:call(B, test, waits, [], 50)"), HasSubstr("{'EXIT',{{erpc,timeout},"));
}

TEST_F(ErlangFunctions, SpawnedProcessesAreLinkedAndMonitoredAndDieAsInErlang) {
  ASSERT_TRUE(node_);
  EXPECT_EQ(beam_.text("{P1, M1} = spawn_monitor(B, test, exits, [over]),"
                       "receive {'DOWN', M1, process, P1, R1} -> {R1, node(P1)} end"),
            "{over,'b@127.0.0.1'}");
  EXPECT_EQ(beam_.text("P2 = spawn_link(B, test, exits, [gone]), receive {'EXIT', P2, R2} -> R2 end"),
            "gone");
  EXPECT_EQ(beam_.text("P3 = spawn_link(B, no, such, [1]), receive {'EXIT', P3, R3} -> R3 end"),
            "{undef,[{no,such,[1],[]}]}");
  EXPECT_EQ(beam_.text("P4 = spawn(B, test, waits, []), A = rpc:call(B, erlang, is_process_alive, [P4]),"
                       "M4 = monitor(process, P4), P4 ! go,"
                       "receive {'DOWN', M4, process, P4, R4} -> {A, R4} end"),
            "{true,normal}");
  EXPECT_EQ(beam_.text("P5 = spawn_opt(B, test, waits, [], [link, {priority, high}]), exit(P5, boom),"
                       "receive {'EXIT', P5, R5} -> R5 end"),
            "boom");
  EXPECT_EQ(beam_.text("gen_server:call({net_kernel, B}, {spawn_link, test, exits, [late], group_leader()}),"
                       "receive {'EXIT', _, R6} -> R6 end"),
            "late");
  EXPECT_THAT(beam_.text("catch spawn_opt(B, test, waits, [], [{surprise, 1}])"), HasSubstr("badarg"));
}

TEST_F(ErlangFunctions, WhatEitherPrintsComesOutAtTheGroupLeader) {
  ASSERT_TRUE(node_);
  EXPECT_EQ(beam_.text("rpc:call(B, test, prints, [<<\"printed by Barrel\\n\">>])"), "ok");
  EXPECT_THAT(beam_.transcript(), HasSubstr("printed by Barrel"));
  const auto called = node_->run(
      +[](Self self, NodeName erlang) -> Task<Result<Term>> {
        const Term arguments = Term::list({Term(1), Term(Atom("two"))});
        co_return co_await self.rpc<Term>(erlang, "io", "format", Term::charlist("~p and ~w~n"), arguments);
      },
      name_of(beam_));
  ASSERT_TRUE(called) << called.error().message();
  EXPECT_EQ(*called, Term(Atom("ok")));
  EXPECT_EQ(printed(), "1 and two\n");
  EXPECT_EQ(beam_.text("U = rpc:call(B, erlang, whereis, [user]), io:put_chars(U, \"direct\")"), "ok");
  EXPECT_EQ(printed(), "1 and two\ndirect");
  EXPECT_EQ(beam_.text("io:get_line(U, \"> \")"), "eof");
}

TEST_F(ErlangFunctions, WhatIsPrintedToADepthIsCutAsErlangCutsIt) {
  ASSERT_TRUE(node_);
  beam_.eval(
      "Terms = [lists:seq(1, 20), {a,b,c,d,e,f}, [[1,[2,[3,[4]]]]], #{a=>1, b=>2, c=>3, d=>[1,2,3]}, \"a "
      "text\","
      "  <<\"a binary of text that is long\">>, <<\"text\", 0, 1, 2>>, <<1,2,3,4,5,6,7,8,9,200>>, [a|b],"
      "  [a,b,c,d|e], {}, [], atom, #{}, <<>>, {a,{b,{c,{d}}}}, #{x=>#{y=>#{z=>1}}}, [1,2,3|{a,b}], <<5:3>>,"
      "  <<1,2,3,5:3>>, [\"ab\",[c,\"de\"],1], {\"abcdef\",<<\"xyz\">>}, [{k,v},{k2,[v,w]}]],"
      "Depths = [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 100],"
      "Cases = [{T, D} || T <- Terms, D <- Depths], U = rpc:call(B, erlang, whereis, [user]),"
      "[io:format(U, \"~W~n~P~n\", [T, D, T, D]) || {T, D} <- Cases]");
  // Here terms are on one line, which is ~0P in Erlang.
  const Term wanted = beam_.eval(
      "unicode:characters_to_binary([io_lib:format(\"~W~n~0P~n\", [T, D, T, D]) || {T, D} <- Cases])");
  EXPECT_EQ(printed(), *wanted.as_text());
}

TEST_F(ErlangFunctions, BarrelCallsAndStartsErlangsFunctions) {
  ASSERT_TRUE(node_);
  const auto ok = node_->run(
      +[](Self self, NodeName erlang) -> Task<bool> {
        const std::vector<int> list{1, 2, 300};
        const auto reversed = co_await self.rpc<std::vector<int>>(erlang, "lists", "reverse", list);
        EXPECT_EQ(*reversed, (std::vector<int>{300, 2, 1}));
        const auto undefined = co_await self.rpc<int>(erlang, "no", "such");
        EXPECT_EQ(undefined.error().code, Errc::not_found) << undefined.error().message();
        const auto thrown = co_await self.rpc<int>(erlang, "erlang", "throw", Atom("ball"));
        EXPECT_EQ(thrown.error(), Error(Errc::exited, Term::tuple_of(Atom("throw"), Atom("ball"))));
        const auto exited = co_await self.rpc<int>(erlang, "erlang", "exit", Atom("done"));
        EXPECT_EQ(exited.error(), Error(Errc::exited, Term::tuple_of(Atom("exit"), Atom("done"))));
        const auto failed = co_await self.rpc<int>(erlang, "erlang", "hd", Atom("x"));
        EXPECT_EQ(failed.error().code, Errc::exited);
        EXPECT_TRUE(failed.error().reason.elements()[1].is_atom("badarg"));
        const auto late = co_await self.rpc<int>(erlang, 50ms, "timer", "sleep", 5000);
        EXPECT_EQ(late.error().code, Errc::timeout);
        auto watched = co_await self.spawn_monitor_on(erlang, "erlang", "exit", Atom("bye"));
        const Down down = co_await self.receive<Down>();
        EXPECT_EQ(down.reason, Term(Atom("bye")));
        EXPECT_EQ(down.pid, watched->pid);
        self.trap_exits(true);
        const auto linked = co_await self.spawn_link_on(erlang, "timer", "sleep", 60'000);
        self.exit(*linked, Atom("enough"));
        const Exit exit = co_await self.receive<Exit>();
        EXPECT_EQ(exit.reason, Term(Atom("enough")));
        self.rpc_cast(erlang, "erlang", "send", self.pid(), Go{});
        (void)co_await self.receive<Go>();
        co_return true;
      },
      name_of(beam_));
  EXPECT_TRUE(ok);
}

TEST_F(ErlangFunctions, TheOriginalsModuleAnswersInItsShapes) {
  ASSERT_TRUE(node_);
  const auto pid = node_->start_server<Counter>();
  ASSERT_TRUE(pid);
  EXPECT_EQ(beam_.text("rpc:call(B, barrel_p2p, list_services, [])"), "[]");
  EXPECT_EQ(beam_.text("rpc:call(B, barrel_p2p, whereis_service, [nobody, #{retries => 0}])"),
            "{error,not_found}");
  EXPECT_EQ(beam_.text("rpc:call(B, barrel_p2p, lookup, [nobody])"), "{error,not_found}");
  EXPECT_EQ(beam_.text("rpc:call(B, barrel_p2p, active_view, [])"), "[]");
  EXPECT_EQ(beam_.text("rpc:call(B, barrel_p2p, members, [])"), "['b@127.0.0.1']");
  const Pid holder = node_->spawn(+[](Self self) -> Task<> {
    auto held = self.node().registry().register_service(self, Atom("here"), {{"load", 1}});
    EXPECT_TRUE(held);
    (void)co_await self.receive<Go>();
  });
  EXPECT_TRUE(beam_.becomes("rpc:call(B, barrel_p2p, list_services, [])", "[here]"));
  EXPECT_EQ(beam_.text("{ok, H} = rpc:call(B, barrel_p2p, whereis_service, [here]),"
                       "{ok, H} = rpc:call(B, barrel_p2p, lookup_local, [here]), node(H)"),
            "'b@127.0.0.1'");
  EXPECT_EQ(beam_.text("{ok, [{service_entry, here, H, N, #{load := L}}]} ="
                       "rpc:call(B, barrel_p2p, lookup, [here]), {N, L}"),
            "{'b@127.0.0.1',1}");
  EXPECT_TRUE(node_->send(holder, Go{}));
}

TEST_F(ErlangFunctions, AServerIsCalledInspectedAndStoppedAsAGenServer) {
  ASSERT_TRUE(node_);
  ASSERT_TRUE(node_->start_server<Counter>());
  EXPECT_EQ(beam_.text("gen_server:call({counter, B}, {add, 5})"), "5");
  EXPECT_EQ(beam_.text("gen_statem:call({counter, B}, {add, 2})"), "7");
  EXPECT_EQ(
      beam_.text("Q = gen_server:send_request({counter, B}, {add, 3}), gen_server:receive_response(Q, 5000)"),
      "{reply,10}");
  EXPECT_EQ(beam_.text("sys:get_state({counter, B})"), "10");
  EXPECT_EQ(beam_.text("gen_server:stop({counter, B}, enough, 5000)"), "ok");
  EXPECT_EQ(beam_.text("catch gen_server:call({counter, B}, {add, 5})"),
            "{'EXIT',{noproc,{gen_server,call,[{counter,'b@127.0.0.1'},{add,5}]}}}");
  ASSERT_TRUE(node_->start_server<Counter>());
  EXPECT_THAT(beam_.text("catch gen_server:call({counter, B}, what)"),
              HasSubstr("{'EXIT',{{unknown_call,what},{gen_server,call,[{counter,'b@127.0.0.1'},what]}}}"));
}

TEST_F(ErlangFunctions, NodesThatMayNotCallFindNothing) {
  NodeConfig config = tcp_config("c");
  config.functions.allowed_nodes = {"*@10.0.0.1"};
  const auto strict = start_tcp(std::move(config));
  ASSERT_TRUE(strict);
  EXPECT_EQ(beam_.text("rpc:call('c@127.0.0.1', erlang, node, [])"),
            "{badrpc,{'EXIT',{undef,[{erlang,node,[],[]}]}}}");
  EXPECT_EQ(beam_.text("gen_server:call({rex, 'c@127.0.0.1'}, {call, erlang, node, [], user})"),
            "{badrpc,{'EXIT',{undef,[{erlang,node,[],[]}]}}}");
  EXPECT_EQ(beam_.text("net_adm:ping('c@127.0.0.1')"), "pong");
}

TEST_F(ErlangFunctions, TheKernelsProcessesComeBackWhenTheyAreKilled) {
  ASSERT_TRUE(node_);
  for (const char* name : {"rex", "net_kernel", "user"}) {
    const std::string whereis = "rpc:call(B, erlang, whereis, [" + std::string(name) + "])";
    const std::string old = "Old_" + std::string(name);
    EXPECT_EQ(beam_.text(old + " = " + whereis + ", exit(" + old + ", kill), is_pid(" + old + ")"), "true");
    EXPECT_TRUE(beam_.becomes("(fun(" + old + "_) -> is_pid(" + old + "_) andalso " + old + "_ =/= " + old +
                                  " end)(" + whereis + ")",
                              "true"))
        << name;
  }
  EXPECT_EQ(beam_.text("net_adm:ping(B)"), "pong");
}

}  // namespace
}  // namespace barrel::test
