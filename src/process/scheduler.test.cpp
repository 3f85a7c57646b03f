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
  SlowClock clock;
  Metrics metrics;
  Counter& dear = metrics.counter("process.dear_offers");
  Runtime runtime(test::TestRuntime::with(1), clock, Log(), metrics);
  const auto give_up = test::real_clock().now() + 10s;
  while (dear.value() == 0 && test::real_clock().now() < give_up) std::this_thread::yield();
  EXPECT_GE(dear.value(), 1U);
  // Each of them leaves the thread without work.
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(runtime.run(+[](Self) -> Task<> { co_return; }));
  const auto offers = dear.value();
  EXPECT_LE(offers, static_cast<std::uint64_t>(clock.now().time_since_epoch() / Duration(50ms)) + 1);
}

}  // namespace
}  // namespace barrel
