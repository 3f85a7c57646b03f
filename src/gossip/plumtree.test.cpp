#include "gossip/plumtree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "barrel/base/bytes.hpp"
#include "barrel/term/etf.hpp"
#include "barrel/term/term_size.hpp"

namespace barrel {
namespace {

using std::chrono::milliseconds;

const NodeName me("me@h");
const NodeName a("a@h");
const NodeName b("b@h");
const NodeName c("c@h");

class PlumtreeTest : public testing::Test {
 protected:
  Plumtree::Effects broadcast(const Term& payload) {
    Plumtree::Effects out;
    tree.broadcast(Atom("tag"), payload, now, out);
    return out;
  }
  Plumtree::Effects receive(NodeName from, const plumtree::Message& message) {
    Plumtree::Effects out;
    tree.message(from, encode(message), now, out);
    return out;
  }
  Plumtree::Effects gossip(NodeName from, const std::string& id) {
    return receive(from, plumtree::Gossip{id, Atom("tag"), Term(id), from});
  }
  Plumtree::Effects pass(Duration span) {
    now += span;
    Plumtree::Effects out;
    tree.advance(now, out);
    return out;
  }
  template <class M>
  static std::vector<NodeName> sent(const Plumtree::Effects& effects) {
    std::vector<NodeName> to;
    for (const auto& effect : effects) {
      const auto* send = std::get_if<Plumtree::SendTo>(&effect);
      if (send == nullptr) continue;
      const auto decoded = plumtree::decode(send->message);
      if (decoded && std::holds_alternative<M>(*decoded)) to.push_back(send->node);
    }
    return to;
  }
  static std::size_t delivered(const Plumtree::Effects& effects) {
    return static_cast<std::size_t>(std::ranges::count_if(
        effects, [](const auto& e) { return std::holds_alternative<Plumtree::Deliver>(e); }));
  }
  std::uint64_t count(const char* name) { return metrics.counter(name).value(); }

