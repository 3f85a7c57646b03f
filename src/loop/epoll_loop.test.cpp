#include "loop/epoll_loop.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "loop/system_clock.hpp"

namespace barrel::loop {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

struct LoopTest : testing::Test {
  std::unique_ptr<EpollLoop> make(const LoopOptions& options = {}) {
    return std::move(*make_epoll_loop(metrics, options));
  }

  Metrics metrics;
  SystemClock clock;
};

TEST_F(LoopTest, TimersRunInTheOrderOfTheirTimeThenOfTheirMaking) {
  auto loop = make();
  std::vector<int> order;
  const auto start = loop->now();
  const auto note = [&](int n) { return [&order, n] { order.push_back(n); }; };
  (void)loop->add_timer(start + 3ms, note(4));
  (void)loop->add_timer(start + 1ms, note(1));
  (void)loop->add_timer(start + 2ms, note(2));
  (void)loop->add_timer(start + 2ms, note(3));
  (void)loop->add_timer(start + 4ms, [&] { loop->stop(); });
  loop->run();
  EXPECT_THAT(order, ElementsAre(1, 2, 3, 4));
}

TEST_F(LoopTest, CancelledTimersDoNotRun) {
  auto loop = make();
  bool ran = false;
  const auto start = loop->now();
  const auto id = loop->add_timer(start + 2ms, [&] { ran = true; });
  (void)loop->add_timer(start + 1ms, [&] { loop->cancel(id); });
  (void)loop->add_timer(start + 4ms, [&] { loop->stop(); });
  loop->run();
  EXPECT_FALSE(ran);
  loop->cancel(id);
}

TEST_F(LoopTest, TimersArePreciseToFarBelowAMillisecond) {
  auto loop = make({.spin_max = 0us});
  // A busy machine makes the loop late, but not each time; a sleep in whole milliseconds would be late by 0.7
  // ms at least.
  Duration least_late = 1h;
  int times = 0;
  Instant due{};
  Timer ticking(*loop, [&] {
    least_late = std::min(least_late, clock.now() - due);
    if (least_late < 400us || ++times == 1'000) return loop->stop();
    due = loop->now() + 300us;
    ticking.arm(due);
  });
  due = loop->now() + 300us;
  ticking.arm(due);
  loop->run();
  EXPECT_GE(least_late, 0us);
  EXPECT_LT(least_late, 400us);
}

TEST_F(LoopTest, ReusableTimerReplacesItsDeadlineAndDiesWithItsOwner) {
  auto loop = make();
  int runs = 0;
  {
    Timer gone(*loop, [&] { runs += 100; });
    gone.arm_after(1ms);
  }
  Timer timer(*loop, [&] { ++runs; });
  timer.arm_after(1ms);
  timer.arm_after(2ms);
  EXPECT_TRUE(timer.armed());
  (void)loop->add_timer(loop->now() + 10ms, [&] { loop->stop(); });
  loop->run();
  EXPECT_EQ(runs, 1);
  EXPECT_FALSE(timer.armed());
}

TEST_F(LoopTest, TimeStandsStillWithinATurn) {
  auto loop = make();
  (void)loop->add_timer(loop->now(), [&] {
    const auto before = loop->now();
    const auto until = clock.now() + 2ms;
    while (clock.now() < until) {}
    EXPECT_EQ(loop->now(), before);
    Instant elsewhere{};
    std::thread([&] { elsewhere = loop->now(); }).join();
    EXPECT_GE(elsewhere, before + 2ms) << "other threads have no turn";
    (void)loop->add_timer(before, [&, before] {
      EXPECT_GE(loop->now(), before + 2ms);
      loop->stop();
    });
  });
  loop->run();
}

TEST_F(LoopTest, PostedTasksRunInOrderOnTheLoopThread) {
  auto loop = make();
  std::vector<int> seen;
  std::thread::id where;
  std::thread poster([&] {
    for (int i = 0; i < 1000; ++i) loop->post([&seen, i] { seen.push_back(i); });
    loop->post([&] {
      where = std::this_thread::get_id();
      loop->stop();
    });
  });
  loop->run();
  poster.join();
  ASSERT_EQ(seen.size(), 1000U);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_EQ(where, std::this_thread::get_id());
}

TEST_F(LoopTest, ManyThreadsLoseNoTask) {
  auto loop = make();
  std::atomic<int> left{4 * 2000};
  std::vector<std::thread> posters;
  for (int t = 0; t < 4; ++t) {
    posters.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        loop->post([&] {
          if (--left == 0) loop->stop();
        });
        if (i % 100 == 0) std::this_thread::yield();
      }
    });
  }
  loop->run();
  for (auto& poster : posters) poster.join();
  EXPECT_EQ(left.load(), 0);
}

TEST_F(LoopTest, SleepingLoopIsWokenOncePerBatch) {
  auto loop = make({.spin_max = 0us});
  const auto& sleeps = metrics.counter("loop.sleeps");
  const auto& wakeups = metrics.counter("loop.wakeups");
  std::thread poster([&] {
    while (sleeps.value() == 0) std::this_thread::yield();
    // Held up in its first task, the loop cannot have slept in between.
    std::atomic<bool> go = false;
    std::atomic<bool> reached = false;
    loop->post([&] {
      reached = true;
      while (!go) std::this_thread::yield();
    });
    while (!reached) std::this_thread::yield();
    const auto before = wakeups.value();
    for (int i = 0; i < 100; ++i) loop->post([] {});
    EXPECT_EQ(wakeups.value(), before) << "a running loop costs no wake-up";
    loop->post([&] { loop->stop(); });
    go = true;
    while (metrics.counter("loop.turns").value() < 2) std::this_thread::yield();
  });
  loop->run();
  poster.join();
  EXPECT_GE(wakeups.value(), 1U);
}

