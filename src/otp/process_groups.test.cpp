#include "barrel/otp/process_groups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "process/test_wire.hpp"

namespace barrel {
namespace {

using test::TestRuntime;
using testing::ElementsAre;
using testing::IsEmpty;

struct Stop {
  static constexpr std::string_view tag = "stop";
};

class ProcessGroupsTest : public test::TwoRuntimes {
 protected:
  ProcessGroupsTest() { connect(); }
  /// A scope that lives until stop(); of a process that does what `does` says to it.
  ProcessGroups start(TestRuntime& node) {
    ProcessGroups groups;
    owners_.push_back(node->spawn(
        [](Self self, ProcessGroups* out) -> Task<> {
          const auto started = co_await ProcessGroups::start_link(self);
          EXPECT_TRUE(started);
          if (started) *out = *started;
          co_await self.receive<Stop>();
        },
        &groups));
    settle();
    return groups;
  }
  Pid idle(TestRuntime& node) {
    return node->spawn([](Self self) -> Task<> { co_await self.receive<Stop>(); });
  }
  /// Whatever somebody on b says.
  void tell(const Pid& to, const Term& what) {
    b_->spawn(
        [](Self self, Pid whom, Term message) -> Task<> {
          self.send(whom, message);
          co_return;
        },
        to, what);
    settle();
  }
  /// join or leave, by a process of the node.
  Errc change(TestRuntime& node, const ProcessGroups& groups, bool join, Pid pid) {
    std::optional<Errc> outcome;
    node->spawn(
        [](Self self, ProcessGroups scope, bool joins, Pid who, std::optional<Errc>* out) -> Task<> {
          const Atom group("workers");
          const std::vector<Pid> pids(1, who);
          const auto done =
              joins ? co_await scope.join(self, group, pids) : co_await scope.leave(self, group, pids);
          *out = done ? Errc{} : done.error().code;
        },
        groups, join, pid, &outcome);
    settle();
    return outcome.value();
  }

