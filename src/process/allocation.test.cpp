// Counts what a local send allocates. The sanitizers bring their own operator new, and every pool block is
// one there.
#include <gtest/gtest.h>

#include <string>

#include "base/test_allocations.hpp"
#include "process/test_runtime.hpp"

#if !BARREL_SANITIZED

namespace barrel {
namespace {

using test::allocated_bytes;
using test::allocations;
using test::TestRuntime;

struct Chat {
  static constexpr std::string_view tag = "chat";
  Atom room;
  NodeName from;
  std::string text;
  SystemTime at;
};
struct Add {
  static constexpr std::string_view tag = "add";
  int amount = 0;
  using Reply = int;
};

TEST(Allocation, ATypedLocalSendAllocatesAtMostOnce) {
  TestRuntime runtime(RuntimeConfig::deterministic);
  const auto most = runtime.run([](Self self) -> Task<std::uint64_t> {
    std::uint64_t worst = 0;
    for (int i = 0; i < 1'000; ++i) {
      Chat chat{"general", self.runtime().node_name(), std::string(100, 'x'), self.now()};
      const std::uint64_t before = allocations;
      self.send(self.pid(), std::move(chat));
      worst = std::max(worst, allocations - before);
      if (i % 100 < 50) continue;  // sometimes many wait, sometimes none
      while (!std::holds_alternative<Timeout>(co_await self.receive<Chat>(0ms))) {}
    }
    co_return worst;
  });
  ASSERT_TRUE(most);
  EXPECT_LE(*most, 1U);
}

TEST(Allocation, InSteadyStateSendsCallsAndSpawnsReachNoAllocator) {
  TestRuntime runtime(RuntimeConfig::deterministic);
  const auto count = runtime.run([](Self self) -> Task<std::uint64_t> {
    const auto round = [](Self me) -> Task<> {
      for (int i = 0; i < 100; ++i) {
        const Pid pid = me.spawn(
            [](Self other, Pid to) -> Task<> {
              other.send(to, Add{1});
              co_return;
            },
            me.pid());
        (void)pid;
        (void)co_await me.receive<Add>();
      }
    };
    co_await round(self);
    const std::uint64_t before = allocations;
    co_await round(self);
    co_return allocations - before;
  });
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, 0U);
}

TEST(Allocation, AProcessThatWaitsInReceiveTakesLessThanHalfAKilobyte) {
  TestRuntime runtime(RuntimeConfig::deterministic);
  constexpr std::uint64_t processes = 10'000;
  const std::uint64_t before = allocated_bytes;
  for (std::uint64_t i = 0; i < processes; ++i) {
    runtime->spawn(
        [](Self self, Pid parent) -> Task<> {
          const auto message = co_await self.receive<Add, Chat>();
          if (std::holds_alternative<Add>(message)) self.send(parent, Add{1});
        },
        Pid{});
  }
  runtime->run_until_idle();
  EXPECT_LE((allocated_bytes - before) / processes, 512U);
}

}  // namespace
}  // namespace barrel

#endif
