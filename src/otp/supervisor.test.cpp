#include "barrel/otp/supervisor.hpp"

#include <atomic>
#include <vector>

#include "barrel/otp/dynamic_supervisor.hpp"
#include "process/test_runtime.hpp"

namespace barrel {
namespace {

using test::EveryScheduler;
using test::TestRuntime;
class SupervisorTest : public EveryScheduler {};
BARREL_ON_EVERY_SCHEDULER(SupervisorTest);

/// Says {up, Id, Pid} and {down, Id}.
class Worker {
 public:
  struct End {
    static constexpr std::string_view tag = "end";
    Atom reason;
  };
  using Casts = Messages<End>;
  Worker(Self self, Pid to, Atom id) : self_(self), to_(to), id_(id) {
    self_.trap_exits(true);
    self_.send(to_, Term::tuple_of(Atom("up"), id_, self_.pid()));
  }
  void handle_cast(const End& end) { exit(end.reason); }
  void terminate(const Term&) { self_.send(to_, Term::tuple_of(Atom("down"), id_)); }

 private:
  Self self_;
  Pid to_;
  Atom id_;
};
/// Does not start.
class Stillborn {
 public:
  explicit Stillborn(Self) { exit(Atom("no_way")); }
};
/// Takes for ever to terminate.
class Stubborn {
 public:
  explicit Stubborn(Self self) : self_(self) { self_.trap_exits(true); }
  Task<> terminate(const Term&) { co_await self_.receive<Worker::End>(); }

