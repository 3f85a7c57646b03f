#include "barrel/term/atom.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "barrel/term/atom_quota.hpp"
#include "barrel/term/node_name.hpp"

namespace barrel {
namespace {

TEST(Atom, TheDefaultIsTheEmptyAtom) {
  EXPECT_EQ(Atom().index(), 0U);
  EXPECT_EQ(Atom().text(), "");
  EXPECT_EQ(Atom(""), Atom());
}

TEST(Atom, EqualTextIsOneAtom) {
  const Atom first("atom_test_one");
  EXPECT_EQ(first, Atom(std::string_view("atom_test_one")));
  EXPECT_NE(first, Atom("atom_test_two"));
  EXPECT_EQ(first.text(), "atom_test_one");
}

TEST(Atom, FindAddsNothing) {
  const auto before = Atom::table_size();
  EXPECT_FALSE(Atom::find("atom_test_never_interned"));
  EXPECT_EQ(Atom::table_size(), before);
  const Atom added("atom_test_now_interned");
  EXPECT_EQ(Atom::table_size(), before + 1);
  EXPECT_EQ(Atom::find("atom_test_now_interned"), added);
}

TEST(Atom, TextFromOutsideMustBeUtf8OfAtMost255Characters) {
  std::string long_text;
  for (int i = 0; i < 255; ++i) long_text += "é";
  EXPECT_TRUE(Atom::intern(long_text));
  EXPECT_FALSE(Atom::intern(long_text + "x"));
  EXPECT_FALSE(Atom::intern("\xff"));
  EXPECT_FALSE(Atom::intern("\xc0\xaf"));
  EXPECT_FALSE(Atom::intern("\xed\xa0\x80"));
  EXPECT_FALSE(Atom::intern("\xe2\x82"));
  EXPECT_FALSE(Atom::intern(std::string(100'000, 'x')));
}

TEST(Atom, WhenOthersHaveFilledTheTableTheProgramsOwnTextHasRoom) {
  // In a process of its own, as the table stays full.
  const auto fill = [] {
    std::uint32_t added = 0;
    while (Atom::intern("atom_test_of_others_" + std::to_string(added))) ++added;
    const bool full = !Atom::intern("atom_test_one_more_of_others") && added > Atom::table_max / 2;
    for (int i = 0; i < 1'000; ++i) (void)Atom("atom_test_own_" + std::to_string(i));
    std::exit(full ? 0 : 1);
  };
  EXPECT_EXIT(fill(), testing::ExitedWithCode(0), "");
}

TEST(Atom, OrderIsByText) {
  // Interned against the order.
  const Atom b("atom_test_order_b");
  const Atom a("atom_test_order_a");
  EXPECT_LT(a, b);
  EXPECT_LT(Atom("Z"), Atom("a"));
  EXPECT_LT(Atom("z"), Atom("é"));
}

TEST(AtomQuota, OfABudgetNobodyTakesMoreThanIsLeft) {
  const auto budget = std::make_shared<AtomBudget>(100);
  Metrics metrics;
  Counter& refused = metrics.counter("refused");
  AtomQuota greedy(budget, &refused);
  int taken = 0;
  while (taken < 200 && greedy.charge()) ++taken;
  EXPECT_EQ(taken, 50);
  EXPECT_EQ(refused.value(), 1U);
  // Others still get something, each less than the one before.
  AtomQuota next(budget);
  while (next.charge()) ++taken;
  EXPECT_EQ(next.used(), 25U);
  EXPECT_FALSE(greedy.charge());
  AtomQuota modest(budget);
  EXPECT_TRUE(modest.charge());
  modest.refund();
  EXPECT_EQ(budget->left(), 25U);
  while (budget->left() > 0) {
    AtomQuota one_more(budget);
    ASSERT_TRUE(one_more.charge());
  }
  AtomQuota too_late(budget);
  EXPECT_FALSE(too_late.charge());
}

TEST(Atom, ManyThreadsInterningTheSameTextsAgree) {
  constexpr int threads = 4;
  constexpr int texts = 20'000;
  std::vector<std::vector<Atom>> seen(threads);
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> running;
    for (int t = 0; t < threads; ++t) {
      running.emplace_back([&, t] {
        for (int i = 0; i < texts; ++i) {
          const std::string text = "atom_test_thread_" + std::to_string((i * 7919 + t) % texts);
          const Atom atom(text);
          if (atom.text() != text || Atom::find(text) != atom) ++wrong;
          seen[static_cast<std::size_t>(t)].push_back(atom);
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  for (auto& atoms : seen) std::ranges::sort(atoms, {}, &Atom::index);
  for (const auto& atoms : seen) EXPECT_EQ(atoms, seen[0]);
}

TEST(AtomQuota, RefusesWhenUsedUpAndCountsIt) {
  AtomQuota quota(2);
  EXPECT_TRUE(quota.charge());
  EXPECT_TRUE(quota.charge());
  EXPECT_FALSE(quota.charge());
  EXPECT_EQ(quota.used(), 2U);
  EXPECT_EQ(quota.refused(), 1U);
  quota.refund();
  EXPECT_TRUE(quota.charge());
}

TEST(AtomQuota, HoldsUnderContention) {
  AtomQuota quota(1'000);
  std::atomic<int> granted{0};
  {
    std::vector<std::jthread> running;
    for (int t = 0; t < 4; ++t) {
      running.emplace_back([&] {
        for (int i = 0; i < 1'000; ++i) granted += quota.charge() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(granted, 1'000);
  EXPECT_EQ(quota.refused(), 3'000U);
}

TEST(NodeName, PartsAndRule) {
  const NodeName node("n1@host-2.example");
  EXPECT_EQ(node.name(), "n1");
  EXPECT_EQ(node.host(), "host-2.example");
  EXPECT_EQ(NodeName::parse("a@b"), NodeName("a@b"));
  for (const char* bad :
       {"", "a", "@b", "a@", "a@b@c", "a b@c", "-a@b", ".a@b", "a@-b", "a@.b", "a@b\n", "ä@b"}) {
    EXPECT_FALSE(NodeName::parse(bad)) << bad;
  }
  EXPECT_TRUE(NodeName::valid("a@" + std::string(253, 'b')));
  EXPECT_FALSE(NodeName::valid("a@" + std::string(254, 'b')));
}

TEST(NodeName, WhatIsNoneEndsTheProgramWithItsTextAndTheRule) {
  EXPECT_DEATH((void)NodeName("just_a_word"), "\"just_a_word\" is a node name: name@host with exactly one @");
  EXPECT_DEATH((void)NodeName(""), "\"\" is a node name");
}

TEST(NodeName, TheDefaultIsNonodeAtNohost) {
  EXPECT_EQ(NodeName().text(), "nonode@nohost");
}

TEST(NodeName, AnyAtomMayNameANodeUnchecked) {
  EXPECT_EQ(NodeName(Atom("no at sign")).name(), "no at sign");
  EXPECT_EQ(NodeName(Atom("no at sign")).host(), "");
}

}  // namespace
}  // namespace barrel
