#include "membership/hyparview.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace barrel {
namespace {

using namespace hyparview;
using std::chrono::seconds;

const NodeName me("me@h");
const NodeName a("a@h");
const NodeName b("b@h");
const NodeName c("c@h");
const NodeName d("d@h");

class HyParViewTest : public testing::Test {
 protected:
  explicit HyParViewTest(std::size_t active_size = 2) { config.active_size = active_size; }

  HyParView& views() {
    if (!core) core.emplace(me, config, Random(3), metrics);
    return *core;
  }
  HyParView::Effects up(NodeName peer, PeerKind kind = PeerKind::barrel) {
    HyParView::Effects out;
    views().link_up(peer, kind, now, out);
    return out;
  }
  HyParView::Effects down(NodeName peer, bool lost = true) {
    HyParView::Effects out;
    views().link_down(peer, lost, now, out);
    return out;
  }
  HyParView::Effects receive(NodeName from, const Message& message) {
    HyParView::Effects out;
    views().message(from, encode(from, message), now, out);
    return out;
  }
  HyParView::Effects join(NodeName contact) {
    HyParView::Effects out;
    views().join(contact, now, out);
    return out;
  }
  /// Passes time and collects what the timers did.
  HyParView::Effects pass(Duration span) {
    HyParView::Effects out;
    const Instant end = now + span;
    while (views().next_deadline() && *views().next_deadline() <= end) {
      now = std::max(now, *views().next_deadline());
      views().advance(now, out);
      now += std::chrono::microseconds(1);
    }
    now = end;
    return out;
  }
  /// A Barrel peer that joined us.
  void add_peer(NodeName peer, PeerKind kind = PeerKind::barrel) {
    (void)up(peer, kind);
    (void)receive(peer, Join{{peer}});
    ASSERT_TRUE(views().is_active(peer));
  }
  template <class M>
  static std::vector<std::pair<NodeName, M>> sent(const HyParView::Effects& effects) {
    std::vector<std::pair<NodeName, M>> found;
    for (const auto& effect : effects) {
      const auto* send = std::get_if<HyParView::SendTo>(&effect);
      if (send == nullptr) continue;
      auto decoded = decode(send->message);
      if (decoded && std::holds_alternative<M>(decoded->second)) {
        found.emplace_back(send->node, std::get<M>(decoded->second));
      }
    }
    return found;
  }
  template <class E>
  static std::vector<E> all(const HyParView::Effects& effects) {
    std::vector<E> found;
    for (const auto& effect : effects) {
      if (const auto* e = std::get_if<E>(&effect)) found.push_back(*e);
    }
    return found;
  }
  static bool dials(const HyParView::Effects& effects, NodeName node) {
    return std::ranges::any_of(all<HyParView::Dial>(effects), [&](const auto& e) { return e.node == node; });
  }

  std::uint64_t count(const char* name) { return metrics.counter(name).value(); }

