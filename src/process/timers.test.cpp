#include "process/timers.hpp"

#include <vector>

#include "process/test_runtime.hpp"

namespace barrel {
namespace {

using test::EveryScheduler;
using test::TestRuntime;
class TimersTest : public EveryScheduler {};
BARREL_ON_EVERY_SCHEDULER(TimersTest);

struct Tick {
  static constexpr std::string_view tag = "tick";
  int number = 0;
};

TEST_P(TimersTest, TimersFireInOrderAndCancelledOnesNever) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto third = self.send_after(30ms, self.pid(), Tick{3});
    self.send_after(10ms, self.pid(), Tick{1});
    const auto second = self.send_after(20ms, self.pid(), Tick{2});
    self.send_after(40ms, self.pid(), Tick{4});
    EXPECT_TRUE(self.cancel(second));
    EXPECT_FALSE(self.cancel(second));
    std::vector<int> seen;
    for (int i = 0; i < 3; ++i) seen.push_back((co_await self.receive<Tick>()).number);
    EXPECT_EQ(seen, (std::vector{1, 3, 4}));
    EXPECT_FALSE(self.cancel(third));  // it has fired
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(TimersTest, ATimeLimitEndsTheWaitButNotEarly) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    for (const Duration limit : {Duration(20ms), Duration(5ms), Duration(10ms), Duration(1ms)}) {
      const Instant start = self.runtime().clock().now();
      const auto none = co_await self.receive<Tick>(limit);
      EXPECT_TRUE(std::holds_alternative<Timeout>(none));
      EXPECT_GE(self.runtime().clock().now() - start, limit);
    }
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(TimersTest, ANegativeTimeLimitIsOverAtOnce) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid deaf = self.spawn([](Self other) -> Task<> { (void)co_await other.receive<Tick>(); });
    co_await self.sleep(-1ms);
    EXPECT_TRUE(std::holds_alternative<Timeout>(co_await self.receive<Tick>(-1ms)));
    EXPECT_EQ((co_await self.call<int>(deaf, 1, -1ms)).error().code, Errc::timeout);
    EXPECT_TRUE(std::holds_alternative<Timeout>(co_await self.receive<Tick>(Duration::min())));
    self.send(self.pid(), Tick{1});
    EXPECT_TRUE(std::holds_alternative<Tick>(co_await self.receive<Tick>(-1ms)));
    self.send(deaf, Tick{});
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(TimersTest, AnExitedProcessLeavesNoTimerOfItsWaits) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    for (int i = 0; i < 50; ++i) {
      const Pid pid = self.spawn([](Self other) -> Task<> {
        (void)co_await other.receive<Tick>(1h);
        co_await other.sleep(1ms);  // sooner than what it waited for before
      });
      const auto monitor = self.monitor(pid);
      self.send(pid, Tick{});
      co_await self.receive<Down>();
    }
    co_return true;
  });
  EXPECT_TRUE(ok);
  EXPECT_EQ(runtime_->stats().timers, 0U);
}

// -- virtual time

TEST(VirtualTime, HoursPassInNoTimeAndExactly) {
  TestRuntime runtime(RuntimeConfig::deterministic);
  const auto waited = runtime.run([](Self self) -> Task<std::int64_t> {
    const Instant start = self.runtime().clock().now();
    (void)co_await self.receive<Tick>(72h);
    co_return (self.runtime().clock().now() - start).count();
  });
  ASSERT_TRUE(waited);
  EXPECT_EQ(*waited, Duration(72h).count());
}

TEST(VirtualTime, ACallTimesOutAfterFiveSecondsByDefault) {
  TestRuntime runtime(RuntimeConfig::deterministic);
  const auto waited = runtime.run([](Self self) -> Task<std::int64_t> {
    const Pid deaf = self.spawn([](Self other) -> Task<> { co_await other.receive<Tick>(); });
    const Instant start = self.runtime().clock().now();
    const auto reply = co_await self.call<int>(deaf, Term(Atom("ask")));
    EXPECT_EQ(reply.error().code, Errc::timeout);
    co_return (self.runtime().clock().now() - start).count();
  });
  ASSERT_TRUE(waited);
  EXPECT_EQ(*waited, Duration(5s).count());
}

TEST(VirtualTime, TheOwnerSeesTheNextTimerAndDecidesWhenItFires) {
  TestRuntime runtime(RuntimeConfig::deterministic);
  int fired = 0;
  runtime->spawn(
      [](Self self, int* count) -> Task<> {
        for (;;) {
          (void)co_await self.receive<Tick>(10ms);
          ++*count;
        }
      },
      &fired);
  EXPECT_FALSE(runtime->next_timer());
  EXPECT_TRUE(runtime->run_until_idle());
  EXPECT_FALSE(runtime->run_until_idle());
  EXPECT_EQ(*runtime->next_timer(), runtime.manual_clock().now() + 10ms);
  runtime.manual_clock().advance(9ms);
  EXPECT_FALSE(runtime->run_until_idle());
  runtime.manual_clock().advance(1ms);
  EXPECT_TRUE(runtime->run_until_idle());
  EXPECT_EQ(fired, 1);
}

TEST(VirtualTime, TheSameProgramRunsTheSameWayEveryTime) {
  const auto history = [] {
    TestRuntime runtime(RuntimeConfig::deterministic);
    std::vector<int> seen;
    auto ran = runtime.run(
        [](Self self, std::vector<int>* order) -> Task<bool> {
          for (int i = 0; i < 50; ++i) {
            self.spawn(
                [](Self other, Pid to, int number) -> Task<> {
                  for (int round = 0; round < 3; ++round) {
                    (void)co_await other.receive<Tick>(std::chrono::milliseconds(number * 7 % 13));
                    other.send(to, Tick{100 * round + number});
                  }
                },
                self.pid(), i);
          }
          for (int i = 0; i < 150; ++i) order->push_back((co_await self.receive<Tick>()).number);
          co_return true;
        },
        &seen);
    EXPECT_TRUE(ran);
    return seen;
  };
  EXPECT_EQ(history(), history());
}

TEST(Timers, TakesOutWhatIsDueByTimeThenByOrderOfStarting) {
  detail::Timers timers;
  std::vector<int> fired;
  const Instant base(Duration(1s));
  timers.start(base + 2ms, [&] { fired.push_back(3); });
  timers.start(base + 1ms, [&] { fired.push_back(1); });
  timers.start(base + 1ms, [&] { fired.push_back(2); });
  EXPECT_EQ(timers.next(), base + 1ms);
  EXPECT_FALSE(timers.take(base));
  while (const auto due = timers.take(base + 2ms)) std::get<detail::Timers::Action>(due->what)();
  EXPECT_EQ(fired, (std::vector{1, 2, 3}));
}

}  // namespace
}  // namespace barrel