 private:
  Self self_;
};

/// Starts unless it is broken.
class Fragile {
 public:
  using Casts = Messages<Worker::End>;
  Fragile(Self self, const std::atomic<bool>* is_broken, Pid to) {
    if (*is_broken) exit(Atom("broken"));
    self.send(to, Term::tuple_of(Atom("up"), Atom("fragile"), self.pid()));
  }
  void handle_cast(const Worker::End& end) { exit(end.reason); }
};

Task<Pid> came_up(Self self, Atom id) {
  const auto is_up = [id](const Term& term) {
    return term.is_tagged("up", 3) && term.elements()[1] == Term(id);
  };
  const Term up = co_await self.receive_if<Term>(is_up);
  co_return *up.elements()[2].as_pid();
}
Term down(Atom id) {
  return Term::tuple_of(Atom("down"), id);
}

// As Erlang asks.
struct WhichAsTerm {
  static constexpr std::string_view tag = "which_children";
  using Reply = Term;
};
struct CountAsTerm {
  static constexpr std::string_view tag = "count_children";
  using Reply = Term;
};

/// The second element of what OTP's which_children says of the only child.
Task<Term> where_of_child(Self self, Pid supervisor) {
  const auto children = co_await self.call(supervisor, WhichAsTerm{});
  co_return children->elements()[0].elements()[1];
}

TEST_P(SupervisorTest, AnswersWhileARestartKeepsFailing) {
  std::atomic<bool> is_broken{false};
  const auto body = [](Self self, std::atomic<bool>* broken) -> Task<bool> {
    const SupervisorSettings settings{.intensity = 1'000'000'000, .period = 1h};
    const std::vector<ChildSpec> specs{child<Fragile>("fragile", {}, broken, self.pid())};
    const auto supervisor = co_await Supervisor::start_link(self, settings, specs);
    const auto workers = co_await DynamicSupervisor<Fragile>::start_link(self, settings, {});
    const Pid child_pid = co_await came_up(self, "fragile");
    const auto worker = co_await workers->start_child(self, broken, self.pid());
    EXPECT_EQ(*worker, co_await came_up(self, "fragile"));
    *broken = true;
    self.cast(child_pid, Worker::End{Atom("crash")});
    self.cast(*worker, Worker::End{Atom("crash")});
    for (;;) {
      const auto child = co_await supervisor->which_children(self);
      const auto others = co_await workers->which_children(self);
      if (!child->at(0).pid && others->empty()) break;
    }
    EXPECT_EQ(co_await where_of_child(self, supervisor->pid()), Term(Atom("restarting")));
    EXPECT_EQ(co_await where_of_child(self, workers->pid()), Term(Atom("restarting")));
    const auto counted = co_await self.call(workers->pid(), CountAsTerm{});
    EXPECT_EQ(to_string(*counted), "[{specs,1},{active,0},{supervisors,0},{workers,1}]");
    EXPECT_FALSE(co_await supervisor->restart_child(self, "fragile")) << "it is being restarted";
    *broken = false;
    co_await came_up(self, "fragile");
    co_await came_up(self, "fragile");
    const auto again = co_await supervisor->which_children(self);
    EXPECT_TRUE(again->at(0).pid && !again->at(0).is_restarting);
    EXPECT_EQ((co_await workers->which_children(self))->size(), 1U);
    co_return true;
  };
  EXPECT_TRUE(runtime_.run(body, &is_broken));
}

Task<Result<Supervisor>> start_workers(Self self) {
  const std::vector<ChildSpec> children{
      child<Worker>("always", {}, self.pid(), Atom("always")),
      child<Worker>("until_done", {.restart = Restart::transient}, self.pid(), Atom("until_done"))};
  co_return co_await Supervisor::start_link(self, {.intensity = 3, .period = 5s}, children);
}

TEST_P(SupervisorTest, TheWorkersOfTheHandbook) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto supervisor = co_await start_workers(self);
    const Pid always = co_await came_up(self, "always");
    const Pid until_done = co_await came_up(self, "until_done");
    self.cast(until_done, Worker::End{normal()});
    self.cast(always, Worker::End{normal()});
    co_await came_up(self, "always");
    for (;;) {
      const auto children = co_await supervisor->which_children(self);
      EXPECT_TRUE(children->at(0).pid);
      if (!children->at(1).pid) break;
    }
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(SupervisorTest, RefusesTwoChildrenOfOneName) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    const std::vector<ChildSpec> specs{child<Worker>("a", {}, self.pid(), Atom("a")),
                                       child<Worker>("a", {}, self.pid(), Atom("b"))};
    const auto supervisor = co_await Supervisor::start_link(self, {}, specs);
    EXPECT_FALSE(supervisor);
    EXPECT_EQ(supervisor.error().reason,
              Term::tuple_of(Atom("start_spec"), Term::tuple_of(Atom("duplicate_child_name"), Atom("a"))));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(SupervisorTest, StartsChildrenInOrderAndEndsThemInReverseOrder) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    const std::vector<ChildSpec> specs{child<Worker>("a", {}, self.pid(), Atom("a")),
                                       child<Worker>("b", {}, self.pid(), Atom("b")),
                                       child<Worker>("c", {}, self.pid(), Atom("c"))};
    const auto supervisor = co_await Supervisor::start_link(self, {}, specs);
    EXPECT_TRUE(supervisor);
    std::vector<ChildInfo> expected;
    for (const char* id : {"a", "b", "c"}) {
      const Term up = co_await self.receive<Term>();
      EXPECT_EQ(up.elements()[1], Term(Atom(id)));
      expected.push_back({id, up.elements()[2].as_pid()});
    }
    EXPECT_EQ(*co_await supervisor->which_children(self), expected);
    self.exit(supervisor->pid(), shutdown());
    EXPECT_EQ(co_await self.receive<Term>(), down("c"));
    EXPECT_EQ(co_await self.receive<Term>(), down("b"));
    EXPECT_EQ(co_await self.receive<Term>(), down("a"));
    EXPECT_EQ((co_await self.receive<Exit>()).reason, Term(shutdown()));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(SupervisorTest, RestartsByTypeAndOnlyTheChildThatEnded) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    const std::vector<ChildSpec> specs{
        child<Worker>("always", {.restart = Restart::permanent}, self.pid(), Atom("always")),
        child<Worker>("crashes", {.restart = Restart::transient}, self.pid(), Atom("crashes")),
        child<Worker>("once", {.restart = Restart::temporary}, self.pid(), Atom("once"))};
    const auto supervisor = co_await Supervisor::start_link(self, {.intensity = 10, .period = 1h}, specs);
    const Pid always = co_await came_up(self, "always");
    const Pid crashes = co_await came_up(self, "crashes");
    const Pid once = co_await came_up(self, "once");

    self.cast(always, Worker::End{normal()});
    const Pid always_again = co_await came_up(self, "always");
    EXPECT_NE(always_again, always);
    self.cast(crashes, Worker::End{"boom"});
    const Pid crashes_again = co_await came_up(self, "crashes");
    self.cast(crashes_again, Worker::End{normal()});  // a transient child may end normally
    self.cast(once, Worker::End{"boom"});
    const auto monitor_one = self.monitor(once);
    const auto monitor_two = self.monitor(crashes_again);
    co_await self.receive<Down>();
    co_await self.receive<Down>();
    std::vector<ChildInfo> children;
    do {
      children = *co_await supervisor->which_children(self);
    } while (children.size() == 3);  // its Exit may come after our Down
    EXPECT_EQ(children, (std::vector<ChildInfo>{{"always", always_again}, {"crashes", std::nullopt}}));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(SupervisorTest, TooManyRestartsEndItAndItsChildren) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    const std::vector<ChildSpec> specs{child<Worker>("weak", {}, self.pid(), Atom("weak")),
                                       child<Worker>("other", {}, self.pid(), Atom("other"))};
    const auto supervisor = co_await Supervisor::start_link(self, {.intensity = 2, .period = 1h}, specs);
    (void)co_await came_up(self, "other");
    for (int i = 0; i < 3; ++i) {
      const Pid weak = co_await came_up(self, "weak");
      self.cast(weak, Worker::End{"boom"});
    }
    const Exit exit = co_await self.receive<Exit>();
    EXPECT_EQ(exit.from, supervisor->pid());
    EXPECT_EQ(exit.reason, Term(shutdown()));
    const auto is_other = [](const Term& term) { return term == down("other"); };
    (void)co_await self.receive_if<Term>(is_other);
    co_return true;
  });
  EXPECT_TRUE(ok);
  EXPECT_EQ(runtime_.counter("otp.restarts"), 2U);
  EXPECT_EQ(runtime_.counter("otp.restarts_too_many"), 1U);
}