  HyParViewConfig config;
  Metrics metrics;
  std::optional<HyParView> core;
  Instant now{};
};

TEST_F(HyParViewTest, joins_through_a_contact_once_it_is_linked) {
  EXPECT_TRUE(dials(join(a), a));
  const auto out = up(a);
  EXPECT_EQ(sent<Join>(out).size(), 1U);
  EXPECT_EQ(all<HyParView::Joined>(out).size(), 1U);
  EXPECT_EQ(all<HyParView::PeerUp>(out).size(), 1U);
  EXPECT_EQ(views().active(), std::vector{a});
}

TEST_F(HyParViewTest, retries_a_contact_until_it_worked_once_even_if_others_joined_us_meanwhile) {
  (void)join(a);
  HyParView::Effects out;
  views().dial_failed(a, now, out);
  add_peer(b);
  EXPECT_EQ(count("membership.contact_retries"), 0U);
  EXPECT_TRUE(dials(pass(config.contact_retry * 2), a));
  EXPECT_EQ(count("membership.contact_retries"), 1U);
  EXPECT_EQ(all<HyParView::Joined>(up(a)).size(), 1U);
  EXPECT_TRUE(views().is_active(a));
  (void)pass(seconds(1));
  EXPECT_FALSE(dials(pass(seconds(600)), a));
}

TEST_F(HyParViewTest, does_not_fight_for_the_place_that_a_contact_gave_to_another) {
  (void)join(a);
  (void)up(a);
  EXPECT_TRUE(sent<Join>(receive(a, Disconnect{{a}})).empty());
  EXPECT_TRUE(sent<Join>(pass(seconds(1))).empty());
  EXPECT_EQ(sent<Join>(pass(seconds(2))).size(), 1U) << "nobody else was found";
}

TEST_F(HyParViewTest, a_join_is_walked_through_the_view_and_its_victim_is_never_the_newcomer) {
  add_peer(a);
  add_peer(b);
  (void)up(c);
  const auto out = receive(c, Join{{c}});
  EXPECT_TRUE(views().is_active(c));
  EXPECT_EQ(views().active().size(), 2U);
  const auto dropped = sent<Disconnect>(out);
  ASSERT_EQ(dropped.size(), 1U);
  const NodeName victim = dropped.front().first;
  EXPECT_NE(victim, c);
  const auto downs = all<HyParView::PeerDown>(out);
  ASSERT_EQ(downs.size(), 1U);
  EXPECT_EQ(downs.front().node, victim);
  EXPECT_EQ(downs.front().reason, HyParView::Removal::dropped);
  // The victim is handed the newcomer, the remaining peer carries the walk on.
  for (const auto& [to, forward] : sent<ForwardJoin>(out)) {
    EXPECT_EQ(forward.peer.node, c);
    EXPECT_EQ(forward.ttl, to == victim ? 1 : config.arwl);
  }
  EXPECT_EQ(sent<ForwardJoin>(out).size(), 2U);
}

TEST_F(HyParViewTest, a_repeated_join_changes_nothing) {
  add_peer(a);
  add_peer(b);
  EXPECT_TRUE(receive(a, Join{{a}}).empty());
  EXPECT_EQ(views().active(), (std::vector{a, b}));
}

class HyParViewOfOneTest : public HyParViewTest {
 protected:
  HyParViewOfOneTest() : HyParViewTest(1) {}
};

TEST_F(HyParViewOfOneTest, an_active_view_of_one_works) {
  add_peer(a);
  add_peer(b);
  EXPECT_EQ(views().active(), std::vector{b});
}

TEST_F(HyParViewTest, both_ends_agree_on_a_neighbor) {
  (void)up(a);
  auto out = receive(a, Neighbor{Priority::low, {a}});
  ASSERT_EQ(sent<NeighborReply>(out).size(), 1U);
  EXPECT_TRUE(sent<NeighborReply>(out).front().second.accepted);
  EXPECT_EQ(all<HyParView::PeerUp>(out).size(), 1U);
  add_peer(b);
  (void)up(c);
  out = receive(c, Neighbor{Priority::low, {c}});
  EXPECT_FALSE(sent<NeighborReply>(out).front().second.accepted);
  EXPECT_FALSE(views().is_active(c));
  EXPECT_EQ(count("membership.refusals_sent"), 1U);
  out = receive(c, Neighbor{Priority::high, {c}});
  EXPECT_TRUE(sent<NeighborReply>(out).front().second.accepted);
  EXPECT_TRUE(views().is_active(c));
  EXPECT_EQ(sent<Disconnect>(out).size(), 1U);
}

TEST_F(HyParViewTest, a_forward_join_with_room_asks_the_new_node_after_dialling_it) {
  add_peer(a);
  EXPECT_TRUE(dials(receive(a, ForwardJoin{{c}, 3, {a}}), c));
  EXPECT_FALSE(views().is_active(c));
  const auto out = up(c);
  ASSERT_EQ(sent<Neighbor>(out).size(), 1U);
  EXPECT_EQ(sent<Neighbor>(out).front().first, c);
  EXPECT_EQ(all<HyParView::PeerUp>(receive(c, NeighborReply{true, {c}})).size(), 1U);
  EXPECT_TRUE(views().is_active(c));
}

TEST_F(HyParViewTest, a_forward_join_without_room_walks_on_and_fills_the_passive_view_on_its_way) {
  add_peer(a);
  add_peer(b);
  const auto out = receive(a, ForwardJoin{{c}, config.prwl, {a}});
  ASSERT_EQ(sent<ForwardJoin>(out).size(), 1U);
  EXPECT_EQ(sent<ForwardJoin>(out).front().first, b);
  EXPECT_EQ(sent<ForwardJoin>(out).front().second.ttl, config.prwl - 1);
  EXPECT_EQ(views().passive(), std::vector{c});
  EXPECT_TRUE(receive(a, ForwardJoin{{d}, 0, {a}}).empty());
  EXPECT_EQ(views().passive(), (std::vector{c, d}));
  EXPECT_TRUE(receive(a, ForwardJoin{{me}, 3, {a}}).empty());
}

TEST_F(HyParViewTest, an_acceptance_that_comes_too_late_is_taken_back) {
  add_peer(a);
  (void)receive(a, ForwardJoin{{c}, 3, {a}});
  (void)up(c);
  add_peer(b);
  const auto out = receive(c, NeighborReply{true, {c}});
  EXPECT_FALSE(views().is_active(c));
  EXPECT_EQ(sent<Disconnect>(out).size(), 1U);
}

TEST_F(HyParViewTest, replaces_a_lost_peer_from_the_passive_view) {
  add_peer(a);
  add_peer(b);
  (void)receive(a, ForwardJoin{{c}, 0, {a}});
  const auto downs = all<HyParView::PeerDown>(down(b));
  ASSERT_EQ(downs.size(), 1U);
  EXPECT_EQ(downs.front().reason, HyParView::Removal::nodedown);
  EXPECT_EQ(count("membership.refills"), 0U);
  EXPECT_TRUE(dials(pass(seconds(1)), c));
  EXPECT_EQ(count("membership.refills"), 1U);
  (void)up(c);
  (void)receive(c, NeighborReply{false, {c}});
  EXPECT_EQ(count("membership.refusals_received"), 1U);
}

TEST_F(HyParViewTest, a_dial_that_fails_rests_longer_each_time_and_is_given_up) {
  add_peer(a);
  (void)receive(a, ForwardJoin{{c}, 0, {a}});
  int attempts = 0;
  for (int i = 0; i < 600; ++i) {
    if (!dials(pass(seconds(1)), c)) continue;
    ++attempts;
    HyParView::Effects out;
    views().dial_failed(c, now, out);
  }
  EXPECT_EQ(attempts, static_cast<int>(config.fail_count_max));
  EXPECT_EQ(count("membership.candidates_given_up"), 1U);
  EXPECT_TRUE(views().passive().empty());
}

TEST_F(HyParViewTest, an_isolated_node_asks_with_high_priority) {
  add_peer(a);
  (void)receive(a, ForwardJoin{{c}, 0, {a}});
  (void)down(a);
  (void)pass(std::chrono::milliseconds(500));
  const auto asked = sent<Neighbor>(up(c));
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked.front().second.priority, Priority::high);
}

