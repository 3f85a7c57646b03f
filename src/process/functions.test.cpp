#include "barrel/process/functions.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "process/test_wire.hpp"

namespace barrel {
namespace {

using namespace std::chrono_literals;

struct Point {
  static constexpr std::string_view tag = "point";
  int x = 0;
  int y = 0;
};
struct Go {
  static constexpr std::string_view tag = "go";
};

int add(int a, int b) {
  return a + b;
}
std::vector<int> reversed(const std::vector<int>& list) {
  return {list.rbegin(), list.rend()};
}
void nothing(const Point&) {}
Result<int> half(int number) {
  if (number % 2 != 0) return Error(Errc::rejected, Atom("odd"));
  return number / 2;
}
int throws() {
  throw std::runtime_error("on fire");
}
int exits(Term reason) {
  exit(std::move(reason));
}
Task<Pid> leader(Self self) {
  co_return self.group_leader();
}
Task<> waits(Self self) {
  (void)co_await self.receive<Go>();
}
Task<int> slow(Self self, int number) {
  co_await self.sleep(1h);
  co_return number;
}

const NodeName b_node = "b@127.0.0.1";

/// What happens to process A is noted as terms and texts.
class FunctionsTest : public test::TwoRuntimes {
 protected:
  FunctionsTest() {
    Functions& functions = b_->functions();
    functions.expose("math", "add", add);
    functions.expose("math", "half", half);
    functions.expose("lists", "reverse", reversed);
    functions.expose("test", "nothing", nothing);
    functions.expose("test", "throws", throws);
    functions.expose("test", "exits", exits);
    functions.expose("test", "leader", leader);
    functions.expose("test", "waits", waits);
    functions.expose("test", "slow", slow);
    functions.expose("test", "concat", [](const std::string& a, const std::string& b) { return a + b; });
  }

