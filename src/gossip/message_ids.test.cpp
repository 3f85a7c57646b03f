#include "gossip/message_ids.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "barrel/base/bytes.hpp"

namespace barrel {
namespace {

TEST(MessageIds, NoneComesTwiceAndTheSeedDecides) {
  MessageIds ids{Random(7)};
  MessageIds same{Random(7)};
  MessageIds other{Random(8)};
  std::set<plumtree::MessageId> seen;
  for (int i = 0; i < 1'000; ++i) {
    const auto id = ids.next();
    EXPECT_EQ(id.size(), plumtree::id_bytes);
    EXPECT_TRUE(seen.insert(id).second);
    EXPECT_EQ(id, same.next());
    EXPECT_NE(id, other.next());
  }
}

/// Outputs of the generator that makes decisions show its state, and with it all that follows.
TEST(MessageIds, TheyShowNothingOfTheGenerator) {
  Random generator(7);
  Bytes outputs(4'096);
  generator.fill(outputs);
  MessageIds ids{Random(7)};
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(as_text(outputs).find(ids.next().substr(0, 8)), std::string_view::npos);
  }
}

}  // namespace
}  // namespace barrel