TEST_F(HyParViewTest, a_peer_that_dropped_us_becomes_a_candidate_after_a_rest) {
  add_peer(a);
  add_peer(b);
  EXPECT_EQ(all<HyParView::PeerDown>(receive(a, Disconnect{{a}})).front().reason,
            HyParView::Removal::graceful);
  EXPECT_EQ(views().passive(), std::vector{a});
  EXPECT_TRUE(sent<Neighbor>(pass(seconds(1))).empty());
  EXPECT_FALSE(sent<Neighbor>(pass(seconds(3))).empty());
}

TEST_F(HyParViewTest, answers_a_shuffle_and_passes_it_on) {
  add_peer(a);
  add_peer(b);
  const auto out = receive(a, Shuffle{2, {{c}, {me}, {d}}, {a}});
  EXPECT_EQ(views().passive(), (std::vector{c, d}));
  ASSERT_EQ(sent<ShuffleReply>(out).size(), 1U);
  EXPECT_LE(sent<ShuffleReply>(out).front().second.peers.size(), 2U);
  ASSERT_EQ(sent<Shuffle>(out).size(), 1U);
  EXPECT_EQ(sent<Shuffle>(out).front().first, b);
  EXPECT_EQ(sent<Shuffle>(out).front().second.ttl, 1);
  EXPECT_EQ(sent<Shuffle>(out).front().second.sender.node, me);
}

