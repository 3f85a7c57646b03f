#include "node/stall_watch.hpp"

#include <gtest/gtest.h>

namespace barrel::node {
namespace {

using namespace std::chrono_literals;

TEST(StallWatch, WhoTakesNothingForAMinuteIsGivenUp) {
  StallWatch watch;
  EXPECT_FALSE(watch.look(true, 0, Instant(10s)));
  EXPECT_FALSE(watch.look(true, 100, Instant(69s)));
  EXPECT_TRUE(watch.look(true, 200, Instant(70s))) << "dripping does not count";
}

TEST(StallWatch, WhoIsSlowIsNot) {
  StallWatch watch;
  for (std::uint64_t second = 0; second < 1'000; second += 5) {
    EXPECT_FALSE(watch.look(true, 2'000 * second, Instant(std::chrono::seconds(second))));
  }
}

TEST(StallWatch, TheTimeBeginsAnewWhenNobodyWaitsOrTheConnectionIsANewOne) {
  StallWatch watch;
  EXPECT_FALSE(watch.look(true, 0, Instant(10s)));
  EXPECT_FALSE(watch.look(false, 0, Instant(40s)));
  EXPECT_FALSE(watch.look(true, 0, Instant(90s)));
  watch.restart();
  EXPECT_FALSE(watch.look(true, 0, Instant(160s)));
  EXPECT_FALSE(watch.look(true, 0, Instant(200s)));
  EXPECT_TRUE(watch.look(true, 0, Instant(220s)));
}

}  // namespace
}  // namespace barrel::node
