#include "base/spin_permit.hpp"

#include <gtest/gtest.h>

namespace barrel {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{1h};

TEST(SpinPermit, ShortOffersCostNothing) {
  SpinPermit permit;
  permit.offered(start, start + 300us);
  EXPECT_TRUE(permit.allowed(start + 300us));
}

TEST(SpinPermit, AfterALostTurnThereIsAPause) {
  SpinPermit permit;
  const Instant lost = start + 3ms;
  permit.offered(start, lost);
  EXPECT_FALSE(permit.allowed(lost));
  EXPECT_FALSE(permit.allowed(lost + SpinPermit::pause_min - 1ns));
  EXPECT_TRUE(permit.allowed(lost + SpinPermit::pause_min));
}

TEST(SpinPermit, PausesGrowWhileTheMachineStaysBusy) {
  SpinPermit permit;
  Instant now = start;
  int lost = 0;
  for (; now < start + 20s; now += 1ms) {
    if (!permit.allowed(now)) continue;
    permit.offered(now, now + 3ms);
    ++lost;
  }
  EXPECT_LT(lost, 30) << "some at first, then one a second";
  permit.offered(now, now + 3ms);
  EXPECT_FALSE(permit.allowed(now + 3ms + SpinPermit::pause_max - 1ns));
  EXPECT_TRUE(permit.allowed(now + 3ms + SpinPermit::pause_max));
}

TEST(SpinPermit, AQuietTimeIsForgotten) {
  SpinPermit permit;
  Instant now = start;
  for (int i = 0; i < 10; ++i, now += 1s) permit.offered(now, now + 3ms);
  now += 1min;
  permit.offered(now, now + 3ms);
  EXPECT_TRUE(permit.allowed(now + 3ms + SpinPermit::pause_min));
}

}  // namespace
}  // namespace barrel
