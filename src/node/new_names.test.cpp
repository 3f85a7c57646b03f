#include "node/new_names.hpp"

#include <gtest/gtest.h>

namespace barrel::node {
namespace {

using namespace std::chrono_literals;

TEST(NewNames, SomeInASecondAndSomeInAll) {
  NewNames names({.names_max = 25, .per_second = 10});
  const auto taken_at = [&](Duration second) {
    int taken = 0;
    for (int i = 0; i < 100; ++i) taken += names.take(Instant(second)) ? 1 : 0;
    return taken;
  };
  EXPECT_EQ(taken_at(1s), 10);
  EXPECT_EQ(taken_at(1s), 0);
  EXPECT_EQ(taken_at(2s), 10);
  EXPECT_EQ(taken_at(10s), 5);
  EXPECT_EQ(taken_at(1'000s), 0);
}

}  // namespace
}  // namespace barrel::node