  Metrics metrics;
  PlumtreeConfig config;
  Plumtree tree{me, config, Random(1), metrics};
  Instant now{};
};

TEST_F(PlumtreeTest, sends_whole_to_eager_and_announces_to_lazy_peers) {
  tree.peer_up(a);
  tree.peer_up(b);
  (void)receive(b, plumtree::Prune{b});
  const auto out = broadcast("x");
  EXPECT_EQ(sent<plumtree::Gossip>(out), std::vector{a});
  EXPECT_EQ(sent<plumtree::Ihave>(out), std::vector{b});
}

TEST_F(PlumtreeTest, delivers_once_forwards_and_prunes_who_sends_it_again) {
  for (const NodeName peer : {a, b, c}) tree.peer_up(peer);
  const auto first = gossip(a, "id1");
  EXPECT_EQ(delivered(first), 1U);
  EXPECT_EQ(sent<plumtree::Gossip>(first), (std::vector{b, c}));
  const auto again = gossip(b, "id1");
  EXPECT_EQ(delivered(again), 0U);
  EXPECT_EQ(sent<plumtree::Prune>(again), std::vector{b});
  EXPECT_TRUE(tree.lazy().contains(b));
}

TEST_F(PlumtreeTest, never_prunes_its_only_eager_peer) {
  tree.peer_up(a);
  (void)gossip(a, "id1");
  EXPECT_TRUE(gossip(a, "id1").empty());
  EXPECT_TRUE(tree.eager().contains(a));
}

TEST_F(PlumtreeTest, forwards_tags_nobody_here_knows) {
  tree.peer_up(a);
  tree.peer_up(b);
  const auto out = receive(a, plumtree::Gossip{"id", Atom("barrel_p2p_map_replica$carts"), Term(1), a});
  EXPECT_EQ(sent<plumtree::Gossip>(out), std::vector{b});
}

TEST_F(PlumtreeTest, fetches_what_was_announced_and_did_not_come_from_one_announcer_after_the_other) {
  for (const NodeName peer : {a, b}) tree.peer_up(peer);
  (void)receive(a, plumtree::Prune{a});
  (void)receive(a, plumtree::Ihave{"id1", a});
  (void)receive(b, plumtree::Ihave{"id1", b});
  EXPECT_EQ(tree.next_deadline(), now + config.graft_delay);
  EXPECT_EQ(sent<plumtree::Graft>(pass(config.graft_delay)), std::vector{a});
  EXPECT_TRUE(tree.eager().contains(a));
  EXPECT_EQ(sent<plumtree::Graft>(pass(config.graft_retry)), std::vector{b});
  EXPECT_TRUE(sent<plumtree::Graft>(pass(config.graft_retry)).empty());
  EXPECT_EQ(count("gossip.given_up"), 1U);
  EXPECT_EQ(tree.missing_count(), 0U);
}

TEST_F(PlumtreeTest, counts_announcers_that_it_does_not_remember) {
  for (int i = 0; i < 6; ++i) {
    const NodeName peer(("n" + std::to_string(i) + "@h").c_str());
    for (int again = 0; again < 2; ++again) (void)receive(peer, plumtree::Ihave{"id1", peer});
  }
  EXPECT_EQ(count("gossip.announcers_full"), 4U) << "two peers, each of them twice";
}

TEST_F(PlumtreeTest, an_announced_message_that_comes_in_time_is_not_fetched) {
  for (const NodeName peer : {a, b}) tree.peer_up(peer);
  (void)receive(a, plumtree::Ihave{"id1", a});
  EXPECT_EQ(delivered(gossip(b, "id1")), 1U);
  EXPECT_TRUE(sent<plumtree::Graft>(pass(config.graft_delay)).empty());
}

TEST_F(PlumtreeTest, answers_a_graft_and_makes_the_asker_eager) {
  tree.peer_up(a);
  (void)receive(a, plumtree::Prune{a});
  (void)gossip(a, "id1");
  (void)receive(a, plumtree::Prune{a});
  EXPECT_EQ(sent<plumtree::Gossip>(receive(a, plumtree::Graft{"id1", a})), std::vector{a});
  EXPECT_TRUE(tree.eager().contains(a));
  EXPECT_EQ(count("gossip.grafts_unanswered"), 0U);
  EXPECT_TRUE(receive(a, plumtree::Graft{"unknown", a}).empty());
  EXPECT_EQ(count("gossip.grafts_unanswered"), 1U);
}

TEST_F(PlumtreeTest, a_flooded_tag_goes_whole_to_all_and_prunes_nobody) {
  tree.flood(Atom("urgent"));
  for (const NodeName peer : {a, b, c}) tree.peer_up(peer);
  (void)receive(c, plumtree::Prune{c});
  const plumtree::Gossip urgent{"id", Atom("urgent"), Term(1), a};
  EXPECT_EQ(sent<plumtree::Gossip>(receive(a, urgent)), (std::vector{b, c}));
  plumtree::Gossip again = urgent;
  again.sender = b;
  EXPECT_TRUE(receive(b, again).empty());
}

TEST_F(PlumtreeTest, drops_and_counts_what_is_malformed_or_names_another_sender) {
  tree.peer_up(a);
  Plumtree::Effects out;
  for (const Term& bad :
       {Term(), Term::tuple_of(Atom("$barrel_p2p_plumtree"), Term(1)),
        Term::tuple_of(Atom("$barrel_p2p_plumtree"), Term::tuple_of(Atom("prune"), Term("a@h"))),
        Term::tuple_of(Atom("$barrel_p2p_plumtree"), Term::tuple_of(Atom("ihave"), Term(""), a)),
        Term::tuple_of(Atom("$barrel_p2p_plumtree"),
                       Term::tuple_of(Atom("ihave"), Term(std::string(65, 'x')), a)),
        Term::tuple_of(Atom("$barrel_p2p_plumtree"),
                       Term::tuple_of(Atom("gossip"), Term("id"), Term("no atom"), Term(1), a))}) {
    tree.message(a, bad, now, out);
  }
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(count("gossip.malformed"), 6U);
  EXPECT_TRUE(receive(b, plumtree::Prune{a}).empty());
  EXPECT_EQ(count("gossip.spoofed"), 1U);
}

TEST_F(PlumtreeTest, one_peer_can_fill_only_its_own_share_of_what_is_waited_for) {
  for (const NodeName peer : {a, b}) tree.peer_up(peer);
  for (std::size_t i = 0; i < 2 * config.missing_per_peer_max; ++i) {
    (void)receive(a, plumtree::Ihave{"a" + std::to_string(i), a});
  }
  EXPECT_EQ(tree.missing_count(), config.missing_per_peer_max);
  EXPECT_EQ(count("gossip.missing_full"), config.missing_per_peer_max);
  (void)receive(b, plumtree::Ihave{"b", b});
  EXPECT_EQ(tree.missing_count(), config.missing_per_peer_max + 1);
}

TEST_F(PlumtreeTest, a_payload_that_is_too_large_is_neither_delivered_nor_passed_on) {
  for (const NodeName peer : {a, b}) tree.peer_up(peer);
  const Term fits(std::string(config.payload_bytes_max - 100, 'x'));
  const Term too_large(std::string(config.payload_bytes_max + 1, 'x'));
  EXPECT_EQ(delivered(receive(a, plumtree::Gossip{"fits", Atom("tag"), fits, a})), 1U);
  EXPECT_TRUE(receive(a, plumtree::Gossip{"large", Atom("tag"), too_large, a}).empty());
  EXPECT_EQ(count("gossip.payloads_over_limit"), 1U);
  EXPECT_TRUE(receive(b, plumtree::Graft{"large", b}).empty()) << "nor kept";
}

TEST(MessageCache, counts_the_memory_that_small_terms_take) {
  Metrics metrics;
  MessageCache cache({}, metrics);
  const Term tiny = Term::tuple(std::vector<Term>(1'000, Term::tuple({})));
  cache.insert("id", {Atom("tag"), tiny}, a, Instant{});
  EXPECT_GT(cache.bytes(), 1'000U * sizeof(Term));
}

TEST(MessageCache, is_bounded_by_count_bytes_and_age_and_takes_from_the_greediest) {
  Metrics metrics;
  PlumtreeConfig config;
  config.ids_max = 100;
  config.messages_max = 50;
  config.bytes_max = 20'000;
  MessageCache cache(config, metrics);
  Instant now{};
  cache.insert("modest", {Atom("t"), Term(1)}, a, now);
  for (int i = 0; i < 1'000; ++i) {
    now += milliseconds(1);
    cache.insert("flood" + std::to_string(i), {Atom("t"), Term(std::string(1'000, 'x'))}, b, now);
    ASSERT_LE(cache.id_count(), config.ids_max);
    ASSERT_LE(cache.body_count(), config.messages_max);
    ASSERT_LE(cache.bytes(), config.bytes_max);
  }
  EXPECT_NE(cache.find("modest"), nullptr);
  EXPECT_NE(cache.find("flood999"), nullptr);
  EXPECT_EQ(cache.find("flood950"), nullptr);
  EXPECT_TRUE(cache.contains("flood950"));
  EXPECT_FALSE(cache.contains("flood0"));
  ASSERT_TRUE(cache.next_expiry().has_value());
  cache.expire(now + config.message_ttl);
  EXPECT_EQ(cache.id_count(), 0U);
  EXPECT_EQ(cache.bytes(), 0U);
  EXPECT_FALSE(cache.next_expiry().has_value());
}

TEST(PlumtreeMessages, have_the_shapes_of_the_specification) {
  EXPECT_EQ(to_string(encode(plumtree::Gossip{"i", Atom("t"), Term(1), a})),
            "{'$barrel_p2p_plumtree',{gossip,<<\"i\">>,t,1,a@h}}");
  EXPECT_EQ(to_string(encode(plumtree::Ihave{"i", a})), "{'$barrel_p2p_plumtree',{ihave,<<\"i\">>,a@h}}");
  EXPECT_EQ(to_string(encode(plumtree::Graft{"i", a})), "{'$barrel_p2p_plumtree',{graft,<<\"i\">>,a@h}}");
  EXPECT_EQ(to_string(encode(plumtree::Prune{a})), "{'$barrel_p2p_plumtree',{prune,a@h}}");
}

TEST(EstimateBytes, is_near_the_external_form) {
  const Term term =
      Term::tuple_of(Atom("delta"), Term(std::string(500, 'x')),
                     Term::map({{Term(1), Term::list({Term(300), Term(2.5), Term(std::int64_t{1} << 40)})}}));
  const auto exact = static_cast<double>(encode_etf(term).size());
  EXPECT_NEAR(static_cast<double>(estimate_bytes(term)), exact, exact / 10);
  EXPECT_GT(estimate_bytes(term, 100), 100U);
}

}  // namespace
}  // namespace barrel