TEST_F(LoopTest, WakeRunsTheHookAtTheEndOfATurn) {
  auto loop = make();
  std::atomic<int> queue = 0;
  std::atomic<int> hooks = 0;
  std::vector<std::string> order;
  loop->set_turn_hook([&] {
    order.emplace_back("hook");
    if (queue.load() == 1) loop->stop();
    ++hooks;
  });
  loop->post([&] { order.emplace_back("task"); });
  std::thread producer([&] {
    while (hooks.load() == 0) std::this_thread::yield();
    queue = 1;
    loop->wake();
  });
  loop->run();
  producer.join();
  ASSERT_GE(order.size(), 3U);
  EXPECT_EQ(order[0], "task");
  EXPECT_EQ(order[1], "hook");
  EXPECT_EQ(order.back(), "hook");
}

TEST_F(LoopTest, IdleLoopSleepsInsteadOfSpinning) {
  auto loop = make();
  (void)loop->add_timer(loop->now() + 200ms, [&] { loop->stop(); });
  loop->run();
  EXPECT_LE(metrics.counter("loop.turns").value(), 3U);
  EXPECT_LE(metrics.counter("loop.spins").value(), 20U);
}

TEST_F(LoopTest, ADearOfferOfTheProcessorEndsTheSpinningThoughWorkCameMeanwhile) {
  EpollLoop* running = nullptr;
  unsigned offers = 0;
  auto loop = make({.offer_processor = [&] {
    ++offers;
    std::this_thread::sleep_for(2ms);  // what others compute with it
    running->post([] {});
  }});
  running = loop.get();
  const auto start = loop->now();
  Timer ticking(*loop, [&] {
    if (loop->now() >= start + 120ms) return loop->stop();
    ticking.arm(loop->now() + 1ms);
  });
  ticking.arm(start + 1ms);
  loop->run();
  const auto rests = static_cast<unsigned>((clock.now() - start) / 50ms);
  EXPECT_GE(offers, 1U);
  EXPECT_LE(offers, rests + 1);
  EXPECT_EQ(metrics.counter("loop.dear_offers").value(), offers);
}

TEST_F(LoopTest, StopBeforeRunEndsItAndItCanRunAgain) {
  auto loop = make();
  loop->stop();
  loop->run();
  bool ran = false;
  loop->post([&] {
    ran = true;
    loop->stop();
  });
  loop->run();
  EXPECT_TRUE(ran);
}

TEST_F(LoopTest, OffloadedWorkRunsElsewhereAndItsEndOnTheLoop) {
  auto loop = make();
  std::thread::id worker;
  std::thread::id end;
  ASSERT_TRUE(loop->offload([&] { worker = std::this_thread::get_id(); },
                            [&] {
                              end = std::this_thread::get_id();
                              loop->stop();
                            }));
  loop->run();
  EXPECT_NE(worker, std::this_thread::get_id());
  EXPECT_EQ(end, std::this_thread::get_id());
}

TEST_F(LoopTest, OffloadIsBounded) {
  auto loop = make({.blocking_threads_max = 1, .blocking_queue_max = 2});
  std::atomic<bool> go = false;
  std::atomic<bool> started = false;
  std::atomic<int> done = 0;
  const auto finish = [&] {
    if (++done == 3) loop->stop();
  };
  ASSERT_TRUE(loop->offload(
      [&] {
        started = true;
        while (!go) std::this_thread::yield();
      },
      finish));
  while (!started) std::this_thread::yield();
  EXPECT_TRUE(loop->offload([] {}, finish));
  EXPECT_TRUE(loop->offload([] {}, finish));
  EXPECT_FALSE(loop->offload([] {}, finish));
  EXPECT_EQ(metrics.counter("loop.offload_limit").value(), 1U);
  go = true;
  loop->run();
  EXPECT_EQ(done.load(), 3);
}

TEST_F(LoopTest, ResolvesLiteralsAndLocalhostAndReportsUnknownNames) {
  auto loop = make();
  int left = 3;
  const auto finish = [&] {
    if (--left == 0) loop->stop();
  };
  loop->resolve("127.0.0.9", 80, [&](Result<std::vector<SocketAddress>> found) {
    ASSERT_TRUE(found);
    EXPECT_THAT(*found, ElementsAre(*SocketAddress::parse("127.0.0.9:80")));
    finish();
  });
  loop->resolve("localhost", 81, [&](Result<std::vector<SocketAddress>> found) {
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->front().is_loopback());
    EXPECT_EQ(found->front().port(), 81);
    finish();
  });
  loop->resolve("no such host", 1, [&](const Result<std::vector<SocketAddress>>& found) {
    EXPECT_FALSE(found);
    finish();
  });
  loop->run();
}

TEST_F(LoopTest, SignalsArriveAsEvents) {
  auto loop = make();
  int got = 0;
  ASSERT_TRUE(loop->watch_signals({SIGUSR1}, [&](int signal) {
    got = signal;
    loop->stop();
  }));
  loop->post([] { ::kill(::getpid(), SIGUSR1); });
  loop->run();
  EXPECT_EQ(got, SIGUSR1);
}

}  // namespace
}  // namespace barrel::loop
