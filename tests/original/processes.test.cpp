// Processes of both kinds of nodes: messages of every size, calls, monitors, links, functions, groups,
// printing.

#include <mutex>
#include <thread>

#include "barrel/otp/process_groups.hpp"
#include "barrel/term/term_text.hpp"
#include "erlang/desk.hpp"
#include "original/holders.hpp"
#include "original/original_test.hpp"

namespace barrel::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

int add(int a, int b) {
  return a + b;
}
Task<Result<void>> prints(Self self, std::string text) {
  co_return co_await self.print(text);
}

class ProcessesOfOriginals : public OriginalTest {
 protected:
  void SetUp() override {
    OriginalTest::SetUp();
    if (IsSkipped()) return;
    NEEDS_ORIGINALS(1);
    node = start_barrel("b", {original().name()});
    ASSERT_TRUE(node);
    ASSERT_TRUE(original().is_neighbour_of(*node));
    puppet.start(*node, "puppet");
    (void)original().bind("N = '" + std::string(node->name().text()) +
                          "', P = rpc:call(N, erlang, whereis, [puppet])");
    ASSERT_EQ(original().eval("P").as_pid(), puppet.pid());
  }
  void TearDown() override {
    node.reset();
    OriginalTest::TearDown();
  }
  Pid keeper() { return *original().bind("K = Keep()").as_pid(); }

  Puppet puppet;
  std::unique_ptr<Node> node;
};

TEST_F(ProcessesOfOriginals, CallsAndCastsReachServersBothWays) {
  ASSERT_TRUE(node->start_server<Desk>(Atom("desk")));
  for (const char* to : {"rpc:call(N, erlang, whereis, [desk])", "{desk, N}"}) {
    const std::string server(to);
    SCOPED_TRACE(server);
    EXPECT_EQ(original().text("gen_server:call(" + server +
                              ", {echo, {a, [1.5], <<\"b\">>, self()}}) =:= "
                              "{a, [1.5], <<\"b\">>, self()}"),
              "true");
    EXPECT_EQ(
        original().text("gen_server:cast(" + server + ", {put, 300}), gen_server:call(" + server + ", get)"),
        "300");
    EXPECT_EQ(original().text("gen_server:call(" + server + ", {refuse, full})"), "{error,full}");
    EXPECT_THAT(original().text("catch gen_server:call(" + server + ", hold, 20)"),
                StartsWith("{'EXIT',{timeout,"));
  }
  EXPECT_EQ(original().text("catch gen_server:call({no_such, N}, get)"),
            "{'EXIT',{noproc,{gen_server,call,[{no_such,'" + std::string(node->name().text()) + "'},get]}}}");
  EXPECT_EQ(original().text("{[{N, 300}], []} =:= gen_server:multi_call([N], desk, get, 5000)"), "true");

  const Pid held = *original().eval("element(1, Hold(" + unique("svc") + ", #{}))").as_pid();
  const Term question = Term::tuple_of(1.5, "text", held);
  EXPECT_EQ(node->call<Term>(held, question), Result<Term>(Term::tuple_of(Atom("answer"), question)));
  const auto nobody = node->call<Term>(NodeLocalName{"no_such", original().name()}, question);
  EXPECT_EQ(nobody.error().code, Errc::no_process);
}

TEST_F(ProcessesOfOriginals, BarrelMonitorsAndLinksProcessesOfTheOriginal) {
  const auto there = [&] {
    return *original().eval("spawn(fun() -> receive {exit, R} -> exit(R) end end)").as_pid();
  };
  for (const char* reason : {"normal", "broken"}) {
    const Pid target = there();
    puppet.perform([target](Puppet& self, Self process) { self.keep(process.monitor(target)); });
    puppet.perform([target, reason](Puppet&, Self self) {
      self.link(target);
      self.send(target, Term::tuple_of(Atom("exit"), Atom(reason)));
    });
    EXPECT_TRUE(puppet.hears("{'DOWN'," + to_string(Term(target)) + "," + reason + "}"));
    EXPECT_TRUE(puppet.hears("{'EXIT'," + to_string(Term(target)) + "," + reason + "}"));
  }
  const Pid target = there();
  puppet.perform([target](Puppet& self, Self process) {
    self.keep(process.monitor(target));
    process.exit(target, Atom("out"));
  });
  EXPECT_TRUE(puppet.hears("{'DOWN'," + to_string(Term(target)) + ",out}")) << "exit/2";
  puppet.perform([name = NodeLocalName{"no_such", original().name()}](Puppet& self, Self process) {
    self.keep(process.monitor(name));
  });
  EXPECT_TRUE(puppet.hears("{'DOWN',{no_such," + original().atom() + "},noproc}"));
}

