#include "loop/flood_gate.hpp"

#include <gtest/gtest.h>

namespace barrel::loop {
namespace {

using namespace std::chrono_literals;

class FloodGateTest : public testing::Test {
 protected:
  /// How many of `count` pieces, one each `interval`, are followed by such a rest.
  int rests_after(int count, std::size_t bytes, Duration interval = 10us, Duration rest = FloodGate::rest) {
    int rests = 0;
    for (int i = 0; i < count; ++i) {
      rests += gate.rest_after(bytes, true, now) == rest ? 1 : 0;
      now += interval;
    }
    return rests;
  }
  int bulk_rests_after(int count, std::size_t bytes, Duration interval = 10us) {
    return rests_after(count, bytes, interval, FloodGate::bulk_rest);
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

TEST_F(FloodGateTest, ManyLargePiecesAtOnceAreBulk) {
  EXPECT_EQ(bulk_rests_after(7, 20'000), 0);
  EXPECT_GT(bulk_rests_after(100, 20'000), 0);
  EXPECT_EQ(rests_after(1'000, 20'000), 0) << "no small pieces";
}

TEST_F(FloodGateTest, BulkGoesOnAsLongAsGulpsAreWorthIt) {
  bulk_rests_after(8, 65'000);
  EXPECT_EQ(bulk_rests_after(100, 400'000, FloodGate::bulk_rest), 100);
  EXPECT_EQ(bulk_rests_after(1, 10'000, FloodGate::bulk_rest), 0) << "the end of it";
  EXPECT_EQ(bulk_rests_after(7, 65'000), 0) << "it is over";
}

TEST_F(FloodGateTest, WhatComesNowAndThenAfterwardsIsReadAtOnce) {
  bulk_rests_after(8, 65'000);
  now += 100ms;
  EXPECT_EQ(bulk_rests_after(100, 65'000, 100ms), 0);
  rests_after(32, 90);
  now += 100ms;
  EXPECT_EQ(rests_after(100, 5'000, 100ms), 0);
}

TEST_F(FloodGateTest, AGulpEndsWhenThereIsNoMore) {
  EXPECT_EQ(gate.rest_after(65'000, false, now), Duration::zero());
  EXPECT_EQ(gate.rest_after(0, true, now), Duration::zero());
  EXPECT_EQ(bulk_rests_after(6, 65'000), 0);
  EXPECT_EQ(bulk_rests_after(10, 90), 0) << "no large pieces";
}

TEST_F(FloodGateTest, ReadsUntilThereIsNoMoreAreOneGulp) {
  bulk_rests_after(8, 65'000);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(gate.rest_after(20'000, false, now), Duration::zero());
  EXPECT_EQ(gate.rest_after(1'000, true, now), FloodGate::bulk_rest);
}

TEST_F(FloodGateTest, LargePiecesNowAndThenAreNoBulk) {
  EXPECT_EQ(bulk_rests_after(1'000, 65'000, 300us), 0);
}

TEST_F(FloodGateTest, PiecesNowAndThenAreNoFlood) {
  EXPECT_EQ(rests_after(1'000, 90, 100us), 0);
}

TEST_F(FloodGateTest, AConversationIsNoFlood) {
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(gate.rest_after(90, true, now), Duration::zero());
    gate.answered();
    EXPECT_EQ(gate.rest_after(70'000, true, now), Duration::zero());
    gate.answered();
  }
}

TEST_F(FloodGateTest, AnAnswerEndsAFlood) {
  rests_after(32, 90);
  EXPECT_EQ(rests_after(1, 2'000), 1);
  gate.answered();
  EXPECT_EQ(rests_after(1, 2'000), 0);
  bulk_rests_after(8, 65'000);
  gate.answered();
  EXPECT_EQ(bulk_rests_after(1, 65'000), 0);
}

}  // namespace
}  // namespace barrel::loop
