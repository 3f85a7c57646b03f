#include "carrier/message_sizes.hpp"

#include <gtest/gtest.h>

namespace barrel::carrier {
namespace {

/// How often it says large while so many messages of a size come.
int large_after(MessageSizes& sizes, int count, std::size_t bytes) {
  int large = 0;
  for (int i = 0; i < count; ++i) {
    sizes.add(bytes);
    large += sizes.are_large() ? 1 : 0;
  }
  return large;
}

TEST(MessageSizes, SmallOnesNeverAreLarge) {
  MessageSizes sizes;
  EXPECT_EQ(large_after(sizes, 200'000, 100), 0);
}

TEST(MessageSizes, LargeOnesAreAfterFourMebibytes) {
  MessageSizes sizes;
  EXPECT_EQ(large_after(sizes, 63, 65'536), 0);
  EXPECT_EQ(large_after(sizes, 1, 65'536), 1);
  EXPECT_EQ(large_after(sizes, 63, 65'536), 0) << "the next four begin";
}

TEST(MessageSizes, ALargeOneAmongManySmallOnesCountsForLittle) {
  MessageSizes sizes;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(large_after(sizes, 20'000, 100), 0);
    EXPECT_EQ(large_after(sizes, 1, std::size_t{1} << 20), 0);
  }
}

}  // namespace
}  // namespace barrel::carrier
