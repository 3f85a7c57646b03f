#include "crdt/or_map.hpp"

#include <gtest/gtest.h>

#include "barrel/base/random.hpp"
#include "crdt/or_map_wire.hpp"

namespace barrel {
namespace {

/// Small ranges, so that equal times, nodes and values meet often.
OrMapEntry random_entry(Random& random) {
  static const NodeName nodes[] = {"a@h", "b@h", "c@h"};
  if (random.chance(300'000)) return removed_entry({random.between(0, 4), random.between(0, 1)});
  OrMapEntry entry = live_entry(random.between(0, 3),
                                {{random.between(0, 4), random.between(0, 1)}, nodes[random.below(3)]});
  if (random.chance(300'000)) entry = merge(entry, random_entry(random));
  return entry;
}

TEST(OrMapMerge, is_commutative_associative_and_idempotent) {
  Random random(11);
  for (int i = 0; i < 20'000; ++i) {
    const OrMapEntry a = random_entry(random);
    const OrMapEntry b = random_entry(random);
    const OrMapEntry c = random_entry(random);
    ASSERT_EQ(merge(a, b), merge(b, a));
    ASSERT_EQ(merge(merge(a, b), c), merge(a, merge(b, c)));
    ASSERT_EQ(merge(a, a), a);
    ASSERT_EQ(merge(merge(a, b), b), merge(a, b));
  }
}

TEST(OrMapMerge, gives_what_the_original_gives) {
  const Dot early{{10, 0}, "a@h"};
  const Dot late{{20, 0}, "b@h"};
  // The value of the greatest dot, dots united.
  const OrMapEntry both = merge(live_entry(1, early), live_entry(2, late));
  EXPECT_EQ(both.value, Term(2));
  EXPECT_EQ(both.dots, (std::vector<Dot>{late, early}));
  // Equal times: the greater node.
  EXPECT_EQ(merge(live_entry(1, {{10, 0}, "a@h"}), live_entry(2, {{10, 0}, "b@h"})).value, Term(2));
  // A removal wins only if it is later than every dot.
  EXPECT_FALSE(merge(live_entry(1, early), removed_entry({11, 0})).is_live());
  EXPECT_TRUE(merge(live_entry(1, early), removed_entry({10, 0})).is_live());
  EXPECT_TRUE(merge(removed_entry({15, 0}), live_entry(1, late)).is_live());
  EXPECT_EQ(merge(removed_entry({5, 0}), removed_entry({7, 0})).stamp(), (Timestamp{7, 0}));
}

TEST(OrMapMerge, keeps_a_bounded_number_of_dots) {
  OrMapEntry entry;
  for (int i = 0; i < 500; ++i) {
    const NodeName node(("n" + std::to_string(i) + "@h").c_str());
    entry = merge(entry, live_entry(i, {{i, 0}, node}));
  }
  EXPECT_EQ(entry.dots.size(), OrMapEntry::dots_max);
  EXPECT_EQ(entry.value, Term(499));
}

TEST(OrMap, tells_of_merges_that_leave_a_writer_out) {
  OrMap map;
  int full = 0;
  const auto write = [&](int node, int at) {
    const NodeName name(("n" + std::to_string(node) + "@h").c_str());
    if (map.apply("k", live_entry(1, {{at, 0}, name})).dots_full) ++full;
  };
  const int most = static_cast<int>(OrMapEntry::dots_max);
  for (int i = 0; i < most; ++i) write(i, i);
  write(most - 1, 900);
  EXPECT_EQ(full, 0) << "of one node the latest counts";
  write(most, 901);
  EXPECT_EQ(full, 1) << "the oldest goes";
  write(most + 1, 0);
  EXPECT_EQ(full, 2) << "what is older than all is not kept";
}

TEST(OrMap, tells_whether_something_changed_and_finds_the_oldest_removal) {
  OrMap map;
  const Term key("k");
  EXPECT_TRUE(map.apply(key, live_entry(1, {{10, 0}, "a@h"})).changed);
  EXPECT_FALSE(map.apply(key, live_entry(1, {{10, 0}, "a@h"})).changed);
  EXPECT_FALSE(map.apply(key, live_entry(0, {{9, 0}, "a@h"})).changed);
  EXPECT_TRUE(map.apply(key, removed_entry({12, 0})).changed);
  EXPECT_TRUE(map.apply("older", removed_entry({11, 0})).changed);
  ASSERT_FALSE(map.tombstones().empty());
  EXPECT_EQ(map.tombstones().begin()->second, Term("older"));
  map.forget("older");
  EXPECT_EQ(map.tombstones().begin()->second, key);
  EXPECT_TRUE(map.apply(key, live_entry(2, {{13, 0}, "a@h"})).changed);
  EXPECT_EQ(map.tombstone_count(), 0U);
}

TEST(OrMapWire, reads_what_it_writes_and_the_captured_forms) {
  const OrMapEntry live = live_entry("v", {{1795356350117, 1}, "n2@127.0.0.1"});
  const Term written = to_term(live);
  EXPECT_EQ(to_string(written), "{value,<<\"v\">>,#{{'n2@127.0.0.1',{timestamp,1795356350117,1}} => true}}");
  EXPECT_EQ(entry_from_term(written).value_or(OrMapEntry{}), live);
  const OrMapEntry removed = removed_entry({1795356350479, 1});
  EXPECT_EQ(to_string(to_term(removed)), "{tombstone,{timestamp,1795356350479,1}}");
  EXPECT_EQ(entry_from_term(to_term(removed)).value_or(OrMapEntry{}), removed);
}

TEST(OrMapWire, refuses_every_other_shape) {
  const Term stamp = to_term(Timestamp{1, 0});
  const Term dot = Term::tuple_of(Atom("a@h"), stamp);
  const auto dots = [](const Term& key) { return Term::map({{key, Term(true)}}); };
  EXPECT_TRUE(entry_from_term(Term::tuple_of(Atom("value"), 1, dots(dot))));
  EXPECT_FALSE(entry_from_term(Term::tuple_of(Atom("value"), 1, Term::map({}))));
  EXPECT_FALSE(entry_from_term(Term::tuple_of(Atom("value"), 1, Term::list({dot}))));
  EXPECT_FALSE(entry_from_term(Term::tuple_of(Atom("value"), 1, dots(Term::tuple_of("a@h", stamp)))));
  EXPECT_FALSE(
      entry_from_term(Term::tuple_of(Atom("value"), 1, dots(Term::tuple_of(Atom("not a node"), stamp)))));
  EXPECT_FALSE(entry_from_term(Term::tuple_of(Atom("value"), 1, dots(Term::tuple_of(Atom("a@h"), 1)))));
  EXPECT_FALSE(entry_from_term(Term::tuple_of(Atom("value"), 1)));
  EXPECT_FALSE(entry_from_term(Term::tuple_of(Atom("tombstone"), 1)));
  EXPECT_FALSE(entry_from_term(Term()));
}

TEST(OrMapWire, knows_entries_from_the_future) {
  const std::int64_t now = 1'000'000;
  const Duration skew = std::chrono::minutes(5);
  EXPECT_FALSE(is_from_future(removed_entry({now + 300'000, 0}), now, skew));
  EXPECT_TRUE(is_from_future(removed_entry({now + 300'001, 0}), now, skew));
  EXPECT_TRUE(is_from_future(live_entry(1, {{now + 300'001, 0}, "a@h"}), now, skew));
}

TEST(TermHash, agrees_with_equality_and_not_with_the_order_of_interning) {
  EXPECT_EQ(hash_term(Term::tuple_of(Atom("a"), 1)), hash_term(Term::tuple_of(Atom("a"), 1)));
  EXPECT_NE(hash_term(Term(1)), hash_term(Term(1.0)));
  EXPECT_NE(hash_term(Term("a")), hash_term(Term(Atom("a"))));
  EXPECT_EQ(hash_term(Term(0.0)), hash_term(Term(-0.0)));
  EXPECT_NE(hash_term(Term("k"), 1), hash_term(Term("k"), 2));
  // Fixed for ever: nodes compare digests made of it.
  EXPECT_EQ(hash_term(Term(Atom("chat_room"))), hash_term(Term(Atom(std::string_view("chat_room")))));
}

}  // namespace
}  // namespace barrel