  std::vector<Pid> owners_;
  const Atom workers_{"workers"};
};

TEST_F(ProcessGroupsTest, MembersAreKnownOnBothNodesWhoeverStartedFirst) {
  const ProcessGroups at_a = start(a_);
  const Pid first = idle(a_);
  EXPECT_EQ(change(a_, at_a, true, first), Errc{});
  const ProcessGroups at_b = start(b_);
  EXPECT_THAT(at_b.get_members(workers_), ElementsAre(first));
  EXPECT_THAT(at_b.get_local_members(workers_), IsEmpty());
  const Pid second = idle(b_);
  EXPECT_EQ(change(b_, at_b, true, second), Errc{});
  EXPECT_THAT(at_a.get_members(workers_), ElementsAre(first, second));
  EXPECT_THAT(at_b.get_members(workers_), ElementsAre(second, first));
  EXPECT_THAT(at_a.which_groups(), ElementsAre(Term(workers_)));
}

TEST_F(ProcessGroupsTest, WhoJoinedTwiceLeavesTwice) {
  const ProcessGroups at_a = start(a_);
  const ProcessGroups at_b = start(b_);
  const Pid member = idle(a_);
  EXPECT_EQ(change(a_, at_a, true, member), Errc{});
  EXPECT_EQ(change(a_, at_a, true, member), Errc{});
  EXPECT_THAT(at_b.get_members(workers_), ElementsAre(member, member));
  EXPECT_EQ(change(a_, at_a, false, member), Errc{});
  EXPECT_THAT(at_b.get_members(workers_), ElementsAre(member));
  EXPECT_EQ(change(a_, at_a, false, member), Errc{});
  EXPECT_EQ(change(a_, at_a, false, member), Errc::not_found);
  EXPECT_THAT(at_b.which_groups(), IsEmpty());
}

TEST_F(ProcessGroupsTest, WhoEndsLeavesAndSoDoesWhoIsLost) {
  const ProcessGroups at_a = start(a_);
  const ProcessGroups at_b = start(b_);
  const Pid here = idle(a_);
  const Pid there = idle(b_);
  EXPECT_EQ(change(a_, at_a, true, here), Errc{});
  EXPECT_EQ(change(b_, at_b, true, there), Errc{});
  lose_connection();
  EXPECT_THAT(at_a.get_members(workers_), ElementsAre(here));
  EXPECT_THAT(at_b.get_members(workers_), ElementsAre(there));
  connect();
  EXPECT_THAT(at_a.get_members(workers_), ElementsAre(here, there));
  ASSERT_TRUE(a_->send(here, Stop{}));
  settle();
  EXPECT_THAT(at_a.get_members(workers_), ElementsAre(there));
  EXPECT_THAT(at_b.get_members(workers_), ElementsAre(there));
}

TEST_F(ProcessGroupsTest, OnlyProcessesOfThisNodeJoinHere) {
  const ProcessGroups at_a = start(a_);
  EXPECT_EQ(change(a_, at_a, true, idle(b_)), Errc::invalid_argument);
  EXPECT_THAT(at_a.which_groups(), IsEmpty());
}

TEST_F(ProcessGroupsTest, AWatcherIsToldOfEveryChange) {
  const ProcessGroups at_a = start(a_);
  const ProcessGroups at_b = start(b_);
  std::vector<Term> seen;
  a_->spawn(
      [](Self self, ProcessGroups groups, std::vector<Term>* out) -> Task<> {
        const auto now = co_await groups.monitor_scope(self);
        EXPECT_TRUE(now && now->empty());
        for (;;) out->push_back(co_await self.receive<Term>());
      },
      at_a, &seen);
  settle();
  const Pid there = idle(b_);
  EXPECT_EQ(change(b_, at_b, true, there), Errc{});
  EXPECT_THAT(seen, ElementsAre(to_term(GroupJoined{workers_, {there}})));
  lose_connection();
  EXPECT_THAT(seen, ElementsAre(testing::_, to_term(GroupLeft{workers_, {there}})));
}

TEST_F(ProcessGroupsTest, APeerSpeaksForItsOwnProcessesOnly) {
  const ProcessGroups at_a = start(a_);
  const ProcessGroups at_b = start(b_);
  const Pid mine = idle(a_);
  tell(at_a.pid(), Term::tuple_of(Atom("join"), at_b.pid(), workers_, mine));
  EXPECT_THAT(at_a.get_members(workers_), IsEmpty());
  EXPECT_EQ(a_.counter("otp.group_members_refused"), 1U);
}

TEST_F(ProcessGroupsTest, NamesOfAPeersGroupsAreBoundedInBytes) {
  const ProcessGroups at_a = start(a_);
  const ProcessGroups at_b = start(b_);
  const Pid theirs = idle(b_);
  const auto name = [](int number) { return Term(std::to_string(number) + std::string(1 << 20, 'n')); };
  for (int i = 0; i < 20; ++i) tell(at_a.pid(), Term::tuple_of(Atom("join"), at_b.pid(), name(i), theirs));
  EXPECT_EQ(at_a.which_groups().size(), 15U);
  EXPECT_EQ(a_.counter("otp.group_members_refused"), 5U);
  tell(at_a.pid(), Term::tuple_of(Atom("leave"), at_b.pid(), theirs, Term::list({name(3)})));
  tell(at_a.pid(), Term::tuple_of(Atom("join"), at_b.pid(), name(19), theirs));
  EXPECT_THAT(at_a.get_members(name(19)), ElementsAre(theirs)) << "what is given back can be used again";
}

/// Looked for one after the other they take longer than any test may.
TEST_F(ProcessGroupsTest, ManyMembersComeAndGoInOneMessage) {
  const ProcessGroups at_a = start(a_);
  const ProcessGroups at_b = start(b_);
  std::vector<Term> pids;
  for (std::uint32_t i = 0; i < 300'000; ++i)
    pids.emplace_back(Pid{at_b.pid().node_atom, i, 1, at_b.pid().creation});
  const Term all = Term::list(std::move(pids));
  const Term sync =
      Term::tuple_of(Atom("$gen_cast"),
                     Term::tuple_of(Atom("sync"), at_b.pid(), Term::list({Term::tuple_of(workers_, all)})));
  for (int i = 0; i < 2; ++i) {
    tell(at_a.pid(), sync);
    EXPECT_EQ(at_a.get_members(workers_).size(), 300'000U);
  }
  tell(at_a.pid(), Term::tuple_of(Atom("leave"), at_b.pid(), all, Term::list({Term(workers_)})));
  EXPECT_THAT(at_a.get_members(workers_), IsEmpty());
  EXPECT_THAT(at_a.which_groups(), IsEmpty());
  tell(at_a.pid(), sync);
  lose_connection();
  EXPECT_THAT(at_a.get_members(workers_), IsEmpty());
}

TEST_F(ProcessGroupsTest, ARepeatedSyncIsNotSeenByThoseWhoLook) {
  const ProcessGroups at_a = start(a_);
  const ProcessGroups at_b = start(b_);
  std::vector<Term> groups;
  for (int i = 0; i < 500; ++i) {
    groups.push_back(Term::tuple_of(i, Term::list({Term(Pid{Atom("b@127.0.0.1"), 1'000, 0, 4})})));
  }
  const Term sync = Term::tuple_of(Atom("$gen_cast"),
                                   Term::tuple_of(Atom("sync"), at_b.pid(), Term::list(std::move(groups))));
  tell(at_a.pid(), sync);
  std::atomic<bool> done{false};
  std::atomic<int> looks{0};
  std::atomic<int> missing{0};
  std::thread looker([&] {
    for (; !done; ++looks) missing += at_a.get_members(0).empty() ? 1 : 0;
  });
  for (int i = 0; i < 100 || looks == 0; ++i) tell(at_a.pid(), sync);
  done = true;
  looker.join();
  EXPECT_EQ(missing, 0);
  EXPECT_EQ(at_a.get_members(0).size(), 1U);
}

TEST_F(ProcessGroupsTest, ASyncTellsOnlyWhatIsDifferent) {
  const ProcessGroups at_a = start(a_);
  const ProcessGroups at_b = start(b_);
  a_->spawn(
      [](Self self, ProcessGroups groups, std::vector<Term>* out) -> Task<> {
        (void)co_await groups.monitor_scope(self);
        for (;;) {
          const auto change = co_await self.receive<GroupJoined, GroupLeft>();
          out->push_back(std::visit([](const auto& event) { return to_term(event); }, change));
        }
      },
      at_a, &seen_);
  settle();
  const auto member = [](std::uint32_t id) { return Pid{Atom("b@127.0.0.1"), id, 0, 4}; };
  const auto sync = [&](const std::vector<Pid>& pids) {
    const Term groups = Term::list({Term::tuple_of(workers_, to_term(pids))});
    tell(at_a.pid(), Term::tuple_of(Atom("$gen_cast"), Term::tuple_of(Atom("sync"), at_b.pid(), groups)));
  };
  sync({member(1), member(2)});
  sync({member(1), member(2)});
  sync({member(2), member(2), member(3)});
  EXPECT_THAT(at_a.get_members(workers_), testing::UnorderedElementsAre(member(2), member(2), member(3)));
  EXPECT_THAT(seen_, ElementsAre(to_term(GroupJoined{workers_, {member(1), member(2)}}),
                                 to_term(GroupJoined{workers_, {member(2), member(3)}}),
                                 to_term(GroupLeft{workers_, {member(1)}})));
}

TEST_F(ProcessGroupsTest, APeerIsOfAConnectedNodeAndThereAreTwoOfEach) {
  const ProcessGroups at_a = start(a_);
  const auto watched = [&] { return count(to_b_, RemoteSignal::Op::monitor); };
  tell(at_a.pid(), Term::tuple_of(Atom("discover"), Pid{Atom("c@127.0.0.1"), 1, 0, 4}));
  EXPECT_EQ(watched(), 0) << "nobody is dialed because a message names him";
  for (int i = 0; i < 10; ++i) tell(at_a.pid(), Term::tuple_of(Atom("discover"), idle(b_)));
  EXPECT_EQ(watched(), 2);
  EXPECT_EQ(a_.counter("otp.group_scopes_refused"), 8U);
}

TEST_F(ProcessGroupsTest, AnInventedScopeOfANodeTakesNothingFromItsOwn) {
  const ProcessGroups at_a = start(a_);
  const ProcessGroups at_b = start(b_);
  const Pid first = idle(b_);
  const Pid second = idle(b_);
  EXPECT_EQ(change(b_, at_b, true, first), Errc{});
  const Pid ended{at_b.pid().node_atom, 1'000'000, 1, at_b.pid().creation};
  tell(at_a.pid(), Term::tuple_of(Atom("discover"), ended));
  for (int i = 0; i < 10; ++i) tell(at_a.pid(), Term::tuple_of(Atom("discover"), idle(b_)));
  EXPECT_THAT(at_a.get_members(workers_), ElementsAre(first));
  EXPECT_EQ(change(b_, at_b, true, second), Errc{});
  EXPECT_THAT(at_a.get_members(workers_), ElementsAre(first, second)) << "and it is still listened to";

  b_->spawn(
      [](Self self, Pid scope) -> Task<> {
        self.kill(scope);
        co_return;
      },
      at_b.pid());
  settle();
  EXPECT_THAT(at_a.get_members(workers_), IsEmpty());
  const ProcessGroups again = start(b_);
  EXPECT_EQ(change(b_, again, true, second), Errc{});
  EXPECT_THAT(at_a.get_members(workers_), ElementsAre(second)) << "one that is started again has a place";
}

TEST_F(ProcessGroupsTest, OtherNodesNeitherChangeTheMembersHereNorWatchThem) {
  const ProcessGroups at_a = start(a_);
  const Pid member = idle(a_);
  EXPECT_EQ(change(a_, at_a, true, member), Errc{});
  const auto call = [&](const Term& request) {
    const Pid caller = idle(b_);
    const Term from = Term::tuple_of(caller, Ref{caller.node_atom, 4, 3, {1, 2, 3, 0, 0}});
    tell(at_a.pid(), Term::tuple_of(Atom("$gen_call"), from, request));
  };
  const Term members = Term::list({Term(idle(a_))});
  const auto watched = count(to_b_, RemoteSignal::Op::monitor);
  call(Term::tuple_of(Atom("change_group"), true, workers_, members));
  call(Term::tuple_of(Atom("$barrel_change_group"), true, workers_, members));
  call(Term(Atom("$barrel_change_group")));
  call(Term::tuple_of(Atom("watch_scope"), idle(b_)));
  call(Term::tuple_of(Atom("$barrel_watch_scope"), idle(b_)));
  tell(at_a.pid(), Term::tuple_of(Atom("nodeup"), Atom("invented@127.0.0.1")));
  EXPECT_EQ(a_.counter("otp.group_requests_refused"), 6U);
  EXPECT_EQ(count(to_b_, RemoteSignal::Op::monitor), watched);
  tell(at_a.pid(), Term::tuple_of(Atom("DOWN"), Ref{at_a.pid().node_atom, 4, 3, {1, 2, 3, 0, 0}},
                                  Atom("process"), member, Atom("forged")));
  EXPECT_THAT(at_a.get_members(workers_), ElementsAre(member)) << "and the scope lives";
}

}  // namespace
}  // namespace barrel
