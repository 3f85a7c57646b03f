#include "barrel/process/runtime.hpp"

#include <future>
#include <latch>
#include <thread>
#include <vector>

#include "process/test_runtime.hpp"

namespace barrel {
namespace {

using test::EveryScheduler;
using test::TestRuntime;
class RuntimeTest : public EveryScheduler {};
BARREL_ON_EVERY_SCHEDULER(RuntimeTest);

struct Go {
  static constexpr std::string_view tag = "go";
};

Task<int> gives(Self, int value) {
  co_return value;
}
Task<Result<int>> refuses(Self) {
  co_return Error(Errc::rejected, Atom("no"));
}
Task<> waits(Self self) {
  co_await self.receive<Go>();
}

TEST_P(RuntimeTest, RunGivesTheValueTheErrorOrTheExitReason) {
  EXPECT_EQ(*runtime_->run(gives, 7), 7);
  EXPECT_EQ(runtime_->run(refuses).error(), Error(Errc::rejected, Atom("no")));
  const Result<int> ended = runtime_->run([](Self) -> Task<int> {
    exit(Atom("tired"));
    co_return 1;
  });
  EXPECT_EQ(ended.error(), Error(Errc::exited, Atom("tired")));
  const Result<int> crashed = runtime_->run([](Self) -> Task<int> {
    throw std::runtime_error("broken");
    co_return 1;
  });
  EXPECT_EQ(crashed.error(), Error(Errc::exited, Term::tuple_of(Atom("exception"), "broken")));
}

TEST(RunOfAProcess, ThatIsKilledBeforeItsFirstStepGivesTheReason) {
  TestRuntime runtime(RuntimeConfig::deterministic);
  runtime->spawn([](Self self) -> Task<> {
    Pid next = self.pid();
    ++next.id;
    self.exit(next, kill());
    co_return;
  });
  EXPECT_EQ(runtime->run(gives, 7).error(), Error(Errc::exited, killed()));
}

TEST_P(RuntimeTest, BlockingWorkGivesItsValueOrItsException) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const std::thread::id here = std::this_thread::get_id();
    const auto work = [here] { return std::this_thread::get_id() == here; };
    const bool same_thread = co_await self.blocking(work);
    EXPECT_EQ(same_thread, here == std::this_thread::get_id() && same_thread);
    bool caught = false;
    try {
      co_await self.blocking([] { throw std::runtime_error("disk"); });
    } catch (const std::runtime_error&) {
      caught = true;
    }
    EXPECT_TRUE(caught);
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(RuntimeTest, SpawningBeyondTheLimitGivesADeadPid) {
  RuntimeConfig config = TestRuntime::with(GetParam());
  config.processes_max = 200;
  TestRuntime limited(config);
  const auto ok = limited.run([](Self self) -> Task<bool> {
    std::vector<Pid> pids;
    for (int i = 0; i < 300; ++i) pids.push_back(self.spawn(waits));
    const auto monitor = self.monitor(pids.back());
    EXPECT_EQ((co_await self.receive<Down>()).reason, Term(noproc()));
    self.trap_exits(true);
    const Pid first = self.spawn_link(waits);
    const Pid second = self.spawn_link(waits);
    for (const Pid& refused : {first, second}) {
      const Exit exit = co_await self.receive<Exit>();
      EXPECT_EQ(exit.reason, Term(noproc()));
      EXPECT_EQ(exit.from, refused);
    }
    EXPECT_NE(first, second);
    for (const Pid& pid : pids) self.send(pid, Go{});
    co_return true;
  });
  EXPECT_TRUE(ok);
  EXPECT_GE(limited.counter("process.processes_refused"), 100U);
}

TEST_P(RuntimeTest, ASmallLimitOnProcessesIsUsedUpBeforeOneIsRefused) {
  RuntimeConfig config = TestRuntime::with(GetParam());
  config.processes_max = 8;
  TestRuntime limited(config);
  const auto child = limited.run([](Self self) -> Task<bool> {
    self.spawn(waits);  // takes a slot for a scheduler thread
    co_return true;
  });
  EXPECT_TRUE(child);
  for (int i = 0; i < 5; ++i) EXPECT_NE(limited->spawn(waits).id, 0U) << i;
  EXPECT_EQ(limited.counter("process.processes_refused"), 0U);
}

TEST_P(RuntimeTest, StopAsksTheRootsFirstAndKillsTheRest) {
  std::atomic<bool> root_said_goodbye = false;
  std::atomic<bool> orphan_destroyed = false;
  {
    TestRuntime runtime(GetParam());
    std::atomic<int> ready = 0;
    runtime->spawn(
        [](Self self, std::atomic<bool>* said, std::atomic<bool>* destroyed, std::atomic<int>* up) -> Task<> {
          self.trap_exits(true);
          self.spawn(
              [](Self other, std::atomic<bool>* flag, std::atomic<int>* started) -> Task<> {
                struct Flag {
                  explicit Flag(std::atomic<bool>* to_set) : set(to_set) {}
                  ~Flag() { set->store(true); }
                  std::atomic<bool>* set;
                };
                const Flag on_destruction(flag);
                other.trap_exits(true);
                ++*started;
                for (;;) (void)co_await other.receive<Exit>();  // will not go by itself
              },
              destroyed, up);
          ++*up;
          const Exit exit = co_await self.receive<Exit>();
          said->store(exit.reason.is_atom("shutdown"));
        },
        &root_said_goodbye, &orphan_destroyed, &ready);
    if (GetParam() == RuntimeConfig::deterministic) runtime->run_until_idle();
    while (ready < 2) std::this_thread::yield();
    const auto stopped = runtime->stop(10s);
    EXPECT_TRUE(stopped);
    EXPECT_EQ(runtime->stats().processes, 0U);
  }
  EXPECT_TRUE(root_said_goodbye);
  EXPECT_TRUE(orphan_destroyed);
}

/// Ends in order when its parent does, which takes it some time; then the parent of the next one does.
Task<> takes_its_time(Self self, int below, std::atomic<int>* up, std::atomic<int>* said_goodbye) {
  self.trap_exits(true);
  if (below > 0) self.spawn_link(takes_its_time, below - 1, up, said_goodbye);
  ++*up;
  const Exit exit = co_await self.receive<Exit>();
  for (int i = 0; i < 20'000; ++i) co_await self.yield();
  if (exit.reason.is_atom("shutdown")) ++*said_goodbye;
  barrel::exit(exit.reason);
}

TEST_P(RuntimeTest, StopWaitsForThoseWhomTheEndOfARootReachesByLinks) {
  TestRuntime runtime(GetParam());
  std::atomic<int> up = 0;
  std::atomic<int> said_goodbye = 0;
  // The root itself goes at once.
  runtime->spawn(
      [](Self self, std::atomic<int>* started, std::atomic<int>* ended) -> Task<> {
        self.spawn_link(takes_its_time, 2, started, ended);
        self.spawn_link(takes_its_time, 0, started, ended);
        (void)co_await self.receive<Exit>();
      },
      &up, &said_goodbye);
  if (GetParam() == RuntimeConfig::deterministic) runtime->run_until_idle();
  while (up < 4) std::this_thread::yield();
  EXPECT_TRUE(runtime->stop(10s));
  EXPECT_EQ(said_goodbye, 4);
}

TEST_P(RuntimeTest, StopWaitsAsLongAsItTakesWhenTheLimitIsLongerThanTime) {
  TestRuntime runtime(GetParam());
  std::atomic<bool> said_goodbye = false;
  std::atomic<bool> is_ready = false;
  runtime->spawn(
      [](Self self, std::atomic<bool>* said, std::atomic<bool>* up) -> Task<> {
        self.trap_exits(true);
        up->store(true);
        const Exit exit = co_await self.receive<Exit>();
        said->store(exit.reason.is_atom("shutdown"));
      },
      &said_goodbye, &is_ready);
  if (GetParam() == RuntimeConfig::deterministic) runtime->run_until_idle();
  while (!is_ready) std::this_thread::yield();
  EXPECT_TRUE(runtime->stop(Duration::max()));
  EXPECT_TRUE(said_goodbye);
}

/// Starts its successor and ends.
Task<> relays(Self self, std::shared_ptr<std::atomic<int>> started) {
  ++*started;
  self.spawn(relays, started);
  co_return;
}

TEST(RuntimeThreads, ARuntimeThatIsDestroyedLetsNothingStartAnyMore) {
  const auto started = std::make_shared<std::atomic<int>>(0);
  {
    TestRuntime runtime(2);
    for (int i = 0; i < 20; ++i) runtime->spawn(relays, started);
    while (*started < 1'000) std::this_thread::yield();
  }
  EXPECT_EQ(started.use_count(), 1) << "some process was not ended";
}

/// An argument whose way into the new process can be held up.
struct HeldUp {
  struct Gate {
    std::latch reached{1};
    std::latch open{1};
  };
  explicit HeldUp(std::shared_ptr<Gate> its_gate) : gate(std::move(its_gate)) {}
  HeldUp(const HeldUp& other) : gate(other.gate) {
    if (gate->reached.try_wait()) return;
    gate->reached.count_down();
    gate->open.wait();
  }
  HeldUp(HeldUp&&) = default;
  HeldUp& operator=(const HeldUp&) = delete;
  HeldUp& operator=(HeldUp&&) = delete;
  ~HeldUp() = default;
  std::shared_ptr<Gate> gate;
};

TEST(RuntimeThreads, AProcessThatAPlainThreadIsJustStartingIsKilledWithTheOthers) {
  // Were it missed, its thread would wait for ever; so all of this may outlive the test.
  static auto* const runtime = new TestRuntime(2);
  static const auto gate = std::make_shared<HeldUp::Gate>();
  static std::promise<Result<void>> ran;
  static std::promise<Result<void>> stopped;
  std::thread([] {
    const HeldUp argument(gate);
    ran.set_value(
        (*runtime)->run(+[](Self self, HeldUp) -> Task<> { (void)co_await self.receive<Go>(); }, argument));
  }).detach();
  gate->reached.wait();
  std::thread([] { stopped.set_value((*runtime)->stop(1h)); }).detach();
  const auto ends = [](Self) -> Task<> { co_return; };
  while ((*runtime)->spawn(ends).id != 0) std::this_thread::sleep_for(1ms);  // until no more are let in
  auto stop_ends = stopped.get_future();
  EXPECT_EQ(stop_ends.wait_for(100ms), std::future_status::timeout) << "it is alive soon";
  gate->open.count_down();
  auto run_ends = ran.get_future();
  ASSERT_EQ(run_ends.wait_for(20s), std::future_status::ready);
  EXPECT_EQ(run_ends.get(), Result<void>(Error(Errc::exited, Term(killed()))));
  EXPECT_TRUE(stop_ends.get());
}

TEST_P(RuntimeTest, APlainThreadSendsExitsAndCasts) {
  const Pid pid = runtime_->spawn([](Self self) -> Task<> {
    EXPECT_TRUE(self.register_name("listener"));
    self.trap_exits(true);
    co_await self.receive<Go>();
    const Term cast = co_await self.receive<Term>();
    EXPECT_EQ(cast, Term::tuple_of(Atom("$gen_cast"), Atom("go")));
    EXPECT_EQ((co_await self.receive<Exit>()).reason, Term(Atom("enough")));
    EXPECT_TRUE(self.unregister_name("listener"));
  });
  EXPECT_TRUE(runtime_->send(pid, Go{}));
  runtime_->cast(pid, Go{});
  runtime_->exit(pid, Atom("enough"));
  const auto gone = runtime_->run(
      [](Self self, Pid watched) -> Task<bool> {
        const auto monitor = self.monitor(watched);
        const Down down = co_await self.receive<Down>();
        co_return down.reason.is_atom("normal") || down.reason.is_atom("noproc");
      },
      pid);
  EXPECT_TRUE(*gone);
  EXPECT_FALSE(runtime_->is_alive(pid));
  EXPECT_TRUE(runtime_->send(pid, Go{}));  // to nobody: no error, as in Erlang
}

TEST(RuntimeThreads, ALongStepDoesNotHoldUpWhatItWoke) {
  RuntimeConfig config = TestRuntime::with(2);
  config.long_step = 30ms;
  TestRuntime runtime(config);
  std::latch woken(1);
  const auto slow = runtime->run(
      [](Self self, std::latch* latch) -> Task<Pid> {
        const Pid other = self.spawn(
            [](Self woken_process, std::latch* to_release) -> Task<> {
              co_await woken_process.receive<Go>();
              to_release->count_down();
            },
            latch);
        EXPECT_TRUE(self.register_name("slow_one"));
        (void)co_await self.receive<Go>(20ms);
        self.send(other, Go{});  // it lies in this thread's next place, behind this very step
        latch->wait();
        // And a long step is reported.
        auto& counter = self.runtime().metrics().counter("process.long_steps");
        while (counter.value() == 0) std::this_thread::yield();
        co_return self.pid();
      },
      &woken);
  ASSERT_TRUE(slow);
  EXPECT_TRUE(runtime.log().contain("runs for long without waiting: use self.blocking or self.yield pid=" +
                                    to_string(*slow, runtime->node_name()) + " name=slow_one"));
}

TEST(RuntimeThreads, ABlockingJobThatDoesNotEndIsAbandoned) {
  // The runtime stays behind with the job's thread; both outlive the test.
  static auto* const runtime = new TestRuntime(1);
  static auto* const release = new std::latch(1);
  static auto* const ended = new std::latch(1);
  static std::latch running(1);
  (*runtime)->spawn([](Self self) -> Task<> {
    co_await self.blocking([] {
      running.count_down();
      release->wait();
      ended->count_down();
    });
  });
  running.wait();
  const auto stopped = (*runtime)->stop(500ms);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error(), Error(Errc::timeout, Term::list({})));
  EXPECT_TRUE(runtime->log().contain("blocking jobs did not end in time"));
  release->count_down();
  ended->wait();
}

TEST(RuntimeThreads, AProcessThatNeverEndsItsStepIsAbandonedAndNamed) {
  // The runtime stays behind with its thread; both outlive the test.
  static auto* const runtime = new TestRuntime(1);
  static auto* const release = new std::atomic<bool>(false);
  static auto* const ended = new std::latch(1);
  std::latch running(1);
  const Pid stuck = (*runtime)->spawn(
      [](Self, std::latch* started, std::atomic<bool>* go, std::latch* done) -> Task<> {
        started->count_down();
        while (!go->load()) std::this_thread::yield();
        done->count_down();
        co_return;
      },
      &running, release, ended);
  running.wait();
  const auto stopped = (*runtime)->stop(20ms);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error(), Error(Errc::timeout, Term::list({Term(stuck)})));
  release->store(true);
  ended->wait();
}

}  // namespace
}  // namespace barrel
