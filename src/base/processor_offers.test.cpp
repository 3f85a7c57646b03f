#include "base/processor_offers.hpp"

#include <gtest/gtest.h>

namespace barrel {
namespace {

using namespace std::chrono_literals;

class ProcessorOffersTest : public ::testing::Test {
 protected:
  class ManualClock final : public Clock {
   public:
    [[nodiscard]] Instant now() const override { return time; }
    [[nodiscard]] SystemTime system_now() const override { return {}; }
    Instant time{10s};
  };

  /// An offer that takes so long.
  void offer(Duration time) {
    EXPECT_EQ(offers.offer(clock, [&] { clock.time += time; }), clock.time);
  }

  ManualClock clock;
  Metrics metrics;
  ProcessorOffers offers{metrics.counter("dear")};
};

TEST_F(ProcessorOffersTest, AThreadSpinsWhileItsOffersAreCheap) {
  EXPECT_TRUE(offers.may_spin(clock.time));
  offer(200us);
  EXPECT_TRUE(offers.may_spin(clock.time));
  EXPECT_EQ(metrics.counter("dear").value(), 0U);
}

TEST_F(ProcessorOffersTest, AnOfferThatCostATimeSliceEndsTheSpinningForAWhile) {
  offer(1'400us);
  EXPECT_FALSE(offers.may_spin(clock.time));
  EXPECT_FALSE(offers.may_spin(clock.time + 40ms));
  EXPECT_TRUE(offers.may_spin(clock.time + 60ms));
  EXPECT_EQ(metrics.counter("dear").value(), 1U);
}

TEST_F(ProcessorOffersTest, SoDoOffersThatAreAllTaken) {
  for (int i = 0; i < 15; ++i) offer(10us);
  EXPECT_TRUE(offers.may_spin(clock.time));
  offer(10us);
  EXPECT_FALSE(offers.may_spin(clock.time));
  EXPECT_TRUE(offers.may_spin(clock.time + 60ms));
  EXPECT_EQ(metrics.counter("dear").value(), 1U);
}

TEST_F(ProcessorOffersTest, OneThatNobodyTakesShowsThatTheProcessorIsFree) {
  for (int i = 0; i < 100; ++i) offer(i % 10 == 0 ? 1us : 10us);
  EXPECT_TRUE(offers.may_spin(clock.time));
}

}  // namespace
}  // namespace barrel
