#include "services/liveness.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace barrel {
namespace {

using liveness::Claim;
using liveness::Verdict;
using std::chrono::milliseconds;
using std::chrono::seconds;

const NodeName me("me@h");
const NodeName x("x@h");
const NodeName w("w@h");
const NodeName v("v@h");
constexpr std::int64_t wall = 1'700'000'000'000;

class LivenessTest : public testing::Test {
 protected:
  Liveness::Effects up(NodeName node, std::uint32_t creation = 1, bool speaks = true) {
    Liveness::Effects out;
    core.link_up(node, creation, speaks, now, wall, out);
    return out;
  }
  Liveness::Effects down(NodeName node, bool lost = true) {
    Liveness::Effects out;
    core.link_down(node, lost, now, out);
    return out;
  }
  Liveness::Effects silent(NodeName node) {
    Liveness::Effects out;
    core.link_silent(node, now, out);
    return out;
  }
  Liveness::Effects hear(NodeName origin, const Claim& claim) {
    Liveness::Effects out;
    core.gossip(origin, liveness::gossip_of(origin, claim), now, wall, out);
    return out;
  }
  Liveness::Effects pass(Duration span) {
    Liveness::Effects out;
    const Instant end = now + span;
    while (core.next_deadline() && *core.next_deadline() <= end) {
      now = std::max(now, *core.next_deadline());
      core.advance(now, out);
      now += std::chrono::microseconds(1);
    }
    now = std::max(now, end);
    return out;
  }
  /// The claims told to all, of that verdict.
  static std::vector<Claim> told(const Liveness::Effects& effects, Verdict verdict) {
    std::vector<Claim> found;
    for (const auto& effect : effects) {
      const auto* broadcast = std::get_if<Liveness::Broadcast>(&effect);
      if (broadcast == nullptr) continue;
      const auto read = liveness::claim_of_gossip(broadcast->payload);
      if (read && read->second.verdict == verdict) found.push_back(read->second);
    }
    return found;
  }
  template <class E>
  static std::size_t count(const Liveness::Effects& effects) {
    return static_cast<std::size_t>(
        std::ranges::count_if(effects, [](const auto& e) { return std::holds_alternative<E>(e); }));
  }
  [[nodiscard]] bool alive(NodeName node) const { return core.visibility(node).alive; }

