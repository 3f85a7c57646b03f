#include <chrono>

#include "barrel/term/mapping.hpp"
#include "crdt/or_map_wire.hpp"
#include "services/test_registry.hpp"

// What others tell a node of its own names, truly or not.

namespace barrel {
namespace {

using namespace test;

TEST(Registry, a_node_takes_back_what_its_former_self_left_and_restates_what_was_taken_from_it) {
  Member former(n1, 1);
  ASSERT_TRUE(former.put("old", 1));
  ASSERT_TRUE(former.put("kept", 2));
  Member now(n1, 2);
  Member b(n2);
  ASSERT_TRUE(now.core.register_service("kept", now.pid(7), Term::map({}), wall - 60'000, now.out));
  (void)now.take_gossip();
  for (const Term& payload : former.take_gossip()) {
    b.hear(payload);
    now.hear(payload);
  }
  EXPECT_EQ(now.count("registry.reasserted"), 2U);
  now.core.advance(*now.core.next_deadline(), now.out);
  tell(now, b);
  EXPECT_TRUE(b.lookup("old").empty());
  EXPECT_EQ(b.lookup("kept").front().pid, now.pid(7));
  EXPECT_EQ(now.core.snapshot()->lookup_local("kept")->pid, now.pid(7));
}

TEST(Registry, other_content_under_the_owners_stamp_is_found_by_a_comparison_and_written_over) {
  Member owner(n1);
  Member deceived(n2);
  ASSERT_TRUE(owner.put("x", 1));
  tell(owner, deceived);
  const Term key = registry::key_term("x", n1);
  OrMapEntry forged = *owner.core.entries().find(key);
  const Term lie = Term::map({{"port", 666}});
  forged.value = registry::entry_value({"x", owner.pid(1), n1, lie});
  registry::MapBuilder map;
  map.add(key, forged, nullptr);
  deceived.core.message("m@h", true, encode(registry::FullSync{"m@h", map.take()}), deceived.now, wall,
                        deceived.out);
  EXPECT_EQ(deceived.lookup("x").front().meta, lie);
  deceived.core.sync(n1, deceived.out);
  (void)exchange(deceived, owner);
  tell(owner, deceived);
  EXPECT_EQ(deceived.lookup("x").front().meta, Term::map({}));
  EXPECT_EQ(owner.count("registry.reasserted"), 1U);
}

/// What a node that is alone puts under the names 0 to `count` - 1, told in one piece.
Term written_alone(Member& node, int count, bool then_removed) {
  node.core.peer_down("elsewhere@h");
  for (int i = 0; i < count; ++i) (void)node.put(i, 1);
  if (then_removed) node.core.process_died(node.pid(1), Term(), wall, node.out);
  node.core.peer_up("elsewhere@h", true, node.now, node.out);
  return node.take_gossip().front();
}

TEST(Registry, what_a_node_takes_back_at_once_is_told_in_pieces) {
  Member former(n1);
  Member now(n1, 2, {.sync_entries_max = 2});
  now.hear(written_alone(former, 5, false));
  EXPECT_EQ(now.take_gossip().size(), 3U);
  EXPECT_EQ(now.count("registry.reasserted"), 1U);
}

TEST(Registry, what_is_taken_from_a_node_again_and_again_is_told_no_faster_than_its_size_allows) {
  Member owner(n1, 1, {.reassert_bytes_per_second = 10'000});
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(owner.put(i, 1, Term::map({{"data", Term::binary(Bytes(4'000, 7))}})));
  (void)owner.take_gossip();
  const auto lie = [&](int round) {
    registry::MapBuilder map;
    for (int i = 0; i < 10; ++i)
      map.add(registry::key_term(i, n1), removed_entry(Timestamp{wall + round, 0}), nullptr);
    owner.core.message("m@h", true, encode(registry::FullSync{"m@h", map.take()}), owner.now, wall,
                       owner.out);
  };
  lie(1);
  EXPECT_EQ(owner.take_gossip().size(), 1U) << "the first is answered at once";
  for (int round = 2; round <= 100; ++round) lie(round);
  EXPECT_TRUE(owner.take_gossip().empty());
  EXPECT_EQ(owner.count("registry.reassertions_put_off"), 99U);
  ASSERT_TRUE(owner.core.next_deadline());
  EXPECT_GE(*owner.core.next_deadline() - owner.now, std::chrono::seconds(4)) << "40,000 bytes";
  owner.now = *owner.core.next_deadline();
  owner.core.advance(owner.now, owner.out);
  Member other(n2);
  tell(owner, other);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(other.lookup(i).size(), 1U);
  EXPECT_EQ(owner.core.next_deadline(), std::nullopt);
}

TEST(Registry, invented_names_of_a_node_that_it_removes_are_kept_within_its_share) {
  Member former(n1);
  Member small(n1, 2, {.keys_per_node_max = 10});
  small.hear(written_alone(former, 20, false));
  EXPECT_EQ(small.core.entries().size(), 10U);
  EXPECT_EQ(small.count("registry.keys_full"), 10U);
}

TEST(Registry, removals_by_a_former_self_are_kept_within_the_share_of_a_node) {
  Member former(n1);
  const Term told = written_alone(former, 20, true);
  Member now(n1, 2);
  now.hear(told);
  EXPECT_EQ(now.core.entries().size(), 20U) << "as others keep them, so that digests agree";
  Member small(n1, 2, {.keys_per_node_max = 10});
  small.hear(told);
  EXPECT_EQ(small.core.entries().size(), 10U);
  EXPECT_EQ(small.count("registry.keys_full"), 10U);
}

}  // namespace
}  // namespace barrel
