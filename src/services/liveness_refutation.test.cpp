#include "services/test_liveness.hpp"

// What is told of nodes against what their links show, and how it is refuted.

namespace barrel {
namespace {

using namespace test;

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

TEST_F(LivenessTest, a_claim_without_a_creation_is_none) {
  const Claim poison{Verdict::left, x, 0, static_cast<std::uint64_t>(wall) + 299'000};
  Liveness::Effects out;
  core.message(w, encode(w, liveness::Claims{{poison, {Verdict::alive, x, 3, 100}}}), now, wall, out);
  core.gossip(w, liveness::gossip_of(w, poison), now, wall, out);
  EXPECT_EQ(core.visibility(x), (NodeVisibility{true, 3}));
  EXPECT_EQ(metrics.counter("liveness.malformed").value(), 2U);
}

TEST_F(LivenessTest, an_invented_greater_life_of_an_erlang_node_is_refuted_while_the_link_works) {
  (void)up(x, 4, false);
  const auto invented = static_cast<std::uint64_t>(wall) + 1'000;
  (void)hear(w, {Verdict::alive, x, 5, invented});
  EXPECT_TRUE(told(pass(config.give_way_min - milliseconds(1)), Verdict::alive).empty()) << "it may be true";
  const auto refuted = told(pass(milliseconds(2)), Verdict::alive);
  EXPECT_EQ(refuted, (std::vector{Claim{Verdict::alive, x, 4, invented + 1}}));
  // Meanwhile other news are refuted as soon as always.
  (void)hear(w, {Verdict::alive, x, 5, invented + 10});
  (void)hear(w, {Verdict::down, x, 4, invented + 20});
  EXPECT_EQ(told(pass(config.refute_period + milliseconds(1)), Verdict::alive).size(), 1U);
}

TEST_F(LivenessTest, the_greater_life_of_an_erlang_node_is_not_spoken_against_without_a_working_link) {
  for (const bool ends : {true, false}) {
    (void)up(x, 4, false);
    (void)hear(w, {Verdict::alive, x, 5, static_cast<std::uint64_t>(wall) + (ends ? 1'000 : 2'000)});
    if (ends) (void)down(x);
    else (void)silent(x);
    EXPECT_TRUE(told(pass(config.give_way_min * 2), Verdict::alive).empty());
  }
}

TEST_F(LivenessTest, a_node_hears_what_is_told_of_it_and_its_answer_ends_the_matter) {
  (void)up(x);
  const Claim lie{Verdict::down, x, 1, static_cast<std::uint64_t>(wall) + 10};
  Liveness::Effects out;
  core.message(w, encode(w, liveness::Claims{{lie}}), now, wall, out);
  Liveness subject(x, 1, wall, config, Random(5), metrics);
  Liveness::Effects answer;
  for (const auto& effect : out) {
    const auto* sent = std::get_if<Liveness::SendTo>(&effect);
    if (sent != nullptr && sent->node == x) subject.message(me, sent->message, now, wall, answer);
  }
  const auto refuted = told(answer, Verdict::alive);
  ASSERT_EQ(refuted.size(), 1U);
  (void)hear(x, refuted.front());
  EXPECT_TRUE(told(down(x), Verdict::down).empty()) << "nothing is left of the lie";
}

TEST_F(LivenessTest, one_that_is_told_dead_is_looked_for_when_its_link_is_closed_in_order) {
  (void)up(x);
  (void)hear(w, {Verdict::down, x, 1, 100});
  const auto closed = down(x, false);
  EXPECT_EQ(count<Liveness::Probe>(closed), 1U);
  EXPECT_TRUE(told(closed, Verdict::down).empty());
  EXPECT_TRUE(alive(x));
  (void)pass(seconds(2));
  EXPECT_FALSE(alive(x)) << "nothing came of it";
}

TEST_F(LivenessTest, of_many_claims_about_a_node_in_one_message_the_last_is_passed_on) {
  (void)hear(w, {Verdict::alive, x, 1, 100});
  liveness::Claims many;
  for (std::uint64_t i = 1; i <= 1'001; ++i)
    many.claims.push_back({i % 2 == 0 ? Verdict::alive : Verdict::down, x, 1, 100 + i});
  Liveness::Effects out;
  core.message(w, encode(w, many), now, wall, out);
  EXPECT_EQ(count<Liveness::Broadcast>(out), 1U);
  EXPECT_EQ(told(out, Verdict::down), (std::vector{many.claims.back()}));
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

}  // namespace
}  // namespace barrel
