#include "carrier/silence.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace barrel::carrier {
namespace {

using namespace std::chrono_literals;

Instant at(Duration since_start) {
  return Instant(100s) + since_start;
}

/// Steps other than none until `end`, looked at exactly when asked for, with the peer last heard at `heard`.
struct Seen {
  Duration when;
  Silence::Step step;
  friend bool operator==(const Seen&, const Seen&) = default;
};
std::vector<Seen> watch(Silence& silence, Instant heard, Instant end) {
  std::vector<Seen> seen;
  while (silence.next() <= end) {
    const Instant now = silence.next();
    const Silence::Step step = silence.look(heard, now);
    if (step != Silence::Step::none) seen.push_back({now - at(0s), step});
    if (step == Silence::Step::down) break;
  }
  return seen;
}

TEST(Silence, ProbesAfterOneSecondSuspectsAfterThreeAndGivesUpAfterFive) {
  Silence silence({}, at(0s));
  const auto seen = watch(silence, at(0s), at(60s));
  ASSERT_GE(seen.size(), 4U);
  EXPECT_EQ(seen[0], (Seen{1s, Silence::Step::probe}));
  EXPECT_EQ(seen[1], (Seen{2s, Silence::Step::probe}));
  EXPECT_EQ(seen[2], (Seen{3s, Silence::Step::suspect}));
  EXPECT_EQ(seen.back(), (Seen{5s, Silence::Step::down}));
}

TEST(Silence, AnyPacketCountsAsLife) {
  Silence silence({}, at(0s));
  for (int second = 0; second < 100; ++second) {
    const Instant now = std::max(silence.next(), at(std::chrono::seconds(second)));
    const auto step = silence.look(now - 200ms, now);
    EXPECT_TRUE(step == Silence::Step::none || step == Silence::Step::probe);
  }
}

TEST(Silence, ASuspectThatSpeaksIsAliveSoonAfterwards) {
  Silence silence({}, at(0s));
  (void)watch(silence, at(0s), at(3500ms));
  ASSERT_TRUE(silence.suspected());
  const auto seen = watch(silence, at(3400ms), at(4s));
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen[0].step, Silence::Step::alive);
  EXPECT_LE(seen[0].when, 3700ms);
  EXPECT_FALSE(silence.suspected());
}

TEST(Silence, TimeInWhichWeDidNotRunIsNotThePeersSilence) {
  Silence silence({}, at(0s));
  EXPECT_EQ(silence.look(at(0s), at(1s)), Silence::Step::probe);
  // Stopped for a minute, while the peer's packets pile up unread.
  const auto step = silence.look(at(0s), at(61s));
  EXPECT_TRUE(step == Silence::Step::none || step == Silence::Step::probe);
  EXPECT_FALSE(silence.suspected());
  // A peer that is gone is still noticed.
  const auto seen = watch(silence, at(0s), at(120s));
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().step, Silence::Step::down);
  EXPECT_LE(seen.back().when, 66s);
}

}  // namespace
}  // namespace barrel::carrier