TEST_F(HyParViewTest, a_walk_goes_no_further_than_our_own) {
  add_peer(a);
  add_peer(b);
  const auto out = receive(a, Shuffle{1'000'000, {{c}}, {a}});
  ASSERT_EQ(sent<Shuffle>(out).size(), 1U);
  EXPECT_EQ(sent<Shuffle>(out).front().second.ttl, config.prwl - 1);
  EXPECT_EQ(count("membership.walks_shortened"), 1U);
  const auto joins = receive(a, ForwardJoin{{c}, 1'000'000, {a}});
  ASSERT_EQ(sent<ForwardJoin>(joins).size(), 1U);
  EXPECT_EQ(sent<ForwardJoin>(joins).front().second.ttl, config.arwl - 1);
  EXPECT_EQ(count("membership.walks_shortened"), 2U);
  (void)receive(a, Shuffle{config.prwl, {{c}}, {a}});
  (void)receive(a, ForwardJoin{{c}, config.arwl, {a}});
  EXPECT_EQ(count("membership.walks_shortened"), 2U);
}

TEST_F(HyParViewTest, of_a_peer_that_does_not_answer_a_bounded_number_of_shuffles_is_remembered) {
  add_peer(a);
  add_peer(b);
  for (int i = 0; i < 20; ++i) (void)receive(a, Shuffle{2, {{c}}, {a}});  // each is passed on to b
  EXPECT_EQ(count("membership.shuffles_unanswered_limit"), 4U);
  for (int i = 0; i < 20; ++i) (void)receive(b, ShuffleReply{{{d}}, {b}});
  EXPECT_EQ(count("membership.unasked_replies"), 4U);
}

TEST_F(HyParViewTest, only_answers_to_our_shuffles_are_believed) {
  add_peer(a);
  (void)receive(a, ShuffleReply{{{c}}, {a}});
  EXPECT_EQ(views().passive_count(), 0U);
  EXPECT_EQ(metrics.snapshot()["membership.unasked_replies"], 1U);
  (void)receive(a, Shuffle{1, std::vector<PeerRecord>(100, PeerRecord{a}), {a}});
  EXPECT_EQ(count("membership.shuffle_peers_limit"), 100 - shuffle_peers_max);
  while (sent<Shuffle>(pass(seconds(1))).empty()) {}
  (void)receive(a, ShuffleReply{{{c}}, {a}});
  EXPECT_EQ(views().passive_count(), 1U);
  (void)receive(a, ShuffleReply{{{d}}, {a}});
  EXPECT_EQ(views().passive_count(), 1U) << "one answer for each";
}

TEST_F(HyParViewTest, who_tells_of_many_leaves_most_of_the_passive_view_to_others) {
  config.passive_size = 30;
  add_peer(a);
  add_peer(b);
  const auto tell = [&](NodeName from, const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i) {
      const NodeName peer((prefix + std::to_string(i) + "@h").c_str());
      (void)receive(from, Shuffle{0, {{peer}}, {from}});
    }
  };
  tell(b, "honest", 30);
  tell(a, "invented", 300);
  const auto passive = views().passive();
  const auto honest =
      std::ranges::count_if(passive, [](NodeName peer) { return peer.text().starts_with("honest"); });
  EXPECT_EQ(passive.size(), 30U);
  EXPECT_EQ(honest, 20);
}

