// Names that processes register on one node and find on others.

#include <atomic>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "test_nodes.hpp"

namespace barrel::test {
namespace {

struct Room {
  static constexpr std::string_view tag = "chat_room";
  Atom name;
  friend bool operator==(const Room&, const Room&) = default;
};
struct Stop {
  static constexpr std::string_view tag = "stop";
  std::string how;
};

/// Holds a name until told how to end.
Task<> hold(Self self, Room room, int load) {
  auto registered = self.node().registry().register_service(self, room, {{"load", load}});
  if (!registered) exit(registered.error().reason);
  Registration registration = *std::move(registered);
  for (;;) {
    const auto stop = co_await self.receive<Stop>();
    if (stop.how == "crash") exit(Atom("crashed"));
    if (stop.how == "unregister") registration.unregister();
    if (stop.how == "end") co_return;
    if (stop.how == "load") {
      const Metadata meta{{"load", load + 1}};
      (void)registration.update(meta);
    }
  }
}

std::string text_of(const ServiceEvent& event) {
  return to_string(to_term(event));
}

/// The service events seen until `last` comes, as text.
Task<std::vector<std::string>> watch_events(Self self, std::string last, std::atomic<bool>* ready) {
  const auto subscription = self.node().registry().subscribe(self);
  *ready = true;
  std::vector<std::string> seen;
  for (;;) {
    auto message = co_await self.receive<ServiceEvent>(10s);
    if (std::holds_alternative<Timeout>(message)) co_return seen;
    seen.push_back(text_of(std::get<ServiceEvent>(message)));
    if (seen.back() == last) co_return seen;
  }
}

class Services : public TestNodes {
 protected:
  void SetUp() override {
    a_ = start("a");
    ASSERT_TRUE(a_);
    auto joining = config("b");
    joining.membership.contact_nodes = {a_->name()};
    b_ = start(joining);
    ASSERT_TRUE(b_);
    ASSERT_TRUE(eventually([&] {
      return a_->membership().active_view().size() == 1 && b_->membership().active_view().size() == 1;
    }));
  }

  std::unique_ptr<Node> a_;
  std::unique_ptr<Node> b_;
};

TEST_F(Services, MembersAreTheNodesOfTheClusterUntilTheyAreGone) {
  const std::vector<NodeName> both{a_->name(), b_->name()};
  ASSERT_TRUE(
      eventually([&] { return a_->membership().members() == both && b_->membership().members() == both; }));
  EXPECT_TRUE(a_->membership().is_member(b_->name()));
  const auto asked = a_->run(
      +[](Self self, NodeName node) -> Task<Result<std::vector<NodeName>>> {
        co_return co_await self.rpc<std::vector<NodeName>>(node, "barrel_p2p", "members");
      },
      b_->name());
  EXPECT_EQ(asked, Result<std::vector<NodeName>>(both));
  b_->membership().leave();
  EXPECT_TRUE(eventually([&] { return a_->membership().members() == std::vector{a_->name()}; }));
  EXPECT_TRUE(eventually([&] { return b_->membership().members() == std::vector{b_->name()}; }));
  EXPECT_FALSE(a_->membership().is_member(b_->name()));
}

TEST_F(Services, ANameIsFoundOnTheOtherNodeWithItsMetadata) {
  const Room room{"general"};
  const Pid holder = a_->spawn(&hold, room, 7);
  ASSERT_TRUE(eventually([&] { return b_->registry().find(room).has_value(); }));
  EXPECT_EQ(b_->registry().find(room), Result<Pid>(holder));
  EXPECT_EQ(b_->registry().list<Room>(), std::vector{room});
  const auto entries = b_->registry().lookup(room);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].meta.get<int>("load"), 7);
  ASSERT_TRUE(a_->send(holder, Stop{"load"}));
  EXPECT_TRUE(eventually([&] {
    const auto now = b_->registry().lookup(room);
    return now.size() == 1 && now[0].meta.get<int>("load") == 8;
  }));
}

TEST_F(Services, APeerCannotTakeANameFromItsHolder) {
  const Room room{"general"};
  const Pid holder = a_->spawn(&hold, room, 1);
  const Room other{"other"};
  const Pid other_holder = a_->spawn(&hold, other, 1);
  ASSERT_TRUE(eventually(
      [&] { return b_->registry().find(room).has_value() && b_->registry().find(other).has_value(); }));
  const auto attack = [](Self self, Pid victim, Term name, Pid last) -> Task<> {
    // To the process that keeps the names, which is one of the first, what it tells itself.
    for (std::uint32_t id = 1; id <= 64; ++id) {
      for (int claim = 1; claim <= 2; ++claim) {
        const Pid keeper{victim.node_atom, id, 0, victim.creation};
        self.send(keeper, Term::tuple_of(Atom("still_abandoned"), victim, name, claim));
      }
    }
    self.send(last, Stop{"crash"});
    co_return;
  };
  EXPECT_TRUE(b_->run(+attack, holder, to_term(room), other_holder));
  // The keeper hears of that end behind what it was told.
  EXPECT_TRUE(eventually([&] { return !a_->registry().find(other).has_value(); }));
  EXPECT_EQ(a_->registry().find(room), Result<Pid>(holder));
}

