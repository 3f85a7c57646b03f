#include "barrel/base/keyed_hash.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace barrel::detail {
namespace {

TEST(KeyedHash, EqualBytesHashAlikeAndOthersDoNot) {
  std::set<std::uint64_t> hashes;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = "name" + std::to_string(i);
    EXPECT_EQ(keyed_hash(text), keyed_hash(std::string(text)));
    hashes.insert(keyed_hash(text));
  }
  for (std::size_t zeros = 0; zeros < 20; ++zeros) hashes.insert(keyed_hash(std::string(zeros, '\0')));
  EXPECT_EQ(hashes.size(), 20'020U);
}

TEST(KeyedHash, NoKeyIsLikeAnother) {
  // Texts whose hashes agree in the low bits under one key do not under another.
  const HashKey& ours = hash_key();
  const HashKey other{ours.start + 0x123456789abcdef1U, ours.factor ^ 0xfedcba9876543210U};
  constexpr std::uint64_t mask = 0xff;
  std::vector<std::uint64_t> colliding;
  for (std::uint64_t value = 0; colliding.size() < 200; ++value) {
    if ((keyed_mix(ours, ours.start, value) & mask) == 0) colliding.push_back(value);
  }
  const auto still = std::ranges::count_if(
      colliding, [&](std::uint64_t value) { return (keyed_mix(other, other.start, value) & mask) == 0; });
  EXPECT_LT(still, 20) << "of 200, of which chance leaves one";
}

}  // namespace
}  // namespace barrel::detail