TEST_F(HyParViewTest, shuffles_often_at_first_and_rarely_later) {
  add_peer(a);
  const auto soon = sent<Shuffle>(pass(seconds(10))).size();
  (void)pass(seconds(60));
  const auto later = sent<Shuffle>(pass(seconds(100))).size();
  EXPECT_GE(soon, 3U);
  EXPECT_GE(later, 7U);
  EXPECT_LE(later, 14U);
}

TEST_F(HyParViewTest, the_passive_view_is_bounded) {
  add_peer(a);
  for (int i = 0; i < 200; ++i) {
    const NodeName peer(("p" + std::to_string(i) + "@h").c_str());
    (void)receive(a, Shuffle{0, {{peer}}, {a}});
    ASSERT_LE(views().passive().size(), config.passive_size);
  }
  EXPECT_GT(metrics.counter("membership.passive_full").value(), 0U);
}

TEST_F(HyParViewTest, a_barrel_node_that_wrongly_believes_in_an_edge_is_told_so) {
  (void)up(a);
  HyParView::Effects out;
  views().overlay_traffic(a, now, out);
  views().overlay_traffic(a, now, out);
  EXPECT_EQ(sent<Disconnect>(out).size(), 1U);
}

TEST_F(HyParViewTest, an_erlang_node_is_joined_accepted_silently_and_never_disconnected) {
  add_peer(a);
  (void)receive(a, ForwardJoin{{c}, 3, {a}});
  const auto out = up(c, PeerKind::erlang);
  EXPECT_EQ(sent<Join>(out).size(), 1U);
  EXPECT_TRUE(sent<Neighbor>(out).empty());
  EXPECT_TRUE(views().is_active(c));
  (void)down(a);
  (void)up(d, PeerKind::erlang);
  HyParView::Effects stray;
  views().overlay_traffic(d, now, stray);
  EXPECT_TRUE(views().is_active(d));
  add_peer(b);  // evicts one of the two Erlang nodes
  EXPECT_EQ(views().active().size(), 2U);
  // It is told nothing: the message would crash its membership process.
}

TEST_F(HyParViewTest, evicting_an_erlang_node_sends_nothing_to_it) {
  add_peer(c, PeerKind::erlang);
  add_peer(d, PeerKind::erlang);
  (void)up(a);
  const auto out = receive(a, Join{{a}});
  EXPECT_TRUE(sent<Disconnect>(out).empty());
  EXPECT_EQ(all<HyParView::PeerDown>(out).size(), 1U);
}

TEST_F(HyParViewTest, an_erlang_node_that_fell_silent_is_joined_again) {
  add_peer(c, PeerKind::erlang);
  const auto joins = sent<Join>(pass(seconds(30)));
  ASSERT_EQ(joins.size(), 1U);
  EXPECT_EQ(joins.front().first, c);
}

TEST_F(HyParViewTest, an_erlang_node_that_lost_its_views_is_joined_again_though_its_gossip_goes_on) {
  add_peer(a);
  add_peer(c, PeerKind::erlang);
  HyParView::Effects out;
  views().overlay_traffic(c, now, out);
  views().remind(c, now, out);
  const auto joins = sent<Join>(out);
  ASSERT_EQ(joins.size(), 1U);
  EXPECT_EQ(joins.front().first, c);
  out.clear();
  views().remind(a, now, out);
  views().remind(d, now, out);
  EXPECT_TRUE(out.empty()) << "Barrel nodes, and those that are no neighbours";
}

