#include "barrel/process/task.hpp"

#include <memory>
#include <stdexcept>

#include "process/test_runtime.hpp"

namespace barrel {
namespace {

using test::EveryScheduler;
class TaskTest : public EveryScheduler {};
BARREL_ON_EVERY_SCHEDULER(TaskTest);

struct Go {
  static constexpr std::string_view tag = "go";
};

Task<int> twice(int n) {
  co_return 2 * n;
}
Task<int> fails(Self) {
  throw std::runtime_error("no luck");
  co_return 0;
}

TEST_P(TaskTest, GivesItsValueToWhoAwaitsIt) {
  const auto value =
      runtime_.run([](Self) -> Task<int> { co_return co_await twice(co_await twice(10)) + 1; });
  ASSERT_TRUE(value);
  EXPECT_EQ(*value, 41);
}

TEST_P(TaskTest, AnExceptionOfAnAwaitedTaskIsCaughtByWhoAwaitsIt) {
  const auto text = runtime_.run([](Self self) -> Task<std::string> {
    try {
      co_await fails(self);
    } catch (const std::runtime_error& error) {
      co_return error.what();
    }
    co_return "nothing";
  });
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "no luck");
}

TEST_P(TaskTest, AMillionTasksThatNeverWaitDoNotGrowTheStack) {
  const auto sum = runtime_.run([](Self) -> Task<std::int64_t> {
    std::int64_t total = 0;
    for (int i = 0; i < 1'000'000; ++i) total += co_await twice(1);
    co_return total;
  });
  ASSERT_TRUE(sum);
  EXPECT_EQ(*sum, 2'000'000);
}

Task<std::int64_t> wait_deep(Self self, int depth) {
  if (depth == 0) {
    co_await self.receive<Go>();
    co_return 0;
  }
  co_return 1 + co_await wait_deep(self, depth - 1);
}

TEST_P(TaskTest, TasksWithinTasksWaitAndGoOn) {
  const auto depth = runtime_.run([](Self self) -> Task<std::int64_t> {
    self.send(self.pid(), Go{});
    co_return co_await wait_deep(self, 200);
  });
  ASSERT_TRUE(depth);
  EXPECT_EQ(*depth, 200);
}

/// Tells, in its destructor, the process that watches.
class Witness {
 public:
  Witness(Self self, Pid to) : self_(self), to_(to) {}
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { self_.send(to_, Go{}); }

 private:
  Self self_;
  Pid to_;
};

Task<> hold(Self self, Pid to) {
  const Witness witness(self, to);
  co_await self.receive<Exit>();
}

TEST_P(TaskTest, KillingAWaitingProcessRunsTheDestructorsOfAllItsFrames) {
  const auto done = runtime_.run([](Self self) -> Task<int> {
    const Pid pid = self.spawn(
        [](Self inner, Pid to) -> Task<> {
          const Witness outer(inner, to);
          co_await hold(inner, to);
        },
        self.pid());
    co_await self.yield();
    self.send(pid, Go{});
    co_await self.receive<Go>(50ms);  // nothing yet: it waits for something else
    self.kill(pid);
    co_await self.receive<Go>();
    co_await self.receive<Go>();
    co_return 2;
  });
  ASSERT_TRUE(done);
  EXPECT_EQ(*done, 2);
}

TEST_P(TaskTest, AProcessKilledBeforeItsFirstStepNeverRuns) {
  const auto ran = runtime_.run([](Self self) -> Task<bool> {
    auto flag = std::make_shared<std::atomic<bool>>(false);
    for (int i = 0; i < 100; ++i) {
      const Pid pid = self.spawn(
          [](Self, std::shared_ptr<std::atomic<bool>> shared) -> Task<> {
            shared->store(true);
            co_return;
          },
          flag);
      self.kill(pid);
      const auto monitor = self.monitor(pid);
      const Down down = co_await self.receive<Down>();
      EXPECT_TRUE(down.reason.is_atom("noproc") || down.reason.is_atom("killed") ||
                  down.reason.is_atom("normal"));
    }
    co_return flag->load();
  });
  ASSERT_TRUE(ran);
  const bool is_deterministic = GetParam() == RuntimeConfig::deterministic;
  EXPECT_FALSE(is_deterministic && *ran);
}

}  // namespace
}  // namespace barrel
