#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "barrel/term/mapping.hpp"
#include "barrel/term/term_text.hpp"
#include "crdt/or_map_wire.hpp"
#include "services/test_registry.hpp"

namespace barrel {
namespace {

using namespace test;

ServiceEvent registered(const Term& name, NodeName node) {
  return {ServiceRegistered{name, node}};
}

const Term room = Term::tuple_of(Atom("chat_room"), Atom("general"));

TEST(Registry, a_registration_is_seen_by_others_with_its_metadata_and_told_once) {
  Member a(n1);
  Member b(n2);
  const Term meta = Term::map({{Term(Atom("load")), Term(3)}});
  ASSERT_TRUE(a.put(room, 1, meta));
  EXPECT_EQ(a.take_events(), std::vector{registered(room, n1)});
  const auto gossip = a.take_gossip();
  ASSERT_EQ(gossip.size(), 1U);
  b.hear(gossip.front());
  b.hear(gossip.front());
  EXPECT_EQ(b.take_events(), std::vector{registered(room, n1)});
  EXPECT_EQ(b.lookup(room), (std::vector{ServiceEntry{room, a.pid(1), n1, meta}}));
}

TEST(Registry, the_same_process_updates_and_another_is_refused) {
  Member a(n1);
  Member b(n2);
  ASSERT_TRUE(a.put("x", 1));
  ASSERT_TRUE(a.put("x", 1));
  EXPECT_EQ(a.take_events().size(), 1U);
  const Term meta = Term::map({{Term(Atom("load")), Term(9)}});
  ASSERT_TRUE(a.put("x", 1, meta));
  EXPECT_EQ(a.take_events().size(), 1U);
  const auto other = a.put("x", 2);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::already_registered);
  tell(a, b);
  EXPECT_EQ(b.lookup("x").front().meta, meta);
  EXPECT_EQ(a.put("y", 1, Term(1)).error().code, Errc::invalid_argument);
  EXPECT_EQ(a.count("registry.registrations_refused"), 0U);
  EXPECT_EQ(a.put(Term(std::string(2'000, 'x')), 1).error().code, Errc::limit_exceeded);
  EXPECT_EQ(a.count("registry.registrations_refused"), 1U);
  EXPECT_EQ(a.core.register_service("y", b.pid(1), Term::map({}), wall, a.out).error().code,
            Errc::invalid_argument);
}

TEST(Registry, an_end_says_everywhere_whether_it_was_wanted) {
  Member a(n1);
  Member b(n2);
  ASSERT_TRUE(a.put("wanted", 1));
  ASSERT_TRUE(a.put("died", 2));
  ASSERT_TRUE(a.put("died too", 2));
  tell(a, b);
  (void)a.take_events();
  (void)b.take_events();
  EXPECT_EQ(a.core.unregister_service("wanted", a.pid(9), wall, a.out).error().code, Errc::not_found);
  ASSERT_TRUE(a.core.unregister_service("wanted", a.pid(1), wall, a.out));
  a.core.process_died(a.pid(2), Term(Atom("killed")), wall, a.out);
  tell(a, b);
  const auto expected = std::vector<ServiceEvent>{{ServiceUnregistered{"wanted", n1}},
                                                  {ServiceDown{"died", n1, Atom("killed")}},
                                                  {ServiceDown{"died too", n1, Atom("killed")}}};
  EXPECT_EQ(a.take_events(), expected);
  EXPECT_EQ(b.take_events(), expected);
  EXPECT_EQ(b.core.snapshot()->entry_count(), 0U);
  a.core.process_died(a.pid(2), Term(Atom("killed")), wall, a.out);
  EXPECT_TRUE(a.take_events().empty());
}

TEST(Registry, the_end_of_an_unknown_name_makes_no_event) {
  Member a(n1);
  Member b(n2);
  ASSERT_TRUE(a.put("x", 1));
  (void)a.take_gossip();
  ASSERT_TRUE(a.core.unregister_service("x", a.pid(1), wall, a.out));
  tell(a, b);
  EXPECT_TRUE(b.take_events().empty());
}

TEST(Registry, several_nodes_may_hold_a_name_and_the_local_one_is_preferred) {
  Member a(n1);
  Member b(n2);
  ASSERT_TRUE(a.put("worker", 1));
  ASSERT_TRUE(b.put("worker", 1));
  tell(a, b);
  tell(b, a);
  EXPECT_EQ(b.lookup("worker").size(), 2U);
  EXPECT_EQ(b.core.snapshot()->whereis("worker")->node, n2);
  EXPECT_EQ(a.core.snapshot()->whereis("worker")->node, n1);
  EXPECT_EQ(a.core.snapshot()->names().size(), 1U);
}

TEST(Registry, a_dead_node_is_hidden_and_shown_again_without_being_forgotten) {
  Member a(n1);
  Member b(n2);
  ASSERT_TRUE(a.put("x", 1));
  tell(a, b);
  (void)b.take_events();
  b.set_node(n1, {false, 1});
  const std::vector<ServiceEvent> lost{{ServiceDown{"x", n1, Atom("noconnection")}}};
  EXPECT_EQ(b.take_events(), lost);
  EXPECT_TRUE(b.lookup("x").empty());
  b.set_node(n1, {false, 1});
  EXPECT_TRUE(b.take_events().empty());
  EXPECT_TRUE(b.take_gossip().empty()) << "only the owner removes";
  b.set_node(n1, {true, 1});
  EXPECT_EQ(b.take_events(), std::vector{registered("x", n1)});
}

TEST(Registry, names_of_an_incarnation_that_ended_are_hidden) {
  Member a(n1, 1);
  Member b(n2);
  ASSERT_TRUE(a.put("x", 1));
  tell(a, b);
  b.set_node(n1, {true, 2});
  EXPECT_TRUE(b.lookup("x").empty());
  Member restarted(n1, 2);
  ASSERT_TRUE(
      restarted.core.register_service("x", restarted.pid(5), Term::map({}), wall + 10, restarted.out));
  tell(restarted, b);
  EXPECT_EQ(b.lookup("x").front().pid, restarted.pid(5));
}

TEST(Registry, only_the_owner_of_a_key_may_gossip_of_it) {
  Member a(n1);
  Member b(n2);
  ASSERT_TRUE(a.put("x", 1));
  const auto payload = a.take_gossip().front();
  b.hear(registry::delta_payload("n3@h", payload.elements()[2]));
  EXPECT_TRUE(b.lookup("x").empty());
  EXPECT_EQ(b.count("registry.foreign"), 1U);
}

TEST(Registry, entries_from_the_future_are_refused_before_they_reach_the_clock) {
  Member a(n1);
  Member b(n2);
  ASSERT_TRUE(a.core.register_service("x", a.pid(1), Term::map({}), wall + 301'000, a.out));
  tell(a, b);
  EXPECT_EQ(b.count("registry.from_future"), 1U);
  EXPECT_TRUE(b.lookup("x").empty());
  ASSERT_TRUE(b.put("y", 1));
  EXPECT_EQ(b.core.entries().find(registry::key_term("y", n2))->stamp().wall_ms, wall);
}

TEST(Registry, reads_and_writes_the_messages_of_the_original) {
  const auto add = parse_term(
      "{delta,'n2@127.0.0.1',#{{<<\"svc_two\">>,'n2@127.0.0.1'} => {value,{service_entry,<<\"svc_two\">>,"
      "<n2@127.0.0.1.10.0>,'n2@127.0.0.1',#{}},#{{'n2@127.0.0.1',{timestamp,1795356350117,1}} => true}}}}");
  const auto remove = parse_term(
      "{delta,'n2@127.0.0.1',#{{<<\"svc_two\">>,'n2@127.0.0.1'} => "
      "{tombstone,{timestamp,1795356350479,1}}}}");
  const auto full = parse_term(
      "{'$barrel_p2p_replica',{full_sync,'n1@127.0.0.1',#{{svc_one,'n1@127.0.0.1'} => "
      "{value,{service_entry,svc_one,"
      "<n1@127.0.0.1.160.0>,'n1@127.0.0.1',#{v => 1}},#{{'n1@127.0.0.1',{timestamp,1795356342328,0}} => "
      "true}}}}}");
  ASSERT_TRUE(add && remove && full);
  Member c("c@h");
  c.hear(*add);
  EXPECT_EQ(c.lookup("svc_two").size(), 1U);
  c.hear(*remove);
  EXPECT_EQ(c.take_events(), (std::vector{registered("svc_two", n2), {ServiceUnregistered{"svc_two", n2}}}));
  c.core.message(n1, false, *full, c.now, wall, c.out);
  EXPECT_EQ(c.lookup(Atom("svc_one")).front().meta.get<int>("v"), 1);

  Member two(n2, 0);
  ASSERT_TRUE(
      two.core.register_service("svc_two", {n2.atom(), 10, 0, 0}, Term::map({}), 1795356350117, two.out));
  const auto written = two.take_gossip();
  EXPECT_EQ(
      to_string(written.front(), "x@h"),
      "{delta,'n2@127.0.0.1',#{{<<\"svc_two\">>,'n2@127.0.0.1'} => {value,{service_entry,<<\"svc_two\">>,"
      "<n2@127.0.0.1.10.0>,'n2@127.0.0.1',#{}},#{{'n2@127.0.0.1',{timestamp,1795356350117,0}} => true}}}}");
}

TEST(Registry, a_died_process_is_a_plain_tombstone_for_the_original_with_a_companion_for_us) {
  Member a(n1);
  ASSERT_TRUE(a.put("x", 1));
  (void)a.take_gossip();
  a.core.process_died(a.pid(1), Term(Atom("killed")), wall, a.out);
  const auto gossip = a.take_gossip();
  EXPECT_EQ(to_string(gossip.front()),
            "{delta,'n1@127.0.0.1',#{{<<\"x\">>,'n1@127.0.0.1'} => {tombstone,{timestamp,1795356350000,1}},"
            "{barrel_down,<<\"x\">>,'n1@127.0.0.1'} => {down,{timestamp,1795356350000,1},killed}}}");
}

TEST(Registry, an_erlang_peer_gets_the_local_entries_only_and_tells_only_its_own) {
  Member a(n1);
  Member b(n2);
  ASSERT_TRUE(b.put("theirs", 1));
  tell(b, a);
  a.core.peer_up("e@h", false, a.now, a.out);
  auto messages = a.take_messages();
  ASSERT_EQ(messages.size(), 1U) << "no live local entry: nothing but the request";
  EXPECT_TRUE(messages.front().second.elements()[1].is_tagged("request_sync", 2));
  ASSERT_TRUE(a.put("mine", 1));
  a.core.message("e@h", false, encode(registry::RequestSync{"e@h"}), a.now, wall, a.out);
  messages = a.take_messages();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages.front().second.elements()[1].elements()[2].entries().size(), 1U);

  Member c("c@h");
  const Term claims_for_others =
      encode(registry::FullSync{"e@h", messages.front().second.elements()[1].elements()[2]});
  c.core.message("e@h", false, claims_for_others, c.now, wall, c.out);
  EXPECT_EQ(c.count("registry.foreign"), 1U);
  EXPECT_TRUE(c.lookup("mine").empty());
}

TEST(Registry, a_late_joiner_gets_the_merged_map_with_reasons_and_equal_ones_exchange_only_a_digest) {
  Member a(n1);
  Member b(n2);
  Member third("n3@h");
  ASSERT_TRUE(third.put("third", 1));
  ASSERT_TRUE(third.put("dead", 2));
  tell(third, a);
  third.core.process_died(third.pid(2), Term(Atom("boom")), wall, third.out);
  for (int i = 0; i < 3'000; ++i)
    ASSERT_TRUE(a.put(Term::tuple_of(Atom("n"), i), static_cast<std::uint32_t>(i)));
  tell(third, a);
  ASSERT_TRUE(b.put("of b", 1));
  a.core.peer_up(n2, true, a.now, a.out);
  b.core.peer_up(n1, true, b.now, b.out);
  (void)exchange(a, b);
  EXPECT_EQ(b.core.snapshot()->entry_count(), 3'002U);
  EXPECT_EQ(b.lookup("third").size(), 1U);
  EXPECT_EQ(a.lookup("of b").size(), 1U);
  EXPECT_TRUE(b.core.take_learned());
  (void)b.take_events();
  a.core.sync(n2, a.out);
  EXPECT_EQ(exchange(a, b), 1U);

  // One change costs one part of the map, not all of it.
  ASSERT_TRUE(a.put("new", 5'000));
  (void)a.take_gossip();
  b.core.sync(n1, b.out);
  EXPECT_LE(exchange(a, b), 4U);
  EXPECT_EQ(b.lookup("new").size(), 1U);
}

TEST(Registry, what_was_written_alone_is_told_when_the_first_peer_comes) {
  Metrics metrics;
  RegistryCore::Effects out;
  RegistryCore alone(n1, 1, {}, [](NodeName) { return NodeVisibility{}; }, Random(1), metrics, Log());
  ASSERT_TRUE(alone.register_service("x", {n1.atom(), 1, 0, 1}, Term::map({}), wall, out));
  const auto broadcasts = [&] {
    return std::ranges::count_if(
        out, [](const auto& e) { return std::holds_alternative<RegistryCore::Broadcast>(e); });
  };
  EXPECT_EQ(broadcasts(), 0);
  alone.peer_up(n2, true, Instant{}, out);
  EXPECT_EQ(broadcasts(), 1);
  alone.peer_up("n3@h", true, Instant{}, out);
  EXPECT_EQ(broadcasts(), 1);
}

TEST(Registry, malformed_entries_are_dropped_one_by_one_and_counted) {
  Member a(n1);
  Member b(n2);
  ASSERT_TRUE(a.put("good", 1));
  const Term map = a.take_gossip().front().elements()[2];
  const auto good = map.entries().front();
  std::vector<Term::MapEntry> entries{good};
  const auto key = [](const Term& name) { return registry::key_term(name, n1); };
  entries.push_back({key("other name"), good.value});
  entries.push_back({key("no entry"), Term(1)});
  entries.push_back({Term("no key"), good.value});
  entries.push_back({Term::tuple_of(Term("x"), Term("no node")), good.value});
  entries.push_back(
      {Term::tuple_of(Term(std::string(5'000, 'x')), n1), barrel::to_term(removed_entry({1, 0}))});
  entries.push_back({Term::tuple_of(Atom("barrel_down"), Term("x"), n1), Term(7)});
  b.hear(registry::delta_payload(n1, Term::map(entries)));
  EXPECT_EQ(b.core.snapshot()->entry_count(), 1U);
  EXPECT_EQ(b.count("registry.malformed"), 5U);
  b.hear(Term(1));
  b.hear(registry::delta_payload(n1, Term(1)));
  b.core.message(n1, true, Term(1), b.now, wall, b.out);
  b.core.message(n1, true, encode(registry::RequestSync{"n3@h"}), b.now, wall, b.out);
  EXPECT_EQ(b.count("registry.malformed"), 8U);
  EXPECT_EQ(b.count("registry.spoofed"), 1U);
}

TEST(Registry, of_the_writers_of_a_name_the_latest_are_kept) {
  Member a(n1);
  ASSERT_TRUE(a.put("x", 1));
  const auto written = a.take_gossip().front().elements()[2].entries().front();
  const auto entry = entry_from_term(written.value);
  ASSERT_TRUE(entry);
  const auto with_others = [&](int others, const std::string& called) {
    std::vector<Term::MapEntry> dots(written.value.elements()[2].entries().begin(),
                                     written.value.elements()[2].entries().end());
    for (int i = 0; i < others; ++i) {
      const NodeName node((called + std::to_string(i) + "@h").c_str());
      const auto other = barrel::to_term(live_entry(1, {{1, 0}, node}));
      dots.push_back(other.elements()[2].entries().front());
    }
    const Term value = Term::tuple_of(Atom("value"), entry->value, Term::map(dots));
    return registry::delta_payload(n1, Term::map({{written.key, value}}));
  };
  for (const int others : {63, 64}) {
    Member b(n2);
    b.hear(with_others(others, "w"));
    EXPECT_EQ(b.count("registry.writers_full"), others == 64 ? 1U : 0U);
    EXPECT_EQ(b.lookup("x").size(), 1U);
    b.hear(with_others(64, "v"));
    EXPECT_EQ(b.count("registry.writers_full"), others == 64 ? 2U : 1U) << "once for each entry";
  }
}

TEST(Registry, the_bytes_of_a_node_are_limited) {
  RegistryConfig config;
  config.bytes_per_node_max = 10'000;
  Member b(n2, 1, config);
  Member a(n1);
  const Term meta = Term::map({{Term(Atom("text")), Term(std::string(2'000, 'x'))}});
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(a.put(i, static_cast<std::uint32_t>(i), meta));
  tell(a, b);
  EXPECT_EQ(b.core.snapshot()->entry_count(), 4U);
  EXPECT_EQ(b.count("registry.bytes_full"), 4U);
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(a.core.unregister_service(i, a.pid(static_cast<std::uint32_t>(i)), wall, a.out));
  }
  tell(a, b);
  ASSERT_TRUE(a.put("later", 9, meta));
  tell(a, b);
  EXPECT_EQ(b.core.snapshot()->entry_count(), 1U) << "removals make room";
}

TEST(Registry, a_node_can_fill_only_its_own_share_and_removals_are_bounded) {
  RegistryConfig config;
  config.keys_per_node_max = 10;
  config.tombstones_max = 5;
  Member b(n2, 1, config);
  Member a(n1);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(a.put(i, static_cast<std::uint32_t>(i)));
  tell(a, b);
  EXPECT_EQ(b.core.snapshot()->entry_count(), 10U);
  EXPECT_EQ(b.count("registry.keys_full"), 10U);
  Member c("n3@h");
  ASSERT_TRUE(c.put("c", 1));
  tell(c, b);
  EXPECT_EQ(b.lookup("c").size(), 1U);
  for (std::uint32_t i = 0; i < 20; ++i) a.core.process_died(a.pid(i), Term(), wall, a.out);
  tell(a, b);
  EXPECT_LE(b.core.entries().tombstone_count(), 5U);
  EXPECT_GT(b.count("registry.tombstones_full"), 0U);
}

TEST(Registry, made_up_removals_leave_a_node_its_share_for_what_it_registers) {
  for (const RegistryConfig& config :
       {RegistryConfig{.keys_per_node_max = 20}, RegistryConfig{.bytes_per_node_max = 4'000}}) {
    Member owner(n1, 1, config);
    Member other(n2, 1, config);
    registry::MapBuilder map;
    for (int i = 0; i < 100; ++i) {
      const std::string name = "made up " + std::to_string(i);
      map.add(registry::key_term(Term(name), n1), removed_entry(Timestamp{wall + i, 0}), nullptr);
    }
    const Term lies = registry::delta_payload(n1, map.take());
    owner.hear(lies);
    other.hear(lies);
    for (std::uint32_t i = 0; i < 15; ++i) ASSERT_TRUE(owner.put(i, i + 1));
    tell(owner, other);
    for (std::uint32_t i = 0; i < 15; ++i) EXPECT_EQ(other.lookup(i).size(), 1U) << i;
  }
}

TEST(Registry, names_that_come_and_go_while_nobody_hears_it_are_not_kept_for_ever) {
  RegistryConfig config;
  config.tombstones_max = 5;
  Member a(n1, 1, config);
  a.core.peer_down("elsewhere@h");
  ASSERT_TRUE(a.put("lives", 1));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(a.put(i, 1));
    ASSERT_TRUE(a.core.unregister_service(i, a.pid(1), wall, a.out));
  }
  EXPECT_EQ(a.core.unheard_count(), 6U);
  a.core.peer_up("elsewhere@h", true, a.now, a.out);
  EXPECT_EQ(a.core.unheard_count(), 0U);
  Member b(n2);
  for (const Term& payload : a.take_gossip()) b.hear(payload);
  EXPECT_EQ(b.core.entries().size(), 6U) << "what lives, and the removals that are still known";
  EXPECT_EQ(b.lookup("lives").size(), 1U);
}

TEST(Registry, a_snapshot_stays_as_it_was) {
  Member a(n1);
  ASSERT_TRUE(a.put("x", 1));
  EXPECT_TRUE(a.core.take_changed());
  const auto before = a.core.snapshot();
  ASSERT_TRUE(a.put("y", 2));
  a.core.process_died(a.pid(1), Term(), wall, a.out);
  EXPECT_EQ(before->names(), std::vector{Term("x")});
  EXPECT_EQ(a.core.snapshot()->names(), std::vector{Term("y")});
  EXPECT_TRUE(a.core.take_changed());
  EXPECT_FALSE(a.core.take_changed());
}

}  // namespace
}  // namespace barrel