TEST_F(Services, LeavingGivesAllNamesBackAndTheyCanBeTakenAgain) {
  std::atomic<int> closed{0};
  const auto keep = [](Self self, Room room, std::atomic<int>* seen) -> Task<> {
    auto registration = self.node().registry().register_service(self, room);
    if (!registration) exit(registration.error().reason);
    (void)co_await self.receive<Stop>();
    const auto updated = registration->update({{"load", 1}});
    *seen = !updated && updated.error().code == Errc::closed ? 1 : 2;
    (void)co_await self.receive<Stop>();  // lives on beside the new holder
  };
  const Room room{"general"};
  const Pid former = b_->spawn(+keep, room, &closed);
  ASSERT_TRUE(eventually([&] { return a_->registry().find(room).has_value(); }));
  b_->membership().leave();
  EXPECT_FALSE(b_->registry().find(room));
  EXPECT_TRUE(eventually([&] { return !a_->registry().find(room); }));
  ASSERT_TRUE(b_->send(former, Stop{"ask"}));
  EXPECT_TRUE(eventually([&] { return closed != 0; }));
  EXPECT_EQ(closed, 1);
  const Pid holder = b_->spawn(&hold, room, 3);
  EXPECT_TRUE(eventually([&] { return b_->registry().find(room) == Result<Pid>(holder); }));
  b_->membership().join(a_->name());
  EXPECT_TRUE(eventually([&] { return a_->registry().find(room) == Result<Pid>(holder); }));
}

TEST_F(Services, EachVisibleChangeMakesOneEventOnEachNode) {
  const Room room{"general"};
  for (const auto& [how, last] : std::vector<std::pair<std::string, std::string>>{
           {"crash", "{barrel_p2p_service_event,{service_down,{chat_room,general},'a@127.0.0.1',crashed}}"},
           {"unregister",
            "{barrel_p2p_service_event,{service_unregistered,{chat_room,general},'a@127.0.0.1'}}"},
           {"end", "{barrel_p2p_service_event,{service_unregistered,{chat_room,general},'a@127.0.0.1'}}"}}) {
    std::atomic<bool> ready_a{false};
    std::atomic<bool> ready_b{false};
    std::optional<Result<std::vector<std::string>>> at_a;
    std::optional<Result<std::vector<std::string>>> at_b;
    std::thread on_a([&] { at_a.emplace(a_->run(&watch_events, last, &ready_a)); });
    std::thread on_b([&] { at_b.emplace(b_->run(&watch_events, last, &ready_b)); });
    ASSERT_TRUE(eventually([&] { return ready_a && ready_b; }));
    const Pid holder = a_->spawn(&hold, room, 0);
    ASSERT_TRUE(eventually([&] { return b_->registry().find(room).has_value(); }));
    ASSERT_TRUE(a_->send(holder, Stop{how}));
    on_a.join();
    on_b.join();
    const std::vector<std::string> expected{
        "{barrel_p2p_service_event,{service_registered,{chat_room,general},'a@127.0.0.1'}}", last};
    EXPECT_EQ(*at_a, Result<std::vector<std::string>>(expected)) << how;
    EXPECT_EQ(*at_b, Result<std::vector<std::string>>(expected)) << how;
    EXPECT_TRUE(b_->registry().lookup(room).empty());
    if (how == "unregister") {
      ASSERT_TRUE(a_->send(holder, Stop{"end"}));
    }
  }
}

TEST_F(Services, ANameBelongsToOneProcessOfANodeAndToAnyNumberOfNodes) {
  const Room room{"general"};
  const Pid first = a_->spawn(&hold, room, 1);
  ASSERT_TRUE(eventually([&] { return a_->registry().find(room).has_value(); }));
  const auto second = a_->run(
      +[](Self self, Room name) -> Task<Errc> {
        auto registered = self.node().registry().register_service(self, name);
        co_return registered ? Errc::timeout : registered.error().code;
      },
      room);
  EXPECT_EQ(second, Result<Errc>(Errc::already_registered));
  const Pid other = b_->spawn(&hold, room, 2);
  EXPECT_TRUE(eventually(
      [&] { return a_->registry().lookup(room).size() == 2 && b_->registry().lookup(room).size() == 2; }));
  EXPECT_EQ(a_->registry().find(room), Result<Pid>(first));
  EXPECT_EQ(b_->registry().find(room), Result<Pid>(other));
}