TEST_F(ProcessesOfOriginals, TheOriginalMonitorsAndLinksProcessesOfBarrel) {
  keeper();
  (void)original().eval(
      "K ! {do, fun() -> monitor(process, P), link(P), monitor(process, {no_such, N}), P ! watched end}");
  ASSERT_TRUE(puppet.hears("watched"));
  (void)original().eval("exit(P, just_a_message), ok");
  EXPECT_TRUE(puppet.hears("{'EXIT',")) << "it traps exits";
  EXPECT_EQ(original().text("exit(P, kill)"), "true");
  EXPECT_TRUE(original().becomes(
      "lists:sort([case M of {'DOWN', _, _, {no_such, _}, R} -> R; {'DOWN', _, _, P, R} -> "
      "{down, R}; {'EXIT', P, R} -> {exit, R} end || M <- Got(K)])",
      "[noproc,{down,killed},{exit,killed}]"));
}

TEST_F(ProcessesOfOriginals, FunctionsAreCalledBothWays) {
  node->functions().expose("math", "add", add);
  EXPECT_EQ(original().text("rpc:call(N, math, add, [2, 40])"), "42");
  EXPECT_EQ(original().text("erpc:call(N, math, add, [2, 40], 5000)"), "42");
  EXPECT_EQ(original().text("erpc:multicall([N, node()], erlang, node, [])"),
            "[{ok,'" + std::string(node->name().text()) + "'},{ok," + original().atom() + "}]");
  EXPECT_THAT(original().text("rpc:call(N, os, cmd, [\"ls\"])"), HasSubstr("undef"));
  EXPECT_EQ(original().text("rpc:call(N, barrel_p2p, active_view, [])"), "[" + original().atom() + "]");
  EXPECT_EQ(
      original().text("{D, R} = spawn_monitor(N, math, add, [1, 2]), receive {'DOWN', R, process, D, W} -> W "
                      "after 5000 -> timeout end"),
      "normal");
  const auto reversed = node->run(
      +[](Self self, NodeName there) -> Task<Result<Term>> {
        const Term list = Term::list({1, 2, 3});
        co_return co_await self.rpc<Term>(there, "lists", "reverse", list);
      },
      original().name());
  EXPECT_EQ(reversed, Result<Term>(Term::list({3, 2, 1})));
  const auto undefined = node->run(
      +[](Self self, NodeName there) -> Task<Result<Term>> {
        co_return co_await self.rpc<Term>(there, "no", "such");
      },
      original().name());
  EXPECT_EQ(undefined.error().code, Errc::not_found);
}

