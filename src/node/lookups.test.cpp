#include "node/lookups.hpp"

#include <gtest/gtest.h>

#include <string>

#include "process/test_runtime.hpp"

namespace barrel::node {
namespace {

/// The processes of the lookups do not run: each of them keeps its place.
class LookupsTest : public testing::Test {
 protected:
  /// How many of `count` lookups from `asker` are passed on.
  int passed_on(NodeName asker, int count) {
    RouteQuery query;
    query.name = Atom("nobody");
    query.origin = "origin@h";
    query.caller = Pid{NodeName("caller@h").atom(), 1, 0, 4};
    query.ref = Term(1);
    int passed = 0;
    for (int i = 0; i < count; ++i) passed += lookups_.pass_on(asker, query) ? 1 : 0;
    return passed;
  }

  test::TestRuntime node_{RuntimeConfig::deterministic};
  Metrics metrics_;
  Lookups lookups_{*node_, metrics_};
};

TEST_F(LookupsTest, OneAskerTakesOnlyItsShareOfThePlaces) {
  EXPECT_EQ(passed_on("m@h", 300), 64) << "whomever it names as caller and origin";
  EXPECT_EQ(metrics_.counter("overlay.lookups_of_one_asker_full").value(), 236U);
  EXPECT_EQ(passed_on("b@h", 1), 1);
}

TEST_F(LookupsTest, AllTogetherTakeNotMoreThanTheirPlaces) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(passed_on(("n" + std::to_string(i) + "@h").c_str(), 64), 64);
  EXPECT_EQ(passed_on("last@h", 1), 0);
  EXPECT_EQ(metrics_.counter("barrel_p2p.router.request_dropped").value(), 1U);
}

}  // namespace
}  // namespace barrel::node