TEST_F(Services, WhoRegistersAgainKeepsTheNameWithTheNewMetadata) {
  const Room room{"general"};
  const auto held = a_->run(
      +[](Self self, Room name) -> Task<bool> {
        Registry& registry = self.node().registry();
        const Metadata first{{"load", 1}};
        const Metadata second{{"load", 2}};
        auto registered = registry.register_service(self, name, first);
        if (!registered) co_return false;
        Registration registration = *std::move(registered);
        registered = registry.register_service(self, name, second);
        if (!registered) co_return false;
        EXPECT_EQ(registration.update(first), Error(Errc::closed)) << "another one has taken its place";
        registration = *std::move(registered);
        EXPECT_EQ(registry.find(name), Result<Pid>(self.pid()));
        const auto load_is_2 = [&] {
          const auto entry = registry.lookup_local(name);
          return entry && entry->meta.get<int>("load") == 2;
        };
        for (int i = 0; i < 1000 && !load_is_2(); ++i) co_await self.sleep(5ms);
        EXPECT_TRUE(load_is_2());
        registration.unregister();
        EXPECT_FALSE(registry.find(name));
        co_return true;
      },
      room);
  EXPECT_EQ(held, Result<bool>(true));
}

TEST_F(Services, ANameRegisteredAgainAfterAnExceptionIsKept) {
  const auto held = a_->run(+[](Self self) -> Task<bool> {
    Registry& registry = self.node().registry();
    const Room kept{"kept"};
    const Room lost{"lost"};
    try {
      const auto lost_in_time = registry.register_service(self, lost);
      const auto kept_first = registry.register_service(self, kept);  // destroyed first
      throw std::runtime_error("caught");
    } catch (const std::runtime_error&) {}
    const auto again = registry.register_service(self, kept);
    // What was abandoned is given back after a second.
    for (int i = 0; i < 1000 && registry.find(lost); ++i) co_await self.sleep(5ms);
    EXPECT_FALSE(registry.find(lost));
    EXPECT_EQ(registry.find(kept), Result<Pid>(self.pid()));
    co_return again.has_value();
  });
  EXPECT_EQ(held, Result<bool>(true));
}

/// Keeps its registration where it outlives the process and its node.
Task<> hold_outside(Self self, std::promise<Registration>* outside) {
  const Room room{"outside"};
  auto registered = self.node().registry().register_service(self, room);
  if (!registered) exit(registered.error().reason);
  outside->set_value(*std::move(registered));
  (void)co_await self.receive<Stop>();
}

TEST_F(Services, ARegistrationHoldsNothingOnceItsNodeHasShutDownOrIsGone) {
  const Error closed(Errc::closed);
  std::promise<Registration> made;
  auto node = start("c");
  ASSERT_TRUE(node);
  node->spawn(&hold_outside, &made);
  Registration outside = made.get_future().get();
  const Metadata meta{{"load", 1}};
  EXPECT_TRUE(outside.update(meta));
  EXPECT_TRUE(node->shutdown());
  EXPECT_EQ(outside.update(meta), closed);
  node.reset();
  EXPECT_EQ(outside.update(meta), closed);
  outside.unregister();
  EXPECT_FALSE(outside);
}

TEST_F(Services, AJoinerSeesEverythingWithinTwoSeconds) {
  for (int i = 0; i < 200; ++i) a_->spawn(&hold, Room{Atom("room" + std::to_string(i))}, i);
  ASSERT_TRUE(eventually([&] { return b_->registry().list().size() == 200; }));
  auto joining = config("c");
  joining.membership.contact_nodes = {b_->name()};
  const auto c = start(joining);
  ASSERT_TRUE(c);
  EXPECT_TRUE(eventually([&] { return c->registry().list().size() == 200; }, 2s));
}

TEST_F(Services, AMessageViaANameReachesWhoHoldsItOnAnotherNode) {
  const Room general{"general"};
  a_->spawn(&hold, general, 0);
  ASSERT_TRUE(eventually([&] { return b_->registry().find(general).has_value(); }));
  const auto tell = +[](Self self, Room room, Stop stop) -> Task<> {
    self.send(via(to_term(room)), stop);
    co_return;
  };
  ASSERT_TRUE(b_->run(tell, general, Stop{"end"}));
  EXPECT_TRUE(eventually([&] { return b_->registry().lookup(general).empty(); }));
}

TEST_F(Services, ACallViaAnUnknownNameEndsWithNotFound) {
  const auto error = b_->run(+[](Self self) -> Task<Errc> {
    const auto answer = co_await self.call<int>(via(Atom("nobody")), Atom("question"));
    co_return answer ? Errc::timeout : answer.error().code;
  });
  EXPECT_EQ(error, Result<Errc>(Errc::not_found));
}

TEST_F(Services, WhereisWaitsForANameThatIsOnItsWay) {
  const Room room{"late"};
  std::thread starter([&] {
    EXPECT_TRUE(eventually([&] { return b_->runtime().whereis("seeker").has_value(); }));
    a_->spawn(&hold, room, 0);
  });
  const auto found = b_->run(
      +[](Self self, Room name) -> Task<Result<Pid>> {
        auto registered = self.register_name("seeker");
        if (!registered) co_return registered.error();
        WhereisOptions options;
        options.retries = 8;
        co_return co_await self.node().registry().whereis(self, name, options);
      },
      room);
  starter.join();
  EXPECT_TRUE(found) << found.error().message();
}

}  // namespace
}  // namespace barrel::test