TEST(SupervisorInTime, RestartsThatAreFarApartAreForgiven) {
  TestRuntime runtime(RuntimeConfig::deterministic);
  const auto ok = runtime.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    const std::vector<ChildSpec> specs{child<Worker>("weak", {}, self.pid(), Atom("weak"))};
    const auto supervisor = co_await Supervisor::start_link(self, {.intensity = 1, .period = 5s}, specs);
    for (int i = 0; i < 20; ++i) {
      const Pid weak = co_await came_up(self, "weak");
      self.cast(weak, Worker::End{"boom"});
      (void)co_await self.receive<Exit>(6s);
    }
    (void)co_await came_up(self, "weak");
    co_return self.runtime().is_alive(supervisor->pid());
  });
  ASSERT_TRUE(ok);
  EXPECT_TRUE(*ok);
}

TEST_P(SupervisorTest, AChildThatDoesNotStartIsTheSupervisorsError) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const std::vector<ChildSpec> specs{child<Worker>("fine", {}, self.pid(), Atom("fine")),
                                       child<Stillborn>("dead", {})};
    const auto supervisor = co_await Supervisor::start_link(self, {}, specs);
    EXPECT_FALSE(supervisor);
    EXPECT_EQ(supervisor.error().reason,
              Term::tuple_of(Atom("shutdown"),
                             Term::tuple_of(Atom("failed_to_start_child"), Atom("dead"), Atom("no_way"))));
    (void)co_await came_up(self, "fine");
    EXPECT_EQ(co_await self.receive<Term>(), down("fine"));
    co_return true;
  });
  EXPECT_TRUE(ok);
  EXPECT_TRUE(runtime_.log().contain("a child did not start"));
}

TEST_P(SupervisorTest, ChildrenAreAddedEndedRestartedAndDeleted) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto supervisor = co_await Supervisor::start_link(self, {}, {});
    const auto started =
        co_await supervisor->start_child(self, child<Worker>("a", {}, self.pid(), Atom("a")));
    EXPECT_TRUE(started);
    EXPECT_EQ(co_await came_up(self, "a"), *started);
    const auto twice = co_await supervisor->start_child(self, child<Worker>("a", {}, self.pid(), Atom("a")));
    EXPECT_EQ(twice.error().code, Errc::already_registered);
    EXPECT_FALSE(co_await supervisor->delete_child(self, "a"));  // it runs
    EXPECT_TRUE(co_await supervisor->terminate_child(self, "a"));
    EXPECT_EQ(co_await self.receive<Term>(), down("a"));
    const auto again = co_await supervisor->restart_child(self, "a");
    EXPECT_EQ(co_await came_up(self, "a"), *again);
    EXPECT_TRUE(co_await supervisor->terminate_child(self, "a"));
    EXPECT_TRUE(co_await supervisor->delete_child(self, "a"));
    EXPECT_FALSE(co_await supervisor->restart_child(self, "a"));
    EXPECT_TRUE((co_await supervisor->which_children(self))->empty());
    co_return true;
  });
  EXPECT_TRUE(ok);
}

using Workers = DynamicSupervisor<Worker>;