TEST_F(HyParViewTest, an_erlang_node_needs_its_link_as_long_as_it_gossips) {
  add_peer(a);
  add_peer(b);
  (void)up(c, PeerKind::erlang);
  EXPECT_FALSE(views().relies_on_us(c, now));
  HyParView::Effects out;
  views().overlay_traffic(c, now, out);
  views().overlay_traffic(a, now, out);
  EXPECT_FALSE(views().is_active(c)) << "there is no room";
  EXPECT_TRUE(views().relies_on_us(c, now + seconds(10)));
  EXPECT_FALSE(views().relies_on_us(c, now + seconds(60)));
  EXPECT_FALSE(views().relies_on_us(a, now));
  (void)down(c);
  EXPECT_FALSE(views().relies_on_us(c, now));
}

TEST_F(HyParViewTest, leaving_tells_every_peer_and_refuses_everybody_after) {
  add_peer(a);
  add_peer(c, PeerKind::erlang);
  HyParView::Effects out;
  views().leave(now, out);
  EXPECT_EQ(sent<Disconnect>(out).size(), 2U);
  EXPECT_EQ(all<HyParView::Left>(out).size(), 1U);
  EXPECT_TRUE(views().active().empty());
  EXPECT_FALSE(views().next_deadline().has_value());
  EXPECT_FALSE(sent<NeighborReply>(receive(a, Neighbor{Priority::high, {a}})).front().second.accepted);
  EXPECT_EQ(sent<Join>(join(a)).size(), 1U);
}

TEST_F(HyParViewTest, drops_and_counts_what_is_malformed_or_names_another_sender) {
  add_peer(a);
  HyParView::Effects out;
  const Term good = encode(a, Disconnect{{a}});
  const Term peer = good.elements()[2].elements()[1];
  const auto message = [&](const Term& content) {
    return Term::tuple_of(Atom("$barrel_p2p_hyparview"), a, content);
  };
  for (const Term& bad : {Term(), Term(1), message(Term(1)), message(Term::tuple_of(Atom("join"), Term(1))),
                          message(Term::tuple_of(Atom("unheard_of"), peer)),
                          message(Term::tuple_of(Atom("neighbor"), Atom("middle"), peer)),
                          message(Term::tuple_of(Atom("forward_join"), peer, -1, peer)),
                          message(Term::tuple_of(Atom("shuffle"), 1, Term::list({Term(1)}), peer)),
                          message(Term::tuple_of(Atom("shuffle"), 1, Term::list({peer}, Atom("x")), peer))}) {
    views().message(a, bad, now, out);
  }
  EXPECT_EQ(metrics.counter("membership.malformed").value(), 9U);
  views().message(a, encode(b, Disconnect{{b}}), now, out);
  EXPECT_EQ(metrics.counter("membership.spoofed").value(), 1U);
  EXPECT_TRUE(out.empty());
  EXPECT_TRUE(views().is_active(a));
}

TEST_F(HyParViewTest, floods_of_joins_neither_walk_nor_evict_more_than_a_few_times_a_second) {
  add_peer(a);
  add_peer(b);
  (void)up(c);
  std::size_t walks = 0;
  std::size_t places = 0;
  constexpr std::size_t floods = 300;
  for (std::size_t i = 0; i < floods; ++i) {  // for 3 seconds
    for (const Message& request : {Message(Join{{c}}), Message(Neighbor{Priority::high, {c}})}) {
      const auto out = receive(c, request);
      walks += sent<ForwardJoin>(out).size();
      places += static_cast<std::size_t>(std::ranges::count_if(
          out, [](const auto& e) { return std::holds_alternative<HyParView::PeerUp>(e); }));
      (void)receive(c, Disconnect{{c}});
    }
    now += std::chrono::milliseconds(10);
  }
  EXPECT_GE(places, 5U) << "a few are served";
  EXPECT_LE(places, 20U) << "five a second, and five that were saved up";
  EXPECT_LE(walks, 2 * 20U);
  EXPECT_GE(metrics.counter("membership.joins_refused").value(), 2 * floods - 20);
  now += seconds(1);
  (void)receive(c, Join{{c}});
  EXPECT_TRUE(views().is_active(c)) << "afterwards it may join as anybody";
}

}  // namespace
}  // namespace barrel
