#include "barrel/term/big_int.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "barrel/base/random.hpp"

namespace barrel {
namespace {

constexpr std::int64_t int64_min = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t int64_max = std::numeric_limits<std::int64_t>::max();

BigInt random_big(Random& random) {
  Bytes magnitude(random.below(40));
  random.fill(magnitude);
  return {random.chance(500'000), std::move(magnitude)};
}

TEST(BigInt, ZeroIsNeverNegativeAndHasNoBytes) {
  EXPECT_EQ(BigInt(true, {0, 0}), BigInt(0));
  EXPECT_TRUE(BigInt(0).magnitude().empty());
  EXPECT_EQ(BigInt(0).to_string(), "0");
  EXPECT_EQ(BigInt::parse("-0"), BigInt(0));
}

TEST(BigInt, FitsInto64BitsExactlyUpToTheBorders) {
  EXPECT_EQ(BigInt(int64_min).to_int64(), int64_min);
  EXPECT_EQ(BigInt(int64_max).to_int64(), int64_max);
  EXPECT_FALSE(BigInt::parse("9223372036854775808")->to_int64());
  EXPECT_FALSE(BigInt::parse("-9223372036854775809")->to_int64());
  EXPECT_EQ(BigInt::parse("18446744073709551615")->to_uint64(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_FALSE(BigInt::parse("18446744073709551616")->to_uint64());
  EXPECT_FALSE(BigInt(-1).to_uint64());
}

TEST(BigInt, PrintsAndReadsDecimal) {
  Bytes power(9, 0);
  power.back() = 1;
  EXPECT_EQ(BigInt(false, power).to_string(), "18446744073709551616");
  EXPECT_EQ(BigInt(true, power).to_string(), "-18446744073709551616");
  EXPECT_EQ(BigInt::parse("1000000000000000000000000000000")->to_string(), "1000000000000000000000000000000");
  for (const char* bad : {"", "-", "+", "1a", "0x1", "1 ", "16#", "16#g", "--1"}) {
    EXPECT_FALSE(BigInt::parse(bad)) << bad;
  }
}

TEST(BigInt, IsHexadecimalWhereDecimalWouldTakeLong) {
  Bytes magnitude(BigInt::decimal_bytes_max, 0xff);
  EXPECT_EQ(BigInt(false, magnitude).to_string().size(), BigInt::digits_max);
  EXPECT_EQ(BigInt::parse(BigInt(true, magnitude).to_string()), BigInt(true, magnitude));
  magnitude.push_back(0x0a);
  const std::string text = BigInt(true, magnitude).to_string();
  EXPECT_EQ(text.substr(0, 8), "-16#afff");
  EXPECT_EQ(BigInt::parse(text), BigInt(true, magnitude));
  EXPECT_FALSE(BigInt::parse(std::string(BigInt::digits_max + 1, '1')));
}

TEST(BigInt, RoundsToTheNearestDouble) {
  EXPECT_EQ(BigInt::parse("9007199254740993")->to_double(), 9007199254740992.0);
  EXPECT_EQ(BigInt::parse("9007199254740995")->to_double(), 9007199254740996.0);
  EXPECT_EQ(BigInt::parse("-18446744073709551616")->to_double(), -18446744073709551616.0);
  // Just above the middle between two doubles, by a bit far below.
  Bytes magnitude(40, 0);
  magnitude[39] = 0x20;
  magnitude[33] = 0x01;
  EXPECT_EQ(BigInt(false, magnitude).to_double(), std::ldexp(1.0, 317));
  magnitude[0] = 1;
  EXPECT_EQ(BigInt(false, magnitude).to_double(), std::nextafter(std::ldexp(1.0, 317), INFINITY));
  EXPECT_FALSE(BigInt(false, Bytes(129, 1)).to_double());
  EXPECT_FALSE(BigInt(false, Bytes(128, 0xff)).to_double());
}

RC_GTEST_PROP(BigInt, ParseReadsBackWhatIsPrinted, (std::uint64_t seed)) {
  Random random(seed);
  const BigInt value = random_big(random);
  RC_ASSERT(BigInt::parse(value.to_string()) == value);
}

RC_GTEST_PROP(BigInt, OrderAgreesWithSmallIntegers, (std::int64_t a, std::int64_t b)) {
  RC_ASSERT((BigInt(a) <=> BigInt(b)) == (a <=> b));
  RC_ASSERT(BigInt(a).to_int64() == a);
  RC_ASSERT(BigInt(a).to_string() == std::to_string(a));
}

RC_GTEST_PROP(BigInt, TruncateIsExact, (std::uint64_t seed)) {
  Random random(seed);
  const double whole = std::trunc(std::ldexp(static_cast<double>(random.between(int64_min, int64_max)),
                                             static_cast<int>(random.between(-70, 300))));
  RC_ASSERT(BigInt::truncate(whole).to_double() == whole);
}

}  // namespace
}  // namespace barrel