  template <class F, class... As>
  std::vector<Term> seen_by(F body, As... arguments) {
    seen_.clear();
    a_->spawn(body, &seen_, arguments...);
    settle();
    return seen_;
  }
};

template <class T>
Term shown(const Result<T>& result) {
  if (!result) return Term::tuple_of(Atom(to_string(result.error().code)), result.error().reason);
  if constexpr (std::is_void_v<T>) return Atom("ok");
  else return to_term(*result);
}

TEST_F(FunctionsTest, ArgumentsAndResultsAreMappedBothWays) {
  const auto seen = seen_by([](Self self, std::vector<Term>* out) -> Task<> {
    const std::vector<int> list{1, 2, 3};
    const Point point{1, 2};
    out->push_back(shown(co_await self.rpc<int>(b_node, "math", "add", 2, 40)));
    out->push_back(shown(co_await self.rpc<std::vector<int>>(b_node, "lists", "reverse", list)));
    out->push_back(shown(co_await self.rpc<std::string>(b_node, "test", "concat", "ab", std::string("cd"))));
    out->push_back(shown(co_await self.rpc<Term>(b_node, "test", "nothing", point)));
    out->push_back(shown(co_await self.rpc<void>(b_node, "test", "nothing", point)));
    out->push_back(shown(co_await self.rpc<Result<int>>(b_node, "math", "half", 8)));
    out->push_back(shown(co_await self.rpc<Result<int>>(b_node, "math", "half", 7)));
    out->push_back(shown(co_await self.rpc<int>(b_node, "math", "half", 8)));
  });
  ASSERT_EQ(seen.size(), 8U);
  EXPECT_EQ(to_string(Term::list(seen)),
            R"([42,[3,2,1],<<"abcd">>,ok,ok,4,{rejected,odd},)" + to_string(seen[7]) + "]");
  EXPECT_TRUE(seen[7].elements()[0].is_atom("malformed"));
  EXPECT_EQ(b_.counter("process.ended_abnormally"), 0U) << "a result is no crash";
}

TEST_F(FunctionsTest, FailuresHaveErlangsShapes) {
  const auto seen = seen_by([](Self self, std::vector<Term>* out) -> Task<> {
    out->push_back(shown(co_await self.rpc<int>(b_node, "math", "mul", 2, 3)));
    out->push_back(shown(co_await self.rpc<int>(b_node, "math", "add", 2)));
    out->push_back(shown(co_await self.rpc<int>(b_node, "math", "add", 2, Atom("x"))));
    out->push_back(shown(co_await self.rpc<int>(b_node, "test", "throws")));
    out->push_back(shown(co_await self.rpc<int>(b_node, "test", "exits", Atom("done"))));
  });
  EXPECT_EQ(to_string(Term::list(seen)),
            "[{not_found,{error,undef,[{math,mul,[2,3],[]}]}},"
            "{not_found,{error,undef,[{math,add,[2],[]}]}},"
            "{exited,{error,function_clause,[{math,add,[2,x],[]}]}},"
            "{exited,{error,{exception,<<\"on fire\">>},[{test,throws,0,[]}]}},"
            "{exited,{exit,done}}]");
  EXPECT_TRUE(b_.log().contain("an exposed function threw an exception"));
}

TEST_F(FunctionsTest, WhatErlangAppliesForAnotherIsThatOne) {
  const auto seen = seen_by([](Self self, std::vector<Term>* out) -> Task<> {
    const Term sum = Term::list({2, 40});
    const Term apply = Term::list({Atom("math"), Atom("add"), sum});
    const Term ancestors = Term::list({Term(self.pid())});
    const Atom erlang("erlang");
    const Atom name("apply");
    out->push_back(shown(co_await self.rpc<int>(b_node, "erlang", "apply", Atom("math"), Atom("add"), sum)));
    out->push_back(shown(co_await self.rpc<int>(b_node, "erlang", "apply", erlang, name, apply)));
    out->push_back(shown(co_await self.rpc<int>(b_node, "proc_lib", "init_p", self.pid(), ancestors,
                                                Atom("math"), Atom("add"), sum)));
    out->push_back(shown(co_await self.rpc<int>(b_node, "erlang", "apply", Atom("os"), Atom("cmd"), sum)));
    out->push_back(shown(co_await self.rpc<int>(b_node, "erlang", "apply", Atom("math"), 7, sum)));
    out->push_back(shown(co_await self.rpc<int>(b_node, "erlang", "apply", Atom("math"), sum)));
    const Term add = Term::export_fun(Atom("math"), Atom("add"), 2);
    const Term one = Term::list({2});
    const Term command = Term::export_fun(Atom("os"), Atom("cmd"), 2);
    out->push_back(shown(co_await self.rpc<int>(b_node, "erlang", "apply", add, sum)));
    out->push_back(shown(co_await self.rpc<int>(b_node, "erlang", "apply", command, sum)));
    out->push_back(shown(co_await self.rpc<int>(b_node, "erlang", "apply", add, one)));
  });
  EXPECT_EQ(to_string(Term::list(seen)),
            "[42,42,42,"
            "{not_found,{error,undef,[{os,cmd,[2,40],[]}]}},"
            "{exited,{error,badarg,[{erlang,apply,[math,7,[2,40]],[]}]}},"
            "{not_found,{error,undef,[{erlang,apply,[math,[2,40]],[]}]}},"
            "42,"
            "{not_found,{error,undef,[{os,cmd,[2,40],[]}]}},"
            "{exited,{error,{badarity,{fun math:add/2,[2]}},[{erlang,apply,[fun math:add/2,[2]],[]}]}}]");
}

TEST_F(FunctionsTest, TheSameWorksOnTheOwnNode) {
  a_->functions().expose("math", "add", add);
  const auto seen = seen_by([](Self self, std::vector<Term>* out) -> Task<> {
    const NodeName here = self.runtime().node_name();
    out->push_back(shown(co_await self.rpc<int>(here, "math", "add", 2, 40)));
    out->push_back(shown(co_await self.rpc<int>(here, "math", "sub", 2, 40)));
    auto spawned = co_await self.spawn_monitor_on(here, "math", "sub", 1, 2);
    out->push_back((co_await self.receive<Down>()).reason);
  });
  EXPECT_EQ(to_string(Term::list(seen)),
            "[42,{not_found,{error,undef,[{math,sub,[2,40],[]}]}},{undef,[{math,sub,[1,2],[]}]}]");
}

TEST_F(FunctionsTest, ACallThatTakesTooLongTimesOutAndALateResultIsDropped) {
  const auto seen = seen_by([](Self self, std::vector<Term>* out) -> Task<> {
    out->push_back(shown(co_await self.rpc<int>(b_node, 1s, "test", "slow", 1)));
    const auto next = co_await self.receive<Term>(2h);
    out->push_back(std::holds_alternative<Timeout>(next) ? Term(Atom("silence")) : std::get<Term>(next));
  });
  for (int i = 0; i < 4; ++i) {
    a_.manual_clock().advance(1h);
    b_.manual_clock().advance(1h);
    settle();
  }
  EXPECT_EQ(to_string(Term::list(seen_)), "[{timeout,timeout},silence]");
  EXPECT_EQ(count(to_b_, RemoteSignal::Op::demonitor), 1);
}

TEST_F(FunctionsTest, ALostNodeEndsCallsAndSpawns) {
  const auto body = [](Self self, std::vector<Term>* out) -> Task<> {
    out->push_back(shown(co_await self.rpc<int>(b_node, "test", "slow", 1)));
    out->push_back(shown(co_await self.spawn_on(b_node, "test", "waits")));
  };
  a_->spawn(body, &seen_);
  settle();
  lose_connection();
  a_->node_down(b_node, noconnection());  // what the router says of the second, which cannot be dialed
  settle();
  EXPECT_EQ(to_string(Term::list(seen_)), "[{no_connection,noconnection},{no_connection,noconnection}]");
}

TEST_F(FunctionsTest, SpawnedProcessesAreMonitoredAndLinkedFromTheirFirstMoment) {
  const auto seen = seen_by([](Self self, std::vector<Term>* out) -> Task<> {
    self.trap_exits(true);
    auto watched = co_await self.spawn_monitor_on(b_node, "test", "exits", Atom("soon"));
    const Down down = co_await self.receive<Down>();
    out->push_back(Term::tuple_of(down.reason, down.pid == watched->pid, down.ref == watched->monitor.ref()));
    auto linked = co_await self.spawn_link_on(b_node, "test", "exits", Atom("at_once"));
    const Exit exit = co_await self.receive<Exit>();
    out->push_back(Term::tuple_of(exit.reason, exit.from == *linked));
    auto unknown = co_await self.spawn_link_on(b_node, "no", "such", 1);
    out->push_back((co_await self.receive<Exit>()).reason);
    auto waiting = co_await self.spawn_on(b_node, "test", "waits");
    self.exit(*waiting, Atom("kill"));
    auto last = co_await self.spawn_monitor_on(b_node, "test", "waits");
    self.send(last->pid, Go{});
    out->push_back((co_await self.receive<Down>()).reason);
  });
  EXPECT_EQ(to_string(Term::list(seen)),
            "[{soon,true,true},{at_once,true},{undef,[{no,such,[1],[]}]},normal]");
}

TEST_F(FunctionsTest, TheEndOfAStartedProcessMayOvertakeTheAnswer) {
  a_->spawn(
      [](Self self, std::vector<Term>* out) -> Task<> {
        self.trap_exits(true);
        auto watched = co_await self.spawn_monitor_on(b_node, "test", "exits", Atom("soon"));
        const auto down = co_await self.receive<Down>(1h);
        out->push_back(std::holds_alternative<Down>(down) ? std::get<Down>(down).reason : Term("no Down"));
        auto linked = co_await self.spawn_link_on(b_node, "test", "exits", Atom("at_once"));
        const auto exit = co_await self.receive<Exit>(1h);
        out->push_back(std::holds_alternative<Exit>(exit) ? std::get<Exit>(exit).reason : Term("no Exit"));
      },
      &seen_);
  for (int i = 0; i < 2; ++i) {
    a_->run_until_idle();
    while (to_b_.deliver()) {}
    b_->run_until_idle();
    to_a_.deliver_backwards();
    a_->run_until_idle();
  }
  a_.manual_clock().advance(1h);
  settle();
  EXPECT_EQ(to_string(Term::list(seen_)), "[soon,at_once]");
}

TEST_F(FunctionsTest, EndsThatMayHaveOvertakenTheAnswerAreKeptWithinBoundsForEachNode) {
  const Pid asker = a_->spawn(
      [](Self self, std::vector<Term>* out) -> Task<> {
        self.trap_exits(true);
        // Another node that has something to answer, and sends exits of its own instead.
        auto other = self.spawn_link_on("c@127.0.0.1", "test", "waits");
        const Term long_reason = Term::binary(Bytes(100'000));
        auto linked = co_await self.spawn_link_on(b_node, "test", "exits", long_reason);
        out->push_back((co_await self.receive<Exit>()).reason);
        linked = co_await self.spawn_link_on(b_node, "test", "exits", Atom("short"));
        out->push_back((co_await self.receive<Exit>()).reason);
        (void)co_await other;
      },
      &seen_);
  a_->run_until_idle();
  RemoteSignal exit;
  exit.op = RemoteSignal::Op::exit;
  exit.to = asker;
  exit.reason = Atom("made_up");
  for (std::uint32_t id = 1; id <= 70; ++id) {
    exit.from = Pid{Atom("c@127.0.0.1"), id, 0, 1};
    a_->deliver_signal(exit);
  }
  a_->run_until_idle();
  EXPECT_EQ(a_.counter("process.early_exits_refused"), 6U);
  for (int i = 0; i < 2; ++i) {
    while (to_b_.deliver()) {}
    b_->run_until_idle();
    to_a_.deliver_backwards();
    a_->run_until_idle();
  }
  EXPECT_EQ(to_string(Term::list(seen_)), "[too_large,short]");
  EXPECT_EQ(a_.counter("process.early_exits_refused"), 7U);
}

TEST_F(FunctionsTest, AProcessThatEndsBeforeTheAnswerTakesTheLinkedOneWithIt) {
  const Pid asker = a_->spawn([](Self self) -> Task<> {
    auto never = co_await self.spawn_link_on(b_node, "test", "waits");
    ADD_FAILURE() << "it was ended before";
  });
  a_->run_until_idle();
  a_->exit(asker, Atom("impatient"));
  settle();
  EXPECT_EQ(b_->stats().processes, 0U);
  ASSERT_EQ(count(to_b_, RemoteSignal::Op::exit), 1);
  EXPECT_EQ(to_b_.signals.back().reason, Term(Atom("impatient")));
}

TEST_F(FunctionsTest, AnAnswerAfterTheTimeLimitAbandonsTheLinkedProcess) {
  a_->spawn(
      [](Self self, std::vector<Term>* out) -> Task<> {
        out->push_back(shown(co_await self.spawn_link_on(b_node, "test", "waits")));
        (void)co_await self.receive<Go>();
      },
      &seen_);
  a_->run_until_idle();
  a_.manual_clock().advance(6s);
  a_->run_until_idle();
  settle();
  EXPECT_EQ(to_string(Term::list(seen_)), "[{timeout,timeout}]");
  EXPECT_EQ(b_->stats().processes, 0U);
  EXPECT_EQ(a_->stats().processes, 1U);
}

TEST_F(FunctionsTest, OnlyAllowedNodesFindAnything) {
  b_->functions().allow_only({"*@10.0.0.1", "c@*"});
  const auto body = [](Self self, std::vector<Term>* out) -> Task<> {
    out->push_back(shown(co_await self.rpc<int>(b_node, "math", "add", 1, 2)));
  };
  EXPECT_EQ(to_string(Term::list(seen_by(body))), "[{not_found,{error,undef,[{math,add,[1,2],[]}]}}]");
  EXPECT_TRUE(b_.log().contain("node=a@127.0.0.1"));
  EXPECT_EQ(b_.counter("process.functions_refused"), 1U);
  EXPECT_EQ(b_.counter("process.functions_undefined"), 0U);
  b_->functions().allow_only({"x@y", "a@127.*"});
  EXPECT_EQ(to_string(Term::list(seen_by(body))), "[3]");
  b_->functions().hide("math", "add", 2);
  EXPECT_EQ(to_string(Term::list(seen_by(body))), "[{not_found,{error,undef,[{math,add,[1,2],[]}]}}]");
  EXPECT_EQ(b_.counter("process.functions_refused"), 1U);
  EXPECT_EQ(b_.counter("process.functions_undefined"), 1U);
}

TEST_F(FunctionsTest, APatternsStarsStandForAnyText) {
  using detail::matches_pattern;
  EXPECT_TRUE(matches_pattern("a@b", "a@b"));
  EXPECT_TRUE(matches_pattern("a@b", "*"));
  EXPECT_TRUE(matches_pattern("aXbXb@h", "a*b@*"));
  EXPECT_TRUE(matches_pattern("a@b", "a@b**"));
  EXPECT_FALSE(matches_pattern("a@b", "a@"));
  EXPECT_FALSE(matches_pattern("a@b", "*@c"));
  EXPECT_FALSE(matches_pattern("", "a"));
}

TEST_F(FunctionsTest, ANodesShareOfProcessesIsLimitedAndGivenBack) {
  RuntimeConfig config = test::TestRuntime::with(RuntimeConfig::deterministic, "c@127.0.0.1");
  config.remote_spawns_max = 2;
  test::TestRuntime small(config);
  test::Wire to_a(*a_);
  small->set_router(to_a);
  small->functions().expose("test", "waits", waits);
  const auto context = std::make_shared<DecodeContext>();
  RemoteSpawn what;
  what.function = Term::tuple_of(Atom("test"), Atom("waits"), 0);
  const Pid from{Atom("a@127.0.0.1"), 1, 0, 4};
  const auto ask = [&] {
    small->deliver_spawn(from, Ref{from.node_atom, 4, 1, {1}}, what, SharedBytes(encode_etf(Term())),
                         context);
    small->run_until_idle();
    return to_a.signals.back().reason;
  };
  const Term first = ask();
  (void)ask();
  EXPECT_EQ(ask(), Term(Atom("system_limit")));
  EXPECT_EQ(small.counter("process.remote_spawns_refused"), 1U);
  small->exit(*first.as_pid(), kill());
  small->run_until_idle();
  EXPECT_TRUE(ask().is_pid());
  what.options = Term::list({Term(Atom("surprise"))});
  EXPECT_EQ(ask(), Term(Atom("badopt")));
  what.options = Term::list({Term::tuple_of(Atom("priority"), Atom("high"))});
  what.function = Term::tuple_of(Atom("test"), Atom("waits"));
  EXPECT_EQ(ask(), Term(Atom("badarg")));
}

TEST_F(FunctionsTest, ArgumentsCountAsUnreadUntilTheFunctionHasEnded) {
  b_->functions().expose("test", "waits_with", [](Self self, Term) { return waits(self); });
  const auto context = std::make_shared<DecodeContext>();
  const auto ask = [&](const Term& argument) {
    RemoteSpawn what;
    what.function = Term::tuple_of(Atom("test"), Atom("waits_with"), 1);
    const Pid from{Atom("a@127.0.0.1"), 1, 0, 4};
    b_->deliver_spawn(from, Ref{from.node_atom, 4, 1, {1}}, what,
                      SharedBytes(encode_etf(Term::list({argument}))), context);
    b_->run_until_idle();
    return *to_a_.signals.back().reason.as_pid();
  };
  const Pid with_text = ask(Term(std::string(100'000, 'x')));
  EXPECT_GT(context->unread_bytes.load(), 100'000U);
  b_->exit(with_text, kill());
  settle();
  EXPECT_EQ(context->unread_bytes.load(), 0U);
  // Small terms count by the memory that they take, not by their bytes.
  const Pid with_tuples = ask(Term::tuple(std::vector<Term>(1'000, Term::tuple({}))));
  EXPECT_GT(context->unread_bytes.load(), 1'000 * (sizeof(Term) + 16));
  b_->exit(with_tuples, kill());
  settle();
  EXPECT_EQ(context->unread_bytes.load(), 0U);
}

TEST_F(FunctionsTest, MalformedArgumentsEndTheProcessAndAreReported) {
  int reports = 0;
  auto context = std::make_shared<DecodeContext>();
  context->on_malformed = [&](const Error&) { ++reports; };
  RemoteSpawn what;
  what.function = Term::tuple_of(Atom("test"), Atom("waits"), 0);
  const Pid from{Atom("a@127.0.0.1"), 1, 0, 4};
  b_->deliver_spawn(from, Ref{from.node_atom, 4, 1, {1}}, what, SharedBytes(Bytes{131, 104}), context);
  settle();
  EXPECT_EQ(reports, 1);
  EXPECT_EQ(b_->stats().processes, 0U);
}

TEST_F(FunctionsTest, AProcessOfAnotherNodeGetsTheGroupLeaderThatIsNamed) {
  std::optional<Pid> told;
  const Pid far = b_->spawn(
      [](Self self, std::optional<Pid>* out) -> Task<> {
        (void)co_await self.receive<Go>();
        *out = self.group_leader();
      },
      &told);
  const Pid printer = a_->spawn(waits);
  (void)seen_by(
      [](Self self, std::vector<Term>*, Pid target, Pid chosen) -> Task<> {
        self.set_group_leader(chosen, target);
        self.send(target, Go{});
        co_return;
      },
      far, printer);
  EXPECT_EQ(told, printer) << "not the one who has set it";
}

TEST_F(FunctionsTest, TheGroupLeaderComesFromTheCallerAndIsInherited) {
  const Pid printer = a_->spawn(waits);
  a_->set_group_leader(printer);
  const auto seen = seen_by(
      [](Self self, std::vector<Term>* out, Pid leader) -> Task<> {
        out->push_back(self.group_leader() == leader);
        auto remote = co_await self.rpc<Pid>(b_node, "test", "leader");
        out->push_back(*remote == leader);
        self.set_group_leader(self.pid(), self.pid());
        remote = co_await self.rpc<Pid>(b_node, "test", "leader");
        out->push_back(*remote == self.pid());
        const Pid child = self.spawn(
            [](Self me, std::vector<Term>* notes, Pid parent) -> Task<> {
              notes->push_back(me.group_leader() == parent);
              me.send(parent, Go{});
              (void)co_await me.receive<Go>();
              notes->push_back(me.group_leader() == parent);
            },
            out, self.pid());
        (void)co_await self.receive<Go>();
        self.set_group_leader(leader, child);
        self.send(child, Go{});
      },
      printer);
  EXPECT_EQ(to_string(Term::list(seen)), "[true,true,true,true,false]");
}

TEST_F(FunctionsTest, ACastRunsAndSaysNothing) {
  static int told = 0;
  told = 0;
  b_->functions().expose("test", "tell", [](int number) { told += number; });
  const auto seen = seen_by([](Self self, std::vector<Term>* out) -> Task<> {
    self.rpc_cast(b_node, "test", "tell", 7);
    self.rpc_cast(b_node, "no", "such");
    const auto next = co_await self.receive<Term>(1s);
    out->push_back(std::holds_alternative<Timeout>(next));
  });
  a_.manual_clock().advance(2s);
  settle();
  EXPECT_EQ(told, 7);
  EXPECT_EQ(to_string(Term::list(seen_)), "[true]");
}

TEST_F(FunctionsTest, PrintingGoesToTheGroupLeaderAndGivesItsAnswer) {
  const Pid printer = b_->spawn(
      [](Self self, std::vector<Term>* out) -> Task<> {
        for (;;) {
          const Term request = co_await self.receive<Term>();
          const auto parts = request.elements();
          out->push_back(parts[3]);
          const Term answer =
              out->size() < 2 ? Term(Atom("ok")) : Term::tuple_of(Atom("error"), Atom("full"));
          self.send(*parts[1].as_pid(), Term::tuple_of(Atom("io_reply"), parts[2], answer));
        }
      },
      &seen_);
  static std::vector<Term> results;
  results.clear();
  a_->spawn(
      [](Self self, Pid to) -> Task<> {
        self.send(self.pid(), Term::tuple_of(Atom("io_reply"), self.make_ref(), Atom("forged")));
        results.push_back(shown(co_await self.print("nowhere")));
        self.set_group_leader(to, self.pid());
        results.push_back(shown(co_await self.print("one")));
        results.push_back(shown(co_await self.print("two")));
        self.exit(to, kill());
        results.push_back(shown(co_await self.print("three")));
      },
      printer);
  settle();
  EXPECT_EQ(to_string(Term::list(seen_)), R"([{put_chars,unicode,<<"one">>},{put_chars,unicode,<<"two">>}])");
  EXPECT_EQ(to_string(Term::list(results)), "[{no_process,noproc},ok,{rejected,full},{no_process,noproc}]");
}

}  // namespace
}  // namespace barrel
