#include <gtest/gtest.h>

#include "services/registry_messages.hpp"
#include "services/test_registry.hpp"

namespace barrel {
namespace {

using namespace test;

/// A node of the original with names from a former life, as `self` has heard of them.
struct Original {
  explicit Original(Member& hearer) : self(hearer) {
    self.set_node("e@h", {true, 4});
    for (const char* name : {"old", "kept"}) EXPECT_TRUE(former.put(name, 1));
    told = former.take_gossip();
    for (const Term& payload : told) self.hear(payload);
    self.core.peer_up("e@h", false, self.out);
    for (const auto& [to, message] : self.take_messages()) {
      if (message.is_tagged("system", 3)) question = message.elements()[1].elements()[1];
    }
    (void)self.take_gossip();
  }
  void answer() {
    const Term error = Term::tuple_of(Atom("error"), Term::tuple_of(Atom("unknown_system_msg"), Atom("x")));
    self.core.message("e@h", false, Term::tuple_of(question, error), wall, self.out);
  }

  Member& self;
  Member former{"e@h", 4};
  std::vector<Term> told;
  Term question;
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
  present.core.message("n1@127.0.0.1", false, encode(registry::RequestSync{n1}), wall, present.out);
  const auto told = present.take_messages();
  ASSERT_EQ(told.size(), 1U);
  a.core.message("e@h", false, told.front().second, wall, a.out);
  EXPECT_TRUE(a.lookup("old").empty());
  EXPECT_EQ(a.lookup("kept").size(), 1U);
  e.answer();
  EXPECT_EQ(a.lookup("kept").size(), 1U);
}

}  // namespace
}  // namespace barrel
