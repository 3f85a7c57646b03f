#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "services/liveness.hpp"

// Observers with links to two lives of one node: a former life that nobody has missed yet and the present
// one, or two programs that run with one name.

namespace barrel {
namespace {

using liveness::Claim;
using liveness::Verdict;
using std::chrono::milliseconds;
using std::chrono::seconds;

const NodeName a("a@h");
const NodeName b("b@h");
const NodeName c("c@h");
const NodeName d("d@h");
const NodeName x("x@h");
constexpr std::int64_t wall = 1'700'000'000'000;
constexpr auto clock_now = static_cast<std::uint64_t>(wall);

/// Four nodes, each of which hears the gossip of each other one.
class LivesTest : public testing::Test {
 protected:
  LivesTest() {
    std::uint32_t creation = 100;
    for (const NodeName node : {a, b, c, d}) {
      cores[node] = std::make_unique<Liveness>(node, ++creation, wall, LivenessConfig{}, Random(4), metrics);
    }
  }
  template <class F>
  void at(NodeName node, F&& input) {
    Liveness::Effects out;
    input(*cores.at(node), out);
    for (const auto& effect : out) {
      if (const auto* broadcast = std::get_if<Liveness::Broadcast>(&effect))
        gossip.emplace_back(node, broadcast->payload);
    }
  }
  /// `node` sees a life of x, which is an original and does not speak for itself.
  void sees(NodeName node, std::uint32_t creation) {
    at(node, [&](Liveness& core, auto& out) { core.link_up(x, creation, false, now, wall, out); });
    spread();
  }
  void loses(NodeName node) {
    at(node, [&](Liveness& core, auto& out) { core.link_down(x, true, now, out); });
    spread();
  }
  void all_hear(const Claim& claim) {
    for (const auto& [node, core] : cores) {
      at(node, [&](Liveness& core_of, auto& out) {
        core_of.gossip("liar@h", liveness::gossip_of("liar@h", claim), now, wall, out);
      });
    }
    spread();
  }
  void spread() {
    for (std::size_t step = 0; !gossip.empty(); ++step) {
      ASSERT_LT(step, 1'000U) << "they contradict each other for ever";
      const auto [from, payload] = gossip.front();
      gossip.pop_front();
      for (const auto& [node, core] : cores) {
        if (node == from) continue;
        at(node, [&](Liveness& hears, auto& out) { hears.gossip(from, payload, now, wall, out); });
      }
      if (liveness::claim_of_gossip(payload)->second.node == x) ++said_of_x;
    }
  }
  void pass(Duration span) {
    for (const Instant end = now + span; now < end; now += milliseconds(50)) {
      for (const auto& [node, core] : cores) {
        at(node, [&](Liveness& core_of, auto& out) { core_of.advance(now, out); });
      }
      spread();
    }
  }
  [[nodiscard]] std::vector<NodeVisibility> seen_by(std::initializer_list<NodeName> nodes) const {
    std::vector<NodeVisibility> seen;
    for (const NodeName node : nodes) seen.push_back(cores.at(node)->visibility(x));
    return seen;
  }
  static std::vector<NodeVisibility> all(std::size_t nodes, NodeVisibility seen) {
    return std::vector(nodes, seen);
  }

  Metrics metrics;
  std::map<NodeName, std::unique_ptr<Liveness>> cores;
  std::deque<std::pair<NodeName, Term>> gossip;
  std::size_t said_of_x = 0;
  Instant now{seconds(100)};
};

TEST_F(LivesTest, of_two_lives_told_with_one_incarnation_all_believe_the_same_whichever_came_first) {
  const Claim first{Verdict::alive, x, 1, 100};
  const Claim second{Verdict::alive, x, 2, 100};
  const auto hears = [&](NodeName node, const Claim& claim) {
    at(node,
       [&](Liveness& core, auto& out) { core.gossip(d, liveness::gossip_of(d, claim), now, wall, out); });
  };
  hears(b, first);
  hears(b, second);
  hears(c, second);
  hears(c, first);
  EXPECT_EQ(seen_by({b, c}), all(2, {true, 2}));
}

TEST_F(LivesTest, the_link_to_the_greater_life_speaks_for_it_when_the_other_outranks_it) {
  sees(a, 1);
  pass(seconds(2));
  sees(b, 2);
  EXPECT_EQ(seen_by({c, d}), all(2, {true, 2}));
  pass(seconds(2));
  all_hear({Verdict::down, x, 1, clock_now + 1'000});  // `a` refutes it
  pass(seconds(2));
  EXPECT_EQ(seen_by({b, c, d}), all(3, {true, 2}));
  const std::size_t said = said_of_x;
  pass(seconds(60));
  EXPECT_LE(said_of_x, said + 6) << "they contradict each other, and ever more rarely";
  loses(a);
  pass(seconds(2));
  EXPECT_EQ(seen_by({a, b, c, d}), all(4, {true, 2}));
}

TEST_F(LivesTest, the_link_to_the_lesser_life_speaks_for_it_when_the_greater_has_ended) {
  sees(b, 2);
  pass(seconds(2));
  sees(a, 1);
  pass(seconds(2));
  all_hear({Verdict::down, x, 2, clock_now + 1'000});  // `b` refutes it
  pass(seconds(2));
  EXPECT_EQ(seen_by({b, c, d}), all(3, {true, 2}));
  const std::size_t said = said_of_x;
  pass(seconds(60));
  EXPECT_LE(said_of_x, said + 6) << "they contradict each other, and ever more rarely";
  loses(b);
  pass(seconds(2));
  EXPECT_EQ(seen_by({a, b, c, d}), all(4, {true, 1}));
}

TEST_F(LivesTest, the_latest_that_was_told_against_a_link_settles_it_and_not_the_last) {
  const auto hears = [&](const Claim& claim) {
    at(a, [&](Liveness& core, auto& out) { core.gossip(d, liveness::gossip_of(d, claim), now, wall, out); });
  };
  at(a, [&](Liveness& core, auto& out) { core.link_up(x, 1, true, now, wall, out); });
  hears({Verdict::alive, x, 2, 200});
  hears({Verdict::left, x, 1, 150});
  at(a, [&](Liveness& core, auto& out) { core.link_down(x, false, now, out); });
  EXPECT_EQ(seen_by({a}), all(1, {true, 2}));
}

}  // namespace
}  // namespace barrel
