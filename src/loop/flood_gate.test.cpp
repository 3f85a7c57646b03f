#include "loop/flood_gate.hpp"

#include <gtest/gtest.h>

namespace barrel::loop {
namespace {

using namespace std::chrono_literals;

class FloodGateTest : public testing::Test {
 protected:
  /// How many of `count` pieces, one each `interval`, are followed by a rest.
  int rests_after(int count, std::size_t bytes, Duration interval = 10us) {
    int rests = 0;
    for (int i = 0; i < count; ++i) {
      rests += gate.is_flood(bytes, now) ? 1 : 0;
      now += interval;
    }
    return rests;
  }

  FloodGate gate;
  Instant now{};
};

TEST_F(FloodGateTest, ManySmallPiecesAtOnceAreAFlood) {
  EXPECT_EQ(rests_after(20, 90), 0);
  EXPECT_GT(rests_after(100, 90), 0);
}

TEST_F(FloodGateTest, ItGoesOnAsLongAsGulpsAreWorthIt) {
  rests_after(31, 90);
  EXPECT_EQ(rests_after(1, 90), 1);
  EXPECT_EQ(rests_after(100, 60'000, FloodGate::rest), 100);
  EXPECT_EQ(rests_after(1, 90, FloodGate::rest), 0);
  EXPECT_EQ(rests_after(20, 90, FloodGate::rest), 0) << "it is over";
}

TEST_F(FloodGateTest, MoreThanAGulpIsReadAtOnce) {
  rests_after(32, 90);
  EXPECT_EQ(rests_after(10, 250'000), 0);
}

TEST_F(FloodGateTest, LargePiecesAreNoFlood) {
  EXPECT_EQ(rests_after(1'000, 20'000), 0);
}

TEST_F(FloodGateTest, PiecesNowAndThenAreNoFlood) {
  EXPECT_EQ(rests_after(1'000, 90, 100us), 0);
}

TEST_F(FloodGateTest, AConversationIsNoFlood) {
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_FALSE(gate.is_flood(90, now));
    gate.answered();
  }
}

TEST_F(FloodGateTest, AnAnswerEndsAFlood) {
  rests_after(32, 90);
  EXPECT_EQ(rests_after(1, 2'000), 1);
  gate.answered();
  EXPECT_EQ(rests_after(1, 2'000), 0);
}

}  // namespace
}  // namespace barrel::loop
