#include <gtest/gtest.h>

#include "services/registry_messages.hpp"
#include "services/test_registry.hpp"

namespace barrel {
namespace {

using namespace test;

/// A node of the original with names from a former life, written at `former_wall`, as `self` has heard of
/// them.
struct Original {
  explicit Original(Member& hearer, std::int64_t former_wall = wall) : self(hearer) {
    self.set_node("e@h", {true, 4});
    std::uint32_t id = 0;
    for (const char* name : {"old", "kept"}) {
      EXPECT_TRUE(
          former.core.register_service(name, former.pid(++id), Term::map({}), former_wall, former.out));
    }
    told = former.take_gossip();
    for (const Term& payload : told) self.hear(payload);
    self.core.peer_up("e@h", false, self.now, self.out);
    EXPECT_EQ(take_questions(), 1U);
    (void)self.take_gossip();
  }
  /// How many questions it has got, the last of which is answered next.
  std::size_t take_questions() {
    std::size_t count = 0;
    requests = 0;
    for (const auto& [to, message] : self.take_messages()) {
      if (to != NodeName("e@h")) continue;
      const auto decoded = registry::decode(message);
      if (decoded && std::holds_alternative<registry::RequestSync>(*decoded)) ++requests;
      if (!message.is_tagged("system", 3)) continue;
      question = message.elements()[1].elements()[1];
      ++count;
    }
    return count;
  }
  void answer() {
    const Term error = Term::tuple_of(Atom("error"), Term::tuple_of(Atom("unknown_system_msg"), Atom("x")));
    self.core.message("e@h", false, Term::tuple_of(question, error), self.now, wall, self.out);
  }
  /// All names of `present`, as it tells them when it is asked or has us in its view.
  void tell_all(Member& present) {
    present.core.message(n1, false, encode(registry::RequestSync{n1}), present.now, wall, present.out);
    for (const auto& [to, message] : present.take_messages()) {
      self.core.message("e@h", false, message, self.now, wall, self.out);
    }
  }

  Member& self;
  Member former{"e@h", 4};
  std::vector<Term> told;
  Term question;
  std::size_t requests = 0;
};

TEST(RegistryAudit, an_original_node_that_has_no_names_any_more_loses_those_of_its_former_self) {
  Member a(n1);
  Member b(n2);
  b.set_node("e@h", {true, 4});
  Original e(a);
  for (const Term& payload : e.told) b.hear(payload);
  EXPECT_EQ(a.lookup("old").size(), 1U);
  ASSERT_TRUE(e.former.put("newer", 2));
  tell(e.former, a);  // overtakes the answer
  e.answer();
  EXPECT_TRUE(a.lookup("old").empty());
  EXPECT_TRUE(a.lookup("kept").empty());
  EXPECT_EQ(a.lookup("newer").size(), 1U);
  EXPECT_EQ(a.count("registry.ghosts_removed"), 2U);
  tell(a, b);
  EXPECT_TRUE(b.lookup("old").empty());
  // What it registers from now on counts.
  ASSERT_TRUE(e.former.core.unregister_service("old", e.former.pid(1), wall, e.former.out));
  ASSERT_TRUE(e.former.put("old", 3));
  tell(e.former, a);
  EXPECT_EQ(a.lookup("old").size(), 1U);
  e.answer();
  EXPECT_EQ(a.lookup("old").size(), 1U) << "it was answered before";
}

TEST(RegistryAudit, an_original_node_keeps_the_names_that_it_tells) {
  Member a(n1);
  Original e(a);
  Member present("e@h", 4);
  ASSERT_TRUE(present.put("kept", 1));
  e.tell_all(present);
  e.answer();
  EXPECT_TRUE(a.lookup("old").empty());
  EXPECT_EQ(a.lookup("kept").size(), 1U);
}

// The former self's clock was ahead, so that what is registered now has older stamps than what was lost.
TEST(RegistryAudit, names_of_the_present_life_stay_whatever_its_clock_says) {
  Member a(n1);
  Original e(a, wall + 200'000);
  Member present("e@h", 4);
  ASSERT_TRUE(present.put("kept", 1));
  e.tell_all(present);
  ASSERT_TRUE(present.put("newer", 2));
  tell(present, a);  // overtakes the answer
  e.answer();
  EXPECT_TRUE(a.lookup("old").empty());
  EXPECT_EQ(a.lookup("kept").size(), 1U);
  EXPECT_EQ(a.lookup("newer").size(), 1U);
  EXPECT_EQ(a.count("registry.ghosts_removed"), 1U);
}

TEST(RegistryAudit, a_map_that_nobody_asked_for_removes_nothing) {
  Member a(n1);
  Original e(a);
  e.tell_all(e.former);
  e.answer();
  Member present("e@h", 4);
  ASSERT_TRUE(present.put("newest", 3));
  e.tell_all(present);
  EXPECT_EQ(a.lookup("old").size(), 1U);
  EXPECT_EQ(a.lookup("newest").size(), 1U);
  EXPECT_EQ(a.count("registry.ghosts_removed"), 0U);
}

TEST(RegistryAudit, names_that_another_barrel_node_tells_later_are_asked_about) {
  Member a(n1);
  Original e(a);
  e.tell_all(e.former);
  e.answer();
  Member b(n2);
  b.set_node("e@h", {true, 4});
  for (std::uint32_t id = 5; id < 7; ++id) {
    ASSERT_TRUE(e.former.put("ghost " + std::to_string(id), id));
    tell(e.former, b);
    b.core.message(n1, true, encode(registry::RequestSync{n1}), b.now, wall, b.out);
    for (const auto& [to, message] : b.take_messages()) a.core.message(n2, true, message, a.now, wall, a.out);
    // The second one has to wait: what was asked before it was known says nothing about it.
    EXPECT_EQ(e.take_questions(), id == 5 ? 1U : 0U);
    EXPECT_EQ(e.requests, id == 5 ? 1U : 0U);
  }
  EXPECT_EQ(a.lookup("ghost 5").size(), 1U);
  e.answer();
  EXPECT_TRUE(a.lookup("ghost 5").empty());
  EXPECT_EQ(a.lookup("ghost 6").size(), 1U);
  EXPECT_EQ(e.take_questions(), 1U);
  e.answer();
  EXPECT_TRUE(a.lookup("ghost 6").empty());
  EXPECT_EQ(a.lookup("old").size(), 1U) << "it was told";
  EXPECT_EQ(e.take_questions(), 0U);
}

}  // namespace
}  // namespace barrel
