#include "base/processor_offers.hpp"

#include <gtest/gtest.h>

namespace barrel {
namespace {

using namespace std::chrono_literals;

TEST(ProcessorOffers, AThreadSpinsWhileItsOffersAreCheap) {
  ProcessorOffers offers;
  const Instant now{10s};
  EXPECT_TRUE(offers.may_spin(now));
  offers.took(200us, now);
  EXPECT_TRUE(offers.may_spin(now));
}

TEST(ProcessorOffers, AnOfferThatCostATimeSliceEndsTheSpinningForAWhile) {
  ProcessorOffers offers;
  const Instant now{10s};
  offers.took(1'400us, now);
  EXPECT_FALSE(offers.may_spin(now));
  EXPECT_FALSE(offers.may_spin(now + 40ms));
  EXPECT_TRUE(offers.may_spin(now + 60ms));
}

}  // namespace
}  // namespace barrel
