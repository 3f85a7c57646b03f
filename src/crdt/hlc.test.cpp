#include "crdt/hlc.hpp"

#include <gtest/gtest.h>

#include "barrel/base/random.hpp"

namespace barrel {
namespace {

TEST(HybridClock, counts_up_while_the_wall_clock_stands_or_goes_back) {
  HybridClock clock;
  EXPECT_EQ(clock.now(1000), (Timestamp{1000, 0}));
  EXPECT_EQ(clock.now(1000), (Timestamp{1000, 1}));
  EXPECT_EQ(clock.now(900), (Timestamp{1000, 2}));
  EXPECT_EQ(clock.now(1001), (Timestamp{1001, 0}));
}

TEST(HybridClock, takes_over_what_is_ahead_by_the_rules_of_the_original) {
  HybridClock clock;
  (void)clock.now(1000);
  clock.update({2000, 7}, 1000);  // the remote wall is ahead
  EXPECT_EQ(clock.last(), (Timestamp{2000, 8}));
  clock.update({1500, 90}, 1000);  // ours is ahead
  EXPECT_EQ(clock.last(), (Timestamp{2000, 9}));
  clock.update({2000, 20}, 1000);  // equal walls
  EXPECT_EQ(clock.last(), (Timestamp{2000, 21}));
  clock.update({2000, 99}, 3000);  // physical time is ahead of both
  EXPECT_EQ(clock.last(), (Timestamp{3000, 0}));
}

TEST(HybridClock, is_always_after_everything_it_saw) {
  Random random(5);
  HybridClock clock;
  Timestamp before = clock.now(500);
  for (int i = 0; i < 10'000; ++i) {
    const auto wall = random.between(0, 1000);
    const Timestamp remote{random.between(0, 1000),
                           random.chance(10'000) ? Timestamp::logical_max : random.between(0, 50)};
    if (random.chance(500'000)) clock.update(remote, wall);
    const Timestamp now = clock.now(wall);
    ASSERT_GT(now, before);
    ASSERT_LE(now.logical, Timestamp::logical_max);
    before = now;
  }
}

TEST(Timestamp, reads_only_what_every_peer_can_carry) {
  const Atom tag("timestamp");
  const Timestamp stamp{1795356350479, 1};
  EXPECT_EQ(timestamp_from_term(to_term(stamp)).value_or(Timestamp{}), stamp);
  EXPECT_FALSE(timestamp_from_term(Term::tuple_of(tag, 1.5, 0)));
  EXPECT_FALSE(timestamp_from_term(Term::tuple_of(tag, -1, 0)));
  EXPECT_FALSE(timestamp_from_term(Term::tuple_of(tag, 1, -1)));
  EXPECT_FALSE(timestamp_from_term(Term::tuple_of(tag, 1, Timestamp::logical_max + 1)));
  EXPECT_FALSE(timestamp_from_term(Term::tuple_of(tag, 1)));
  EXPECT_FALSE(timestamp_from_term(Term(7)));
}

}  // namespace
}  // namespace barrel