TEST_P(SupervisorTest, ADynamicSupervisorStartsEndsAndRestartsChildrenOfOneKind) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    auto workers =
        co_await Workers::start_link(self, {.intensity = 5, .period = 10s}, {.restart = Restart::transient});
    EXPECT_TRUE(workers);
    const auto a = co_await workers->start_child(self, self.pid(), Atom("a"));
    const auto b = co_await workers->start_child(self, self.pid(), Atom("b"));
    EXPECT_TRUE(a && b);
    EXPECT_EQ((co_await workers->which_children(self))->size(), 2U);
    (void)co_await came_up(self, "a");
    self.cast(*a, Worker::End{"boom"});
    const Pid a_again = co_await came_up(self, "a");
    EXPECT_NE(a_again, *a);
    EXPECT_TRUE(co_await workers->terminate_child(self, *b));
    const auto unknown = co_await workers->terminate_child(self, *b);
    EXPECT_FALSE(unknown);
    const std::vector<Pid> expected{a_again};
    EXPECT_EQ(*co_await workers->which_children(self), expected);
    self.exit(workers->pid(), shutdown());
    EXPECT_EQ((co_await self.receive<Exit>()).reason, Term(shutdown()));
    EXPECT_FALSE(self.runtime().is_alive(a_again));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(SupervisorTest, AsTermsChildrenAreThoseOfOtp) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const std::vector<ChildSpec> specs{child<Worker>("a", {}, self.pid(), Atom("a"))};
    const auto fixed = co_await Supervisor::start_link(self, {}, specs);
    const auto dynamic = co_await Workers::start_link(self);
    const auto b = co_await dynamic->start_child(self, self.pid(), Atom("b"));
    const Pid a = co_await came_up(self, "a");
    const auto described = [](const Term& id, const Term& pid) {
      return Term::list({Term::tuple_of(id, pid, Atom("worker"), Atom("dynamic"))});
    };
    EXPECT_EQ(*co_await self.call(fixed->pid(), WhichAsTerm{}), described(Atom("a"), a));
    EXPECT_EQ(*co_await self.call(dynamic->pid(), WhichAsTerm{}), described(Atom("undefined"), *b));
    const Term one = *co_await self.call(fixed->pid(), CountAsTerm{});
    EXPECT_EQ(to_string(one), "[{specs,1},{active,1},{supervisors,0},{workers,1}]");
    EXPECT_TRUE(co_await fixed->terminate_child(self, Atom("a")));
    EXPECT_EQ(*co_await self.call(fixed->pid(), WhichAsTerm{}), described(Atom("a"), Atom("undefined")));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST(ChildInfo, IsReadFromWhatAnyOtpSupervisorSays) {
  const Pid pid{Atom("e@127.0.0.1"), 7, 0, 4};
  const auto told = [](const Term& id, const Term& where) {
    return ChildInfo::from_term(
        Term::tuple_of(id, where, Atom("supervisor"), Term::list({Term(Atom("module"))})));
  };
  EXPECT_EQ(told(Atom("a"), pid), Result<ChildInfo>(ChildInfo{"a", pid}));
  EXPECT_EQ(told(Atom("a"), Atom("undefined")), Result<ChildInfo>(ChildInfo{"a", std::nullopt}));
  EXPECT_EQ(told(Atom("a"), Atom("restarting")), Result<ChildInfo>(ChildInfo{"a", std::nullopt, true}));
  EXPECT_FALSE(told(Atom("a"), 1));
  EXPECT_FALSE(told(1, pid));
}

TEST_P(SupervisorTest, ADynamicChildsFailureIsReportedAndTheSupervisorGoesOn) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    auto supervisor = co_await DynamicSupervisor<Stillborn>::start_link(self);
    const auto failed = co_await supervisor->start_child(self);
    EXPECT_FALSE(failed);
    EXPECT_EQ(failed.error().reason, Term(Atom("no_way")));
    const auto unknown = co_await self.call<Term>(supervisor->pid(), Term(Atom("what")));
    EXPECT_TRUE(unknown && unknown->is_tagged("error", 2));
    EXPECT_TRUE((co_await supervisor->which_children(self))->empty());
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST(SupervisorInTime, AChildThatDoesNotGoIsKilledAfterItsShutdownTime) {
  TestRuntime runtime(RuntimeConfig::deterministic);
  const auto waited = runtime.run([](Self self) -> Task<std::int64_t> {
    auto supervisor = co_await DynamicSupervisor<Stubborn>::start_link(self, {}, {.shutdown = 3s});
    const auto pid = co_await supervisor->start_child(self);
    EXPECT_TRUE(pid);
    const auto monitor = self.monitor(*pid);
    const Instant start = self.runtime().clock().now();
    EXPECT_TRUE(co_await supervisor->terminate_child(self, *pid));
    EXPECT_EQ((co_await self.receive<Down>()).reason, Term(killed()));
    co_return (self.runtime().clock().now() - start).count();
  });
  ASSERT_TRUE(waited);
  EXPECT_EQ(*waited, Duration(3s).count());
}

}  // namespace
}  // namespace barrel
