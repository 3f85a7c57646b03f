// Room in the registry, when a member tells more than is its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "services/test_registry.hpp"

namespace barrel {
namespace {

using namespace test;

const NodeName alice("alice@h");
const NodeName mallory("mallory@h");
const NodeName bob("bob@h");
const NodeName dave("dave@h");

NodeName numbered(const char* what, int number) {
  return NodeName((what + std::to_string(number) + "@h").c_str());
}

/// A full_sync of `teller` with names 0 to `count` - 1 of `owner`.
Term full_sync(NodeName teller, NodeName owner, int count, bool removed) {
  registry::MapBuilder map;
  for (int i = 0; i < count; ++i) {
    const Timestamp at{wall + i, 0};
    const Term value = registry::entry_value({i, Pid{owner.atom(), 1, 0, 1}, owner, Term::map({})});
    map.add(registry::key_term(i, owner), removed ? removed_entry(at) : live_entry(value, {at, owner}),
            nullptr);
  }
  return encode(registry::FullSync{teller, map.take()});
}

class RegistryRoom : public testing::Test {
 protected:
  void tell(NodeName teller, NodeName owner, int count, bool removed = false) {
    self.core.message(teller, true, full_sync(teller, owner, count, removed), self.now, wall, self.out);
  }
  void meet(NodeName node) {
    self.nodes[node].met = true;
    self.core.met(node);
  }
  [[nodiscard]] std::size_t held_of(NodeName owner) const {
    const auto is_of = [&](const auto& e) { return e.first.elements()[1].atom_text() == owner.text(); };
    return static_cast<std::size_t>(std::ranges::count_if(self.core.entries().entries(), is_of));
  }
  [[nodiscard]] std::size_t held() const { return self.core.entries().size(); }
  /// Mallory tells of five nodes that do not exist, which fill everything.
  void besiege(bool removed = false) {
    meet(mallory);
    for (int i = 0; i < 5; ++i) tell(mallory, numbered("invented", i), 30, removed);
  }
  std::vector<NodeName> doubted() {
    return self.take<RegistryCore::Doubt>([](const auto& doubt) { return doubt.node; });
  }
  void pass(Duration time) {
    const Instant end = self.now + time;
    while (self.core.next_deadline() && *self.core.next_deadline() <= end) {
      self.now = std::max(self.now, *self.core.next_deadline());
      self.core.advance(self.now, self.out);
    }
    self.now = end;
  }

