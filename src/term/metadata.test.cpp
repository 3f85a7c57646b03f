#include "barrel/term/metadata.hpp"

#include <gtest/gtest.h>

namespace barrel {
namespace {

Metadata passed(Metadata metadata) {
  return metadata;
}

TEST(Metadata, IsWrittenAsALiteral) {
  const SystemTime now(std::chrono::microseconds(5));
  const Metadata metadata = passed({{"created", now}, {"load", 3}, {"zone", Atom("eu")}, {"note", "text"}});
  EXPECT_EQ(to_string(metadata.to_term()), "#{created => {0,0,5},load => 3,note => <<\"text\">>,zone => eu}");
  EXPECT_EQ(metadata.get<SystemTime>("created"), now);
  EXPECT_EQ(metadata.get<int>("load"), 3);
  EXPECT_EQ(metadata.get<int>("zone"), std::nullopt);
  EXPECT_EQ(passed({{"one", "a"}}).get<std::string>("one"), "a");
  EXPECT_EQ(
      passed({{"one", std::string("a")}, {"two", std::vector<int>{1, 300}}}).get<std::vector<int>>("two"),
      (std::vector<int>{1, 300}));
}

TEST(Metadata, IsEmptyByDefault) {
  EXPECT_EQ(Metadata(), passed({}));
  EXPECT_EQ(to_string(Metadata().term()), "#{}");
}

TEST(Metadata, ComesFromAnyMap) {
  EXPECT_EQ(from_term<Metadata>(Term::map({{Atom("load"), 3}}))->get<int>("load"), 3);
  EXPECT_FALSE(from_term<Metadata>(Term()));
  static_assert(Mapped<Metadata>);
}

}  // namespace
}  // namespace barrel
