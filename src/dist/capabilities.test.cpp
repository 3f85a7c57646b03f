#include "dist/capabilities.hpp"

#include <gtest/gtest.h>

#include "barrel/base/random.hpp"
#include "barrel/term/etf.hpp"

namespace barrel::dist {
namespace {

Result<Capabilities> decode(std::vector<Term::MapEntry> entries) {
  return decode_capabilities(encode_etf(Term::map(std::move(entries))));
}

TEST(Capabilities, AreReadBack) {
  Capabilities sent;
  sent.implementation = "barrel 0.1.0";
  sent.frame_bytes_max = std::uint64_t{1} << 33;
  sent.features = {"liveness", "merged_sync"};
  const auto read = decode_capabilities(encode_capabilities(sent));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(*read, sent);
  EXPECT_TRUE(read->has("liveness"));
  EXPECT_FALSE(read->has("warp"));
}

TEST(Capabilities, UnknownKeysAndFeaturesAreIgnoredAndAbsentOnesHaveDefaults) {
  const Term features = Term::list({Atom("merged_sync"), 42, Atom("from_the_future")});
  const auto read =
      decode({{Atom("version"), 7}, {Atom("colour"), "blue"}, {17, 4}, {Atom("features"), features}});
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->version, 7U);
  EXPECT_EQ(read->frame_bytes_max, Capabilities{}.frame_bytes_max);
  EXPECT_TRUE(read->has("merged_sync"));
  EXPECT_TRUE(read->has("from_the_future"));
}

TEST(Capabilities, WhatIsNoCapabilityMapIsRefused) {
  EXPECT_FALSE(decode_capabilities(encode_etf(Term(Atom("version")))));
  EXPECT_FALSE(decode_capabilities({}));
  EXPECT_FALSE(decode({}));
  EXPECT_FALSE(decode({{Atom("version"), 0}}));
  EXPECT_FALSE(decode({{Atom("version"), 1}, {Atom("frame_bytes_max"), 10}}));
  EXPECT_FALSE(decode({{Atom("version"), 1}, {Atom("implementation"), "esc\x1b[31m"}}));
  EXPECT_FALSE(decode({{Atom("version"), 1}, {Atom("features"), Atom("all")}}));
}

TEST(Capabilities, AreBounded) {
  const auto read = decode({{Atom("version"), 1}, {Atom("x"), std::string(Capabilities::bytes_max, 'x')}});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::limit_exceeded);

  std::vector<Term> many;
  for (std::size_t i = 0; i < 2 * Capabilities::features_max; ++i) {
    many.emplace_back(Atom(std::string_view("f" + std::to_string(i))));
  }
  const auto bounded = decode({{Atom("version"), 1}, {Atom("features"), Term::list(std::move(many))}});
  ASSERT_TRUE(bounded);
  EXPECT_EQ(bounded->features.size(), Capabilities::features_max);
  EXPECT_EQ(bounded->features_left_out, Capabilities::features_max);
}

TEST(Capabilities, MutatedBytesAreReadOrRefusedButNeverCrash) {
  Capabilities sent;
  sent.implementation = "barrel 0.1.0";
  sent.features = {"liveness", "merged_sync"};
  const Bytes good = encode_capabilities(sent);
  Random random(5);
  for (int round = 0; round < 5000; ++round) {
    Bytes bytes = good;
    bytes[random.below(bytes.size())] = static_cast<std::uint8_t>(random.next());
    bytes.resize(random.below(bytes.size() + 1));
    (void)decode_capabilities(bytes);
  }
}

}  // namespace
}  // namespace barrel::dist