  Member self{alice, 1, {.keys_max = 100, .keys_per_node_max = 30, .tombstones_max = 50}};
};

TEST_F(RegistryRoom, NamesOfANodeThatWasMetDisplaceThoseOfInventedOnes) {
  besiege();
  EXPECT_EQ(held(), 100U);
  EXPECT_EQ(self.count("registry.keys_full"), 50U);
  meet(bob);
  tell(bob, bob, 25);
  EXPECT_EQ(held_of(bob), 25U);
  EXPECT_EQ(self.lookup(Term(24)).size(), 3U);
  EXPECT_EQ(self.count("registry.displaced"), 30U);
  tell(mallory, numbered("invented", 9), 30);
  EXPECT_EQ(held_of(bob), 25U) << "and stay";
}

TEST_F(RegistryRoom, WhoIsDisplacedIsNoLongerSeenAndTheDigestsAgreeWithWhatIsHeld) {
  besiege();
  EXPECT_EQ(self.lookup(Term(3)).size(), 4U);
  (void)self.take_events();
  meet(bob);
  tell(bob, bob, 1);
  EXPECT_EQ(self.lookup(Term(3)).size(), 3U);
  EXPECT_EQ(self.take_events().size(), 31U) << "thirty are gone, and one has come";
  Member other("other@h");
  other.core.message(alice, true, full_sync(alice, bob, 1, false), other.now, wall, other.out);
  for (const auto& [key, entry] : self.core.entries().entries()) {
    const NodeName owner(*key.elements()[1].as_atom());
    registry::MapBuilder map;
    map.add(key, entry, nullptr);
    other.core.message(alice, true, encode(registry::FullSync{alice, map.take()}), other.now, wall,
                       other.out);
  }
  self.core.sync("other@h", self.out);
  const Term digest = self.take_messages().back().second;
  other.core.message(alice, true, digest, other.now, wall, other.out);
  EXPECT_TRUE(other.take_messages().empty());
}

TEST_F(RegistryRoom, NamesThatAnotherPeerTellsOfDisplaceThemToo) {
  besiege();
  tell(bob, dave, 20);
  EXPECT_EQ(held_of(dave), 20U);
  tell(mallory, numbered("invented", 9), 30);
  EXPECT_EQ(held_of(dave), 20U);
}

TEST_F(RegistryRoom, AnOwnNameFindsRoom) {
  besiege();
  EXPECT_TRUE(self.put("mine", 1));
  EXPECT_EQ(self.lookup("mine").size(), 1U);
}

TEST_F(RegistryRoom, AnOwnNameFindsRoomEvenAmongThoseOfRealNodes) {
  for (int i = 0; i < 4; ++i) {
    meet(numbered("real", i));
    tell(numbered("real", i), numbered("real", i), 30);
  }
  EXPECT_EQ(held(), 100U);
  EXPECT_TRUE(self.put("mine", 1));
  EXPECT_EQ(self.lookup("mine").size(), 1U);
  EXPECT_EQ(held_of(numbered("real", 0)), 30U);
}

TEST_F(RegistryRoom, WhatOneNeighbourTellsOfHundredsOfNodesIsAllTaken) {
  Member joiner("joiner@h", 1, {.keys_max = 1'000, .keys_per_node_max = 200, .tombstones_max = 500});
  for (int i = 0; i < 500; ++i) {
    joiner.core.message(bob, true, full_sync(bob, numbered("node", i), 2, i % 2 == 0), joiner.now, wall,
                        joiner.out);
  }
  EXPECT_EQ(joiner.core.entries().size(), 1'000U);
  EXPECT_EQ(joiner.count("registry.keys_full") + joiner.count("registry.tombstones_full"), 0U);
}

TEST_F(RegistryRoom, WhoseWordIsNotEnoughIsLookedAtAndThenHasItsRoom) {
  besiege();
  tell(mallory, dave, 5);
  EXPECT_EQ(held_of(dave), 0U) << "one more of hers";
  EXPECT_TRUE(doubted().empty());
  pass(std::chrono::seconds(1));
  EXPECT_EQ(doubted(), std::vector{dave});
  pass(std::chrono::seconds(10));
  EXPECT_TRUE(doubted().empty()) << "once";
  meet(dave);
  tell(dave, dave, 5);
  EXPECT_EQ(held_of(dave), 5U);
}

TEST_F(RegistryRoom, InDoubtThoseWhoToldAreAskedInTurn) {
  besiege();
  for (int i = 0; i < 3; ++i) tell("carol@h", numbered("hers", i), 30);
  (void)doubted();
  std::vector<NodeName> seen;
  for (int i = 0; i < 10; ++i) {
    tell(mallory, numbered("invented", 100 + i), 30);
    tell("carol@h", dave, 30);
    pass(std::chrono::seconds(1));
    std::ranges::copy(doubted(), std::back_inserter(seen));
  }
  EXPECT_LE(seen.size(), 11U) << "one a second";
  EXPECT_GE(std::ranges::count(seen, dave), 4);
}

TEST_F(RegistryRoom, AnyonesRemovalsDisplaceHisOwnFirst) {
  meet(bob);
  tell(bob, bob, 10, true);
  tell(bob, dave, 10, true);
  besiege(true);
  EXPECT_LE(self.core.entries().tombstone_count(), 50U);
  EXPECT_GT(self.count("registry.tombstones_full"), 0U);
  EXPECT_EQ(held_of(bob), 10U) << "though they are as old as hers";
  EXPECT_EQ(held_of(dave), 10U);
}

TEST_F(RegistryRoom, RequestsWithoutEndAreAnsweredNowAndThenAndTheLastOneIs) {
  tell(bob, bob, 30);
  const Term request = encode(registry::RequestSync{mallory});
  for (int i = 0; i < 10'000; ++i) self.core.message(mallory, true, request, self.now, wall, self.out);
  EXPECT_LE(self.take_messages().size(), 200U);
  EXPECT_GT(self.count("registry.answers_put_off"), 9'000U);
  ASSERT_TRUE(self.put("late", 1));
  EXPECT_TRUE(self.take_messages().empty());
  pass(std::chrono::seconds(1));
  const auto answers = self.take_messages();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers.front().first, mallory);
  EXPECT_EQ(answers.front().second.elements()[1].elements()[2].entries().size(), 31U) << "made after it";
  self.core.message(bob, true, encode(registry::RequestSync{bob}), self.now, wall, self.out);
  EXPECT_EQ(self.take_messages().size(), 1U) << "others wait for nothing";
}

TEST_F(RegistryRoom, AnOriginalThatComesAndGoesGetsTheNamesNoMoreOften) {
  ASSERT_TRUE(self.put("mine", 1));
  const NodeName original("original@h");
  for (int i = 0; i < 10'000; ++i) {
    self.core.peer_up(original, false, self.now, self.out);
    self.core.peer_down(original);
  }
  const auto messages = self.take_messages();
  const auto maps = std::ranges::count_if(
      messages, [](const auto& m) { return m.second.elements()[1].is_tagged("full_sync", 3); });
  EXPECT_LE(maps, 201);
  EXPECT_GE(maps, 1);
}

TEST(FairLevel, CutsTheGreatestOnly) {
  using Amounts = std::map<NodeName, std::size_t>;
  EXPECT_EQ(fair_level(Amounts{{alice, 10}, {bob, 100}, {dave, 1'000}}, 150), 70U);
  EXPECT_EQ(fair_level(Amounts{{alice, 10}, {bob, 100}}, 150), 100U);
  EXPECT_EQ(fair_level(Amounts{{alice, 10}, {bob, 10}}, 10), 5U);
  EXPECT_EQ(fair_level(Amounts{}, 10), 0U);
}

}  // namespace
}  // namespace barrel
