// Everything at once, on several threads: for the thread sanitizer, and for what only happens when things
// race.
#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "barrel/base/random.hpp"
#include "barrel/base/sanitizer.hpp"
#include "process/test_runtime.hpp"

namespace barrel {
namespace {

using test::TestRuntime;

constexpr int scale = BARREL_SANITIZED ? 1 : 5;

struct Number {
  static constexpr std::string_view tag = "number";
  std::int64_t sender = 0;
  std::int64_t value = 0;
};
struct Ask {
  static constexpr std::string_view tag = "ask";
  int number = 0;
  using Reply = int;
};
struct Done {
  static constexpr std::string_view tag = "done";
};

TEST(Stress, ManySendersKeepTheirOrderAndLoseNothing) {
  TestRuntime runtime(4);
  static constexpr int senders = 16;
  static constexpr int each = 2'000 * scale;
  const auto ok = runtime->run([](Self self) -> Task<bool> {
    for (int s = 0; s < senders; ++s) {
      self.spawn(
          [](Self other, Pid to, int me) -> Task<> {
            for (int i = 0; i < each; ++i) {
              other.send(to, Number{me, i});
              if (i % 64 == 0) co_await other.yield();
            }
          },
          self.pid(), s);
    }
    std::vector<std::int64_t> next(senders, 0);
    for (int i = 0; i < senders * each; ++i) {
      const Number number = co_await self.receive<Number>();
      if (number.value != next[static_cast<std::size_t>(number.sender)]++) co_return false;
    }
    co_return true;
  });
  ASSERT_TRUE(ok);
  EXPECT_TRUE(*ok);
}

Task<> short_life(Self self, Pid neighbour, std::uint64_t seed) {
  Random random(seed);
  self.trap_exits(random.chance(500'000));
  if (random.chance(500'000)) self.link(neighbour);
  const auto monitor = random.chance(500'000) ? self.monitor(neighbour) : Monitor();
  self.send(neighbour, Number{1, 2});
  const auto first = co_await self.receive<Number, Exit, Down>(std::chrono::microseconds(random.below(300)));
  if (std::holds_alternative<Timeout>(first)) self.unlink(neighbour);
  if (random.chance(200'000)) self.kill(neighbour);
  if (random.chance(200'000)) exit(Atom("tired"));
}

TEST(Stress, ProcessesThatLinkMonitorKillAndEndAllAtOnceFireEveryMonitorExactlyOnce) {
  TestRuntime runtime(4);
  static constexpr int rounds = 20 * scale;
  static constexpr int each = 100;
  const auto fired = runtime->run([](Self self) -> Task<int> {
    self.trap_exits(true);
    int downs = 0;
    Random random(7);
    for (int round = 0; round < rounds; ++round) {
      std::vector<Pid> pids;
      std::vector<Monitor> monitors;
      const Pid last = self.spawn([](Self other) -> Task<> {
        other.trap_exits(true);
        co_await other.receive<Done>();
      });
      Pid neighbour = last;
      for (int i = 0; i < each; ++i) {
        neighbour = self.spawn(short_life, neighbour, random.next());
        pids.push_back(neighbour);
        monitors.push_back(self.monitor(neighbour));
      }
      for (int i = 0; i < each; ++i) {
        (void)co_await self.receive<Down>();
        ++downs;
      }
      const auto more = co_await self.receive<Down>(0ms);
      if (!std::holds_alternative<Timeout>(more)) co_return -1;
      self.kill(last);
      while (!std::holds_alternative<Timeout>(co_await self.receive<Number, Exit>(0ms))) {}
    }
    co_return downs;
  });
  ASSERT_TRUE(fired);
  EXPECT_EQ(*fired, rounds * each);
  EXPECT_TRUE(runtime->stop(20s));
}

Task<> flaky_server(Self self, std::uint64_t seed) {
  Random random(seed);
  for (;;) {
    const Term message = co_await self.receive<Term>();
    if (!message.is_tagged("$gen_call", 3)) continue;
    if (random.chance(50'000)) exit(Atom("flaky"));
    if (random.chance(50'000)) continue;  // never answers
    const auto from = message.elements()[1].elements();
    self.send(*from[0].as_pid(), Term::tuple_of(from[1], message.elements()[2].elements()[1]));
  }
}

TEST(Stress, CallsToServersThatDieGiveTheRightReplyOrAnError) {
  TestRuntime runtime(4);
  std::latch done(8);
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    runtime->spawn(
        [](Self self, std::uint64_t first, std::latch* finished) -> Task<> {
          Pid server = self.spawn(flaky_server, first);
          for (int i = 0; i < 300 * scale; ++i) {
            const auto reply = co_await self.call(server, Ask{i}, 5ms);
            if (reply) {
              EXPECT_EQ(*reply, i);
            } else if (reply.error().code != Errc::timeout) {
              server = self.spawn(flaky_server, first * 1000 + static_cast<std::uint64_t>(i));
            }
          }
          self.kill(server);
          finished->count_down();
        },
        seed, &done);
  }
  done.wait();
  EXPECT_TRUE(runtime->stop(20s));
}

TEST(Stress, PlainThreadsSpawnSendCallAndExit) {
  TestRuntime runtime(3);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&runtime] {
      for (int i = 0; i < 200 * scale; ++i) {
        const Pid pid = runtime->spawn([](Self self) -> Task<> {
          const Number number = co_await self.receive<Number>();
          EXPECT_EQ(number.value, 3);
        });
        if (i % 3 == 0) runtime->exit(pid, kill());
        EXPECT_TRUE(runtime->send(pid, Number{1, 3}));
        if (i % 20 == 0) {
          EXPECT_TRUE(runtime->run([](Self) -> Task<int> { co_return 1; }));
        }
      }
    });
  }
  threads.clear();
  EXPECT_TRUE(runtime->stop(20s));
}

TEST(Stress, ANameIsHeldByOneAtATime) {
  TestRuntime runtime(4);
  std::atomic<int> holders = 0;
  std::latch done(8);
  for (int p = 0; p < 8; ++p) {
    runtime->spawn(
        [](Self self, std::atomic<int>* held, std::latch* finished) -> Task<> {
          for (int i = 0; i < 200 * scale; ++i) {
            if (self.register_name("the_one")) {
              EXPECT_EQ(held->fetch_add(1), 0);
              co_await self.yield();
              held->fetch_sub(1);
              EXPECT_TRUE(self.unregister_name("the_one"));
            }
            co_await self.yield();
          }
          finished->count_down();
        },
        &holders, &done);
  }
  done.wait();
}

TEST(Stress, TimersBlockingWorkAndTimeoutsRace) {
  TestRuntime runtime(4);
  const auto ok = runtime->run([](Self self) -> Task<bool> {
    for (int p = 0; p < 50; ++p) {
      self.spawn(
          [](Self other, Pid to) -> Task<> {
            for (int i = 0; i < 10; ++i) {
              const auto timer = other.send_after(100us, other.pid(), Done{});
              (void)co_await other.receive<Done>(std::chrono::microseconds(90 + i * 3));
              other.cancel(timer);
              co_await other.blocking([] { std::this_thread::yield(); });
            }
            other.send(to, Done{});
          },
          self.pid());
    }
    for (int p = 0; p < 50; ++p) co_await self.receive<Done>();
    co_return true;
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace barrel