TEST_F(ProcessesOfOriginals, LargeMessagesArriveWholeAndInOrder) {
  (void)original().bind(
      "E = spawn(fun() -> (fun A() -> receive {From, X} -> From ! {self(), X}, A() end end)() end)");
  const Pid echo = *original().eval("E").as_pid();
  const auto round_trip = +[](Self self, Pid there, std::size_t bytes) -> Task<bool> {
    Bytes content(bytes);
    for (std::size_t i = 0; i < bytes; ++i) content[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
    const Term sent = Term::binary(BytesView(content));
    for (const Term& what : {Term(1), sent, Term(2)}) {
      const Term message = Term::tuple_of(self.pid(), what);
      self.send(there, message);
    }
    for (const Term& what : {Term(1), sent, Term(2)}) {
      const auto answer = co_await self.receive<Term>(60s);
      if (std::holds_alternative<Timeout>(answer)) co_return false;
      if (!(std::get<Term>(answer).elements()[1] == what)) co_return false;
    }
    co_return true;
  };
  for (const std::size_t mebibytes : {1, 4, 5, 16, 64}) {
    SCOPED_TRACE(mebibytes);
    const auto begin = std::chrono::steady_clock::now();
    const auto done = node->run(round_trip, echo, (mebibytes << 20) - 3);
    EXPECT_EQ(done, Result<bool>(true)) << (done ? "other content" : done.error().message());
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    std::cout << "[ measured ] " << mebibytes << " MiB there and back: " << took.count() << " ms\n";
  }
}

TEST_F(ProcessesOfOriginals, ManySendersOfBothKindsKeepTheirOrder) {
  ASSERT_TRUE(node->start_server<Desk>(Atom("desk")));
  // Each of 20 processes sends 500 numbers to the keeper and to the puppet, and the puppet's node does the
  // same.
  keeper();
  (void)original().eval(
      "[spawn(fun() -> [P ! {n, I, J} || J <- lists:seq(1, 500)] end) || I <- lists:seq(1, 20)]");
  const Pid there = *original().eval("K").as_pid();
  for (int i = 1; i <= 20; ++i) {
    node->spawn(
        +[](Self self, Pid to, int number) -> Task<> {
          for (int j = 1; j <= 500; ++j) self.send(to, Term::tuple_of(Atom("n"), number, j));
          co_return;
        },
        there, i);
  }
  ASSERT_TRUE(eventually([&] { return puppet.heard().size() == 10'000; }, 20s)) << puppet.heard().size();
  std::map<std::string, int> last;
  for (const std::string& text : puppet.heard()) {
    const Term message = *parse_term(text);
    EXPECT_EQ(message.elements()[2].as_int64(), ++last[to_string(message.elements()[1])]);
  }
  EXPECT_TRUE(original().becomes("length(Got(K))", "10000", 20s));
  EXPECT_EQ(original().text("All = Got(K), lists:all(fun(I) -> [J || {n, I2, J} <- All, I2 =:= I] =:= "
                            "lists:seq(1, 500) end, lists:seq(1, 20))"),
            "true");
}

TEST_F(ProcessesOfOriginals, ProcessGroupsAreShared) {
  const std::string scope = unique("scope");
  (void)original().bind("S = '" + scope + "', Keeper = Keep(), Keeper ! {do, fun() -> pg:start_link(S) end}");
  ASSERT_TRUE(original().becomes("is_pid(whereis(S))", "true"));
  (void)original().bind("W = spawn(fun() -> receive stop -> ok end end), ok = pg:join(S, workers, W)");
  ProcessGroups groups;
  puppet.perform([](Puppet&, Self) {});
  const Pid member = node->spawn(
      +[](Self self, ProcessGroups* out, Atom name) -> Task<> {
        const auto started = co_await ProcessGroups::start_link(self, name);
        EXPECT_TRUE(started);
        const Atom workers("workers");
        const auto joined = co_await started->join(self, workers, self.pid());
        EXPECT_TRUE(joined);
        *out = *started;
        (void)self.register_name("member");
        (void)co_await self.receive<Exit>();
      },
      &groups, Atom(scope));
  ASSERT_TRUE(eventually([&] { return node->runtime().whereis("member").has_value(); }));
  EXPECT_TRUE(original().becomes("length(pg:get_members(S, workers))", "2"));
  EXPECT_TRUE(eventually([&] { return groups.get_members(Atom("workers")).size() == 2; }));
  (void)original().eval("W ! stop");
  EXPECT_TRUE(eventually([&] { return groups.get_members(Atom("workers")) == std::vector{member}; }));
  node->runtime().exit(member, kill());
  EXPECT_TRUE(original().becomes("pg:get_members(S, workers)", "[]"));
  (void)original().eval("exit(Keeper, kill)");
}

TEST_F(ProcessesOfOriginals, TextIsPrintedByTheOtherKind) {
  std::mutex mutex;
  std::string printed;
  node->set_output([&](std::string_view text) {
    const std::scoped_lock lock(mutex);
    printed += text;
  });
  EXPECT_EQ(original().text(
                "U = rpc:call(N, erlang, whereis, [user]), io:format(U, \"greetings ~p ~ts~n\", [{a, 1}, "
                "<<\"from\">>])"),
            "ok");
  const auto output = [&] {
    const std::scoped_lock lock(mutex);
    return printed;
  };
  EXPECT_TRUE(eventually([&] { return output() == "greetings {a,1} from\n"; })) << output();
  // A group leader on the original's side, which keeps what it is asked to print.
  node->functions().expose("test", "prints", prints);
  EXPECT_EQ(
      original().text(
          "Io = spawn(fun() -> (fun A(T) -> receive {io_request, F, R, {put_chars, unicode, C}} -> "
          "F ! {io_reply, R, ok}, A([C | T]); {get, F} -> F ! {text, lists:reverse(T)} end end)([]) "
          "end), group_leader(Io, self()), ok = rpc:call(N, test, prints, [<<\"hello\">>]), "
          "Io ! {get, self()}, receive {text, Text} -> iolist_to_binary(Text) after 5000 -> timeout end"),
      "<<\"hello\">>");
  node->set_output(nullptr);
}

}  // namespace
}  // namespace barrel::test
