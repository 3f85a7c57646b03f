#include "services/test_liveness.hpp"

namespace barrel {
namespace {

using namespace test;

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
