#include <thread>

#include "process/test_runtime.hpp"

namespace barrel {
namespace {

using namespace std::chrono_literals;

/// Each look at it takes two milliseconds, so that every offer of the processor is a dear one.
class SlowClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return Instant(Duration(time_ += Duration(2ms).count())); }
  [[nodiscard]] SystemTime system_now() const override { return {}; }

 private:
  mutable std::atomic<Duration::rep> time_{0};
};

TEST(SchedulerThreads, ADearOfferOfTheProcessorEndsTheSpinningForAWhile) {
  const SlowClock clock;
  Metrics metrics;
  const Counter& dear = metrics.counter("process.dear_offers");
  Runtime runtime(test::TestRuntime::with(1), clock, Log(), metrics);
  const auto give_up = test::real_clock().now() + 10s;
  while (dear.value() == 0 && test::real_clock().now() < give_up) std::this_thread::yield();
  EXPECT_GE(dear.value(), 1U);
  // Each of them leaves the thread without work.
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(runtime.run(+[](Self) -> Task<> { co_return; }));
  const auto offers = dear.value();
  EXPECT_LE(offers, static_cast<std::uint64_t>(clock.now().time_since_epoch() / Duration(50ms)) + 1);
}

Task<> count(Self self, std::atomic<int>* got) {
  for (;;) {
    (void)co_await self.receive<int>();
    *got = *got + 1;
  }
}
Task<> answer(Self self) {
  for (;;) self.send(co_await self.receive<Pid>(), 0);
}
Task<> ask(Self self, Pid other) {
  self.send(other, self.pid());
  (void)co_await self.receive<int>();
}

TEST(SchedulerThreads, WhatAThreadHoldsBackRunsWhenItReleases) {
  Metrics metrics;
  std::atomic<int> got{0};
  Runtime runtime(test::TestRuntime::with(1), test::real_clock(), Log(), metrics);
  const Pid held = runtime.spawn(count, &got);
  const Pid other = runtime.spawn(answer);
  // One thread runs processes in the order in which they wake.
  const auto others_run = [&] { std::thread([&] { (void)runtime.run(ask, other); }).join(); };
  others_run();  // and so `held` waits for its first message
  runtime.hold_wakeups(true);
  (void)runtime.send(held, 1);
  (void)runtime.send(held, 2);
  others_run();
  EXPECT_EQ(got, 0);
  runtime.release_wakeups();
  others_run();
  EXPECT_EQ(got, 2);
  (void)runtime.send(held, 3);
  runtime.hold_wakeups(false);
  others_run();
  EXPECT_EQ(got, 3);
  (void)runtime.send(held, 4);
  others_run();
  EXPECT_EQ(got, 4);
}

/// Waits, without letting its thread go, until as many as there are threads do.
Task<> meet(Self self, std::atomic<int>* met) {
  (void)co_await self.receive<int>();
  *met = *met + 1;
  const auto give_up = test::real_clock().now() + 10s;
  while (*met % 2 != 0 && test::real_clock().now() < give_up) std::this_thread::yield();
}

TEST(SchedulerThreads, WhatIsReleasedTogetherRunsOnAllThreads) {
  Metrics metrics;
  std::atomic<int> met{0};
  Runtime runtime(test::TestRuntime::with(2), test::real_clock(), Log(), metrics);
  const Instant start = test::real_clock().now();
  for (int round = 0; round < 20; ++round) {
    const Pid one = runtime.spawn(meet, &met);
    const Pid other = runtime.spawn(meet, &met);
    // Long enough for both threads to sleep, most of the time.
    const auto asleep = test::real_clock().now() + 1ms;
    while (test::real_clock().now() < asleep) std::this_thread::yield();
    runtime.hold_wakeups(true);
    (void)runtime.send(one, 0);
    (void)runtime.send(other, 0);
    runtime.hold_wakeups(false);
    while (runtime.is_alive(one) || runtime.is_alive(other)) std::this_thread::yield();
  }
  EXPECT_EQ(met, 40);
  EXPECT_LT(test::real_clock().now() - start, 10s) << "one waited for the thread that the other had";
}

}  // namespace
}  // namespace barrel
