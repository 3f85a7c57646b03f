// Two nodes that dial each other at the same moment.

#include <barrier>

#include "test_nodes.hpp"

namespace barrel::test {
namespace {

struct Hello {
  static constexpr std::string_view tag = "hello";
  int round = 0;
};

/// Counts the hellos of a round until none came for a while.
Task<int> count_hellos(Self self, int round) {
  auto registered = self.register_name("greeter");
  if (!registered) exit(registered.error().reason);
  int count = 0;
  for (;;) {
    auto message = co_await self.receive<Hello>(count == 0 ? Duration(10s) : Duration(30ms));
    if (std::holds_alternative<Timeout>(message)) co_return count;
    if (std::get<Hello>(message).round == round) ++count;
  }
}

class Crossing : public TestNodes {
 protected:
  static std::uint64_t crossings(const Node& node) {
    const auto metrics = node.metrics();
    const auto found = metrics.find("node.crossing_dials");
    return found == metrics.end() ? 0 : found->second;
  }
};

TEST_F(Crossing, OneConnectionRemainsAndTheFirstMessagesArriveOnce) {
  constexpr int rounds = 100;
  int crossed = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto a = start("a");
    const auto b = start("b");
    ASSERT_TRUE(a && b);
    int at_a = 0;
    int at_b = 0;
    std::barrier gate(2);
    const auto play = [&](Node& mine, const Node& other, int& got) {
      std::thread counter([&] { got = mine.run(&count_hellos, round).value_or(-1); });
      EXPECT_TRUE(eventually([&] { return mine.runtime().whereis("greeter").has_value(); }));
      gate.arrive_and_wait();
      EXPECT_TRUE(mine.send(NodeLocalName{"greeter", other.name()}, Hello{round}));
      counter.join();
    };
    std::thread from_b([&] { play(*b, *a, at_b); });
    play(*a, *b, at_a);
    from_b.join();
    ASSERT_EQ(at_a, 1) << "round " << round;
    ASSERT_EQ(at_b, 1) << "round " << round;
    ASSERT_EQ(a->peers().size(), 1U);
    ASSERT_EQ(b->peers().size(), 1U);
    EXPECT_NE(a->peers()[0].dialed, b->peers()[0].dialed) << "the two ends hold different connections";
    if (crossings(*a) + crossings(*b) > 0) ++crossed;
  }
  RecordProperty("crossed", crossed);
  EXPECT_GT(crossed, rounds / 2) << "the dials did not cross often enough to prove anything";
}

}  // namespace
}  // namespace barrel::test