  Metrics metrics;
  LivenessConfig config;
  Liveness core{me, 9, wall, config, Random(4), metrics};
  Instant now{seconds(100)};
};

TEST_F(LivenessTest, a_lost_link_alone_is_no_death_but_a_failed_dial_without_a_witness_is) {
  (void)up(x);
  const auto lost = down(x);
  EXPECT_EQ(told(lost, Verdict::suspect).size(), 1U);
  EXPECT_EQ(count<Liveness::Probe>(lost), 1U);
  EXPECT_TRUE(alive(x));
  Liveness::Effects out;
  core.dial_failed(x, now, out);
  EXPECT_TRUE(alive(x));
  const auto decided = pass(config.witness_wait);
  EXPECT_EQ(told(decided, Verdict::down).size(), 1U);
  EXPECT_EQ(count<Liveness::Died>(decided), 1U);
  EXPECT_FALSE(alive(x));
}

TEST_F(LivenessTest, an_unanswered_dial_is_waited_for_no_longer_than_probe_wait) {
  (void)up(x);
  (void)down(x);
  EXPECT_TRUE(told(pass(config.probe_wait - milliseconds(1)), Verdict::down).empty());
  EXPECT_EQ(told(pass(milliseconds(2)), Verdict::down).size(), 1U);
}

TEST_F(LivenessTest, a_node_that_is_alone_still_finds_out_who_has_died) {
  (void)up(x);
  // x takes us for dead, closes, and ends: nobody is left who could tell.
  EXPECT_EQ(count<Liveness::Probe>(down(x, false)), 0U);
  EXPECT_EQ(count<Liveness::Probe>(pass(config.probe_period * 5 / 4)), 1U);
  Liveness::Effects out;
  core.dial_failed(x, now, out);
  EXPECT_TRUE(alive(x));
  (void)pass(config.objection_wait);
  EXPECT_FALSE(alive(x));
}

TEST_F(LivenessTest, several_observers_that_agree_need_no_dial) {
  (void)up(x);
  (void)silent(x);
  now += seconds(1);
  (void)hear(w, {Verdict::suspect, x, 1, 0});
  now += seconds(1);
  (void)down(x);
  EXPECT_EQ(told(pass(config.witness_wait), Verdict::down).size(), 1U);
}

TEST_F(LivenessTest, a_bounded_number_of_observers_is_remembered) {
  (void)up(x);
  for (int i = 0; i < 10; ++i) {
    const NodeName observer(("n" + std::to_string(i) + "@h").c_str());
    (void)hear(observer, {Verdict::suspect, x, 1, 0});
  }
  EXPECT_EQ(metrics.counter("liveness.observers_full").value(), 2U);
}

TEST_F(LivenessTest, a_witness_saves_a_node_and_a_restored_link_ends_the_suspicion) {
  (void)up(x);
  (void)down(x);
  (void)hear(w, {Verdict::reachable, x, 1, 0});
  Liveness::Effects out;
  core.dial_failed(x, now, out);
  EXPECT_TRUE(told(pass(config.probe_wait), Verdict::down).empty());
  EXPECT_TRUE(alive(x));
  (void)up(x);
  EXPECT_TRUE(told(pass(seconds(10)), Verdict::down).empty());
}

TEST_F(LivenessTest, the_word_of_a_witness_does_not_hold_for_ever) {
  (void)up(x);
  (void)down(x);
  (void)hear(w, {Verdict::reachable, x, 1, 0});
  const auto later = pass(config.witness_holds * 2 + config.probe_wait);
  EXPECT_GE(told(later, Verdict::suspect).size(), 1U);
  EXPECT_EQ(told(later, Verdict::down).size(), 1U);
}

TEST_F(LivenessTest, says_that_it_reaches_a_suspect_unless_another_did) {
  (void)up(x);
  (void)hear(w, {Verdict::suspect, x, 1, 0});
  EXPECT_EQ(told(pass(config.witness_delay_max), Verdict::reachable).size(), 1U);
  (void)hear(w, {Verdict::suspect, x, 1, 0});
  (void)hear(v, {Verdict::reachable, x, 1, 0});
  EXPECT_TRUE(told(pass(config.witness_delay_max), Verdict::reachable).empty());
}

TEST_F(LivenessTest, an_orderly_closed_link_says_nothing_about_life) {
  (void)up(x);
  EXPECT_TRUE(down(x, false).empty());
  EXPECT_TRUE(alive(x));
}

TEST_F(LivenessTest, hides_and_shows_a_node_as_others_tell_and_the_greater_incarnation_wins) {
  (void)hear(x, {Verdict::alive, x, 1, 100});
  EXPECT_EQ(count<Liveness::Changed>(hear(w, {Verdict::down, x, 1, 100})), 1U);
  EXPECT_FALSE(alive(x));
  (void)hear(x, {Verdict::alive, x, 1, 100});  // late, of the same incarnation
  EXPECT_FALSE(alive(x));
  (void)hear(x, {Verdict::alive, x, 1, 101});
  EXPECT_TRUE(alive(x));
  (void)hear(w, {Verdict::down, x, 1, 100});  // late
  EXPECT_TRUE(alive(x));
}

TEST_F(LivenessTest, refutes_its_own_death_and_suspicion) {
  for (const Verdict verdict : {Verdict::down, Verdict::suspect}) {
    const auto before = told(hear(w, {verdict, me, 9, static_cast<std::uint64_t>(wall) + 5}), Verdict::alive);
    ASSERT_EQ(before.size(), verdict == Verdict::down ? 1U : 0U);  // the second one is old by then
    if (!before.empty()) {
      EXPECT_EQ(before.front(), (Claim{Verdict::alive, me, 9, static_cast<std::uint64_t>(wall) + 6}));
    }
  }
  now += config.refute_period;
  EXPECT_EQ(
      told(hear(w, {Verdict::suspect, me, 9, static_cast<std::uint64_t>(wall) + 6}), Verdict::alive).size(),
      1U);
}

TEST_F(LivenessTest, speaks_up_against_the_ghost_of_its_former_self) {
  const auto answer =
      told(hear(w, {Verdict::alive, me, 8, static_cast<std::uint64_t>(wall) + 50}), Verdict::alive);
  ASSERT_EQ(answer.size(), 1U);
  EXPECT_EQ(answer.front().creation, 9U);
  EXPECT_EQ(answer.front().incarnation, static_cast<std::uint64_t>(wall) + 51);
}

TEST_F(LivenessTest, a_death_told_against_a_working_link_waits_for_the_link_to_prove_it) {
  (void)up(x);
  (void)hear(w, {Verdict::down, x, 1, 100});
  EXPECT_TRUE(alive(x));
  EXPECT_EQ(told(down(x), Verdict::down).size(), 1U);
  EXPECT_FALSE(alive(x));
}

TEST_F(LivenessTest, a_working_link_is_believed_over_a_peer_that_says_the_node_is_gone_or_another) {
  std::uint64_t incarnation = wall;
  for (const bool speaks : {true, false}) {
    (void)up(x, 1, speaks);
    const std::uint64_t version = core.living_version();
    for (Claim lie : {Claim{Verdict::left, x, 1, 0}, Claim{Verdict::down, x, 1, 0},
                      Claim{Verdict::alive, x, 77, 0}, Claim{Verdict::left, x, 77, 0}}) {
      lie.incarnation = incarnation += 10;
      Liveness::Effects out;
      // w may write any origin into gossip, and x itself passes it on.
      for (const NodeName from : {w, x}) core.gossip(from, liveness::gossip_of(x, lie), now, wall, out);
      core.message(w, encode(w, liveness::Claims{{lie}}), now, wall, out);
      EXPECT_EQ(core.visibility(x), (NodeVisibility{true, 1}));
      EXPECT_EQ(count<Liveness::Changed>(out) + count<Liveness::Died>(out), 0U);
    }
    EXPECT_EQ(core.living_version(), version);
  }
  EXPECT_GE(metrics.counter("liveness.contradicted").value(), 8U);
}

TEST_F(LivenessTest, a_node_that_leaves_is_believed_by_its_own_word_or_when_its_link_ends) {
  Liveness other(x, 1, wall, config, Random(5), metrics);
  Liveness::Effects out;
  (void)up(x);
  other.link_up(me, 9, true, now, wall, out);
  out.clear();
  other.leave(out);
  Liveness::Effects heard;
  for (const auto& effect : out) {
    if (const auto* send = std::get_if<Liveness::SendTo>(&effect); send != nullptr && send->node == me)
      core.message(x, send->message, now, wall, heard);
  }
  EXPECT_EQ(count<Liveness::Died>(heard), 1U);
  EXPECT_FALSE(alive(x));

  (void)up(v);
  (void)hear(w, {Verdict::left, v, 1, 100});
  EXPECT_TRUE(alive(v));
  const auto gone = down(v, false);
  EXPECT_FALSE(alive(v));
  EXPECT_TRUE(told(gone, Verdict::down).empty()) << "it left, it did not die";
}

TEST_F(LivenessTest, a_restart_told_against_a_link_to_the_former_life_is_believed_when_that_ends) {
  (void)up(x, 1);
  (void)hear(w, {Verdict::alive, x, 2, 200});
  EXPECT_EQ(core.visibility(x), (NodeVisibility{true, 1}));
  const auto gone = down(x);
  EXPECT_EQ(count<Liveness::Died>(gone), 1U);
  EXPECT_EQ(core.visibility(x), (NodeVisibility{true, 2}));
}

TEST_F(LivenessTest, repeated_lies_are_refuted_once_a_second) {
  (void)up(v, 4, false);
  std::size_t refuted = 0;
  std::size_t spoken = 0;
  std::uint64_t last = 0;
  for (std::uint64_t i = 1; i <= 300; ++i) {  // for 3 seconds
    const std::uint64_t incarnation = static_cast<std::uint64_t>(wall) + 10 * i;
    auto out = hear(w, {Verdict::down, me, 9, incarnation});
    const auto more = hear(w, {Verdict::down, v, 4, incarnation});
    const auto later = pass(milliseconds(10));
    out.insert(out.end(), more.begin(), more.end());
    out.insert(out.end(), later.begin(), later.end());
    for (const Claim& claim : told(out, Verdict::alive)) {
      ++(claim.node == me ? refuted : spoken);
      if (claim.node == me) last = claim.incarnation;
    }
  }
  for (const Claim& claim : told(pass(seconds(1)), Verdict::alive)) {
    if (claim.node == me) last = claim.incarnation;
  }
  EXPECT_GE(refuted, 3U);
  EXPECT_LE(refuted, 4U);
  EXPECT_GE(spoken, 3U);
  EXPECT_LE(spoken, 4U);
  EXPECT_EQ(last, static_cast<std::uint64_t>(wall) + 3'001) << "the last word is ours";
  EXPECT_TRUE(alive(v));
}

TEST_F(LivenessTest, a_restarted_node_supersedes_its_former_self) {
  (void)hear(x, {Verdict::alive, x, 1, 100});
  const auto restarted = hear(x, {Verdict::alive, x, 2, 200});
  EXPECT_EQ(count<Liveness::Died>(restarted), 1U);
  EXPECT_EQ(core.visibility(x), (NodeVisibility{true, 2}));
  (void)hear(w, {Verdict::down, x, 1, 100});
  EXPECT_TRUE(alive(x));
}

TEST_F(LivenessTest, news_of_the_incarnation_before_do_not_harm_a_new_link) {
  (void)up(x, 2);
  (void)hear(w, {Verdict::down, x, 1, 100});
  (void)down(x, false);
  EXPECT_TRUE(alive(x));
}

TEST_F(LivenessTest, tells_a_node_that_comes_back_that_it_is_held_for_dead) {
  (void)hear(x, {Verdict::alive, x, 1, 100});
  (void)hear(w, {Verdict::down, x, 1, 100});
  const auto out = up(x);
  EXPECT_TRUE(alive(x));
  const auto* send = std::get_if<Liveness::SendTo>(&out.back());
  for (const auto& effect : out) {
    if (const auto* s = std::get_if<Liveness::SendTo>(&effect)) send = s;
  }
  ASSERT_NE(send, nullptr);
  const auto read = liveness::decode(send->message);
  ASSERT_TRUE(read.has_value());
  const auto& claims = std::get<liveness::Claims>(read->second).claims;
  EXPECT_TRUE(std::ranges::find(claims, Claim{Verdict::down, x, 1, 100}) != claims.end());
}

TEST_F(LivenessTest, a_node_that_restarts_with_its_clock_set_back_supersedes_its_former_self) {
  const auto before = static_cast<std::uint64_t>(wall) + 60'000;
  (void)hear(x, {Verdict::alive, x, 1, before});
  const auto heard = up(x, 2);
  Liveness restarted(x, 2, wall, config, Random(5), metrics);
  Liveness::Effects answer;
  restarted.link_up(me, 9, true, now, wall, answer);
  for (const auto& effect : heard) {
    if (const auto* send = std::get_if<Liveness::SendTo>(&effect))
      restarted.message(me, send->message, now, wall, answer);
  }
  const auto refuted = told(answer, Verdict::alive);
  ASSERT_EQ(refuted.size(), 1U);
  EXPECT_EQ(refuted.front(), (Claim{Verdict::alive, x, 2, before + 1}));
  // Who has no link to it believes that one over the former.
  Liveness far(v, 1, wall, config, Random(6), metrics);
  Liveness::Effects ignored;
  far.gossip(x, liveness::gossip_of(x, {Verdict::alive, x, 1, before}), now, wall, ignored);
  far.gossip(x, liveness::gossip_of(x, refuted.front()), now, wall, ignored);
  EXPECT_EQ(far.visibility(x), (NodeVisibility{true, 2}));
}

TEST_F(LivenessTest, an_erlang_node_is_spoken_for_and_hidden_when_its_link_is_lost) {
  EXPECT_EQ(told(up(x, 4, false), Verdict::alive).size(), 1U);
  const auto contradicted = hear(w, {Verdict::down, x, 4, static_cast<std::uint64_t>(wall) + 10});
  ASSERT_EQ(told(contradicted, Verdict::alive).size(), 1U);
  EXPECT_EQ(told(contradicted, Verdict::alive).front().incarnation, static_cast<std::uint64_t>(wall) + 11);
  EXPECT_EQ(count<Liveness::Changed>(down(x, false)), 1U);
  EXPECT_FALSE(alive(x));
  (void)up(x, 4, false);
  EXPECT_TRUE(alive(x));
}

TEST_F(LivenessTest, two_nodes_exchange_claims_until_their_digests_agree) {
  Liveness other(x, 1, wall, config, Random(5), metrics);
  (void)hear(w, {Verdict::alive, w, 3, 7});
  (void)hear(v, {Verdict::left, v, 2, 8});
  Liveness::Effects mine;
  Liveness::Effects theirs;
  core.link_up(x, 1, true, now, wall, mine);
  other.link_up(me, 9, true, now, wall, theirs);
  core.sync(x, mine);
  for (int round = 0; round < 5; ++round) {
    const auto to_other = std::exchange(mine, {});
    const auto to_me = std::exchange(theirs, {});
    for (const auto& effect : to_other) {
      if (const auto* s = std::get_if<Liveness::SendTo>(&effect))
        other.message(me, s->message, now, wall, theirs);
    }
    for (const auto& effect : to_me) {
      if (const auto* s = std::get_if<Liveness::SendTo>(&effect))
        core.message(x, s->message, now, wall, mine);
    }
  }
  EXPECT_EQ(count<Liveness::SendTo>(mine) + count<Liveness::SendTo>(theirs), 0U);
  EXPECT_FALSE(other.visibility(v).alive);
  EXPECT_EQ(other.visibility(w), (NodeVisibility{true, 3}));
}

TEST_F(LivenessTest, a_part_that_misses_the_beat_joins_again_and_the_smallest_name_beats) {
  const NodeName first("a@h");
  Liveness::Effects out;
  (void)up(x);
  core.peer_up(x, now, out);
  EXPECT_GE(count<Liveness::Beat>(pass(seconds(10))), 3U);
  (void)hear(first, {Verdict::alive, first, 1, 100});
  core.beat(liveness::beat_of(first, seconds(1)), now);
  const auto quiet = pass(seconds(3));
  EXPECT_EQ(count<Liveness::Reunite>(quiet), 0U);
  EXPECT_EQ(count<Liveness::Beat>(quiet), 0U);
  EXPECT_EQ(count<Liveness::Reunite>(pass(seconds(3))), 1U);
}

TEST_F(LivenessTest, malformed_spoofed_and_future_claims_are_counted_drops) {
  Liveness::Effects out;
  for (const Term& bad : {Term(), Term::tuple_of(Atom("custom"), x, Term(1)),
                          Term::tuple_of(Atom("custom"), x, Term::tuple_of(Atom("alive"), x, -1, 1)),
                          Term::tuple_of(Atom("custom"), x, Term::tuple_of(Atom("odd"), x, 1, 1))}) {
    core.gossip(x, bad, now, wall, out);
  }
  core.message(x, Term(1), now, wall, out);
  core.beat(Term(1), now);
  EXPECT_EQ(metrics.counter("liveness.malformed").value(), 6U);
  core.message(x, encode(w, liveness::Digest{1, false}), now, wall, out);
  EXPECT_EQ(metrics.counter("liveness.spoofed").value(), 1U);
  (void)hear(x, {Verdict::down, x, 1, static_cast<std::uint64_t>(wall) + 400'000});
  EXPECT_EQ(metrics.counter("liveness.from_future").value(), 1U);
  EXPECT_TRUE(out.empty());
  const Claim claim{Verdict::alive, x, 1, 1};
  const std::vector<Claim> many(liveness::claims_max + 3, claim);
  core.message(x, encode(x, liveness::Claims{many}), now, wall, out);
  EXPECT_EQ(metrics.counter("liveness.claims_limit").value(), 3U);
}

TEST_F(LivenessTest, the_living_are_this_node_and_those_nobody_has_told_dead) {
  EXPECT_EQ(core.living(), std::vector{me});
  const std::uint64_t alone = core.living_version();
  (void)up(x);
  (void)hear(x, {Verdict::alive, w, 2, 100});
  (void)hear(x, {Verdict::down, v, 3, 100});
  EXPECT_EQ(core.living(), (std::vector{me, w, x}));
  const std::uint64_t together = core.living_version();
  EXPECT_NE(together, alone);
  (void)silent(x);
  EXPECT_EQ(core.living_version(), together) << "a suspect lives";
  (void)hear(x, {Verdict::left, w, 2, 101});
  EXPECT_EQ(core.living(), (std::vector{me, x}));
  EXPECT_NE(core.living_version(), together);
  Liveness::Effects out;
  core.leave(out);
  EXPECT_EQ(core.living(), std::vector{me});
  core.join();
  EXPECT_EQ(core.living(), (std::vector{me, x}));
}

TEST(LivenessBounds, invented_nodes_displace_only_dead_ones) {
  Metrics metrics;
  LivenessConfig config;
  config.nodes_max = 10;
  Liveness core(me, 9, wall, config, Random(4), metrics);
  const Instant now{};
  Liveness::Effects out;
  core.link_up(x, 1, true, now, wall, out);
  for (int i = 0; i < 100; ++i) {
    const NodeName node(("n" + std::to_string(i) + "@h").c_str());
    core.gossip(x, liveness::gossip_of(x, {i % 2 == 0 ? Verdict::down : Verdict::alive, node, 1, 100}), now,
                wall, out);
  }
  EXPECT_LE(core.size(), 10U);
  EXPECT_GT(metrics.counter("liveness.nodes_full").value(), 0U);
  EXPECT_EQ(core.visibility(x), (NodeVisibility{true, 1}));
}

TEST_F(LivenessTest, who_leaves_still_tells_of_the_nodes_it_knows_and_that_it_has_left) {
  // Its registry answers too: names of x would be believed for ever by those who know nothing of x.
  (void)hear(x, {Verdict::alive, x, 1, 5});
  Liveness::Effects out;
  core.leave(out);
  out.clear();
  core.message(w, encode(w, liveness::Digest{1, true}), now, wall, out);
  Liveness late(w, 3, wall, config, Random(4), metrics);
  Liveness::Effects heard;
  for (const auto& effect : out) {
    if (const auto* sent = std::get_if<Liveness::SendTo>(&effect))
      late.message(me, sent->message, now, wall, heard);
  }
  EXPECT_EQ(late.living(), (std::vector<NodeName>{w, x}));
  Liveness::Effects left;
  core.sync(w, left);
  EXPECT_EQ(count<Liveness::SendTo>(left), 1U);
}

}  // namespace
}  // namespace barrel
