// Process groups shared with Erlang's pg.

#include "barrel/otp/process_groups.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "erlang/erlang_test.hpp"

namespace barrel::test {
namespace {

using testing::ElementsAre;

struct Stop {
  static constexpr std::string_view tag = "stop";
};

class ErlangGroups : public ErlangTest {
 protected:
  /// A scope of `node`, and a process that keeps it and is a member of `workers` from the beginning.
  struct Scope {
    ProcessGroups groups;
    Pid member;
  };
  static Scope start_scope(Node& node, const char* name = "pg") {
    const auto body = +[](Self self, Atom scope_name) -> Task<Result<Scope>> {
      const std::shared_ptr<Scope> scope = std::make_shared<Scope>();
      scope->member = self.spawn(
          [](Self keeper, std::shared_ptr<Scope> out, Pid starter, Atom own_name) -> Task<> {
            auto groups = co_await ProcessGroups::start_link(keeper, own_name);
            EXPECT_TRUE(groups);
            out->groups = *groups;
            const Atom workers("workers");
            EXPECT_TRUE(co_await out->groups.join(keeper, workers, keeper.pid()));
            keeper.send(starter, Stop{});
            co_await keeper.receive<Stop>();
          },
          scope, self.pid(), scope_name);
      co_await self.receive<Stop>();
      co_return *scope;
    };
    const auto started = node.run(body, Atom(name));
    EXPECT_TRUE(started);
    return started ? *started : Scope{};
  }
  /// Joins or leaves at once, with as many processes as are given.
  static void change(Node& node, const Scope& scope, bool join, const std::vector<Pid>& pids) {
    const auto body = +[](Self self, ProcessGroups groups, bool joins, std::vector<Pid> who) -> Task<bool> {
      const Atom group("changing");
      const auto done =
          joins ? co_await groups.join(self, group, who) : co_await groups.leave(self, group, who);
      co_return done.has_value();
    };
    EXPECT_EQ(node.run(body, scope.groups, join, pids), Result<bool>(true));
  }
  static Task<> wait_for_stop(Self self) { co_await self.receive<Stop>(); }
};

TEST_F(ErlangGroups, MembersAreSeenBothWaysFromTheirJoinToTheirEnd) {
  const auto node = start_tcp("b");
  ASSERT_TRUE(node);
  const Scope scope = start_scope(*node);
  Beam beam(epmd_, "e");
  (void)beam.eval("{ok, _} = pg:start_link()");
  ASSERT_EQ(beam.text("net_adm:ping('b@127.0.0.1')"), "pong");
  EXPECT_TRUE(beam.becomes("[node(P) || P <- pg:get_members(workers)]", "['b@127.0.0.1']"));
  (void)beam.eval("W = spawn(fun() -> receive stop -> ok end end), ok = pg:join(workers, W)");
  EXPECT_TRUE(eventually([&] { return scope.groups.get_members(Atom("workers")).size() == 2; }));
  EXPECT_THAT(scope.groups.get_local_members(Atom("workers")), ElementsAre(scope.member));
  // Tuples and binaries are groups, too; twice is twice; a list joins at once.
  (void)beam.eval("ok = pg:join({room, <<\"a\">>}, [W, W])");
  const Term room = Term::tuple_of(Atom("room"), Term::binary(as_bytes("a")));
  EXPECT_TRUE(eventually([&] { return scope.groups.get_members(room).size() == 2; }));
  (void)beam.eval("ok = pg:leave({room, <<\"a\">>}, W)");
  EXPECT_TRUE(eventually([&] { return scope.groups.get_members(room).size() == 1; }));
  (void)beam.eval("W ! stop");
  EXPECT_TRUE(eventually([&] { return scope.groups.which_groups() == std::vector<Term>{Atom("workers")}; }));
  EXPECT_THAT(scope.groups.get_members(Atom("workers")), ElementsAre(scope.member));
  ASSERT_TRUE(node->send(scope.member, Stop{}));
  EXPECT_TRUE(beam.becomes("pg:which_groups()", "[]"));
}

TEST_F(ErlangGroups, WhatErlangProcessesJoinAndLeaveInANamedScopeIsSeen) {
  const auto node = start_tcp("b");
  ASSERT_TRUE(node);
  const Scope scope = start_scope(*node, "rooms");
  const Scope other = start_scope(*node);
  Beam beam(epmd_, "e");
  beam.eval(
      "{ok, _} = pg:start_link(rooms), {ok, _} = pg:start_link(),"
      "[V, W] = [spawn(fun() -> receive stop -> ok end end) || _ <- [1, 2]]");
  ASSERT_EQ(beam.text("net_adm:ping('b@127.0.0.1')"), "pong");
  const Pid v = *beam.eval("V").as_pid();
  const Pid w = *beam.eval("W").as_pid();
  const auto becomes = [&](const std::vector<Pid>& expected) {
    return eventually([&] {
      auto members = scope.groups.get_members(Atom("changing"));
      return std::ranges::is_permutation(members, expected);
    });
  };
  beam.eval("ok = pg:join(rooms, changing, [V, W])");
  EXPECT_TRUE(becomes({v, w}));
  beam.eval("ok = pg:join(rooms, changing, V)");
  EXPECT_TRUE(becomes({v, v, w}));
  beam.eval("ok = pg:leave(rooms, changing, V)");
  EXPECT_TRUE(becomes({v, w})) << "it had joined twice";
  beam.eval("ok = pg:leave(rooms, changing, [V, W])");
  EXPECT_TRUE(becomes({}));
  beam.eval("ok = pg:join(changing, W)");
  EXPECT_TRUE(eventually([&] { return other.groups.get_members(Atom("changing")) == std::vector{w}; }));
  EXPECT_TRUE(becomes({})) << "scopes have nothing to do with each other";
}

TEST_F(ErlangGroups, WhatBarrelProcessesJoinAndLeaveInANamedScopeIsSeen) {
  const auto node = start_tcp("b");
  ASSERT_TRUE(node);
  const Scope scope = start_scope(*node, "rooms");
  const Scope other = start_scope(*node);
  const Pid v = node->spawn(&wait_for_stop);
  const Pid w = node->spawn(&wait_for_stop);
  Beam beam(epmd_, "e");
  beam.eval("register(main, self()), {ok, _} = pg:start_link(rooms), {ok, _} = pg:start_link()");
  ASSERT_EQ(beam.text("net_adm:ping('b@127.0.0.1')"), "pong");
  ASSERT_TRUE(node->send(NodeLocalName{"main", name_of(beam)}, Term::tuple_of(Atom("pids"), v, w)));
  beam.eval("receive {pids, V, W} -> ok end");
  const auto becomes = [&](const std::string& expected, const std::string& of = "rooms") {
    return beam.becomes("lists:sort(pg:get_members(" + of + ", changing)) =:= lists:sort(" + expected + ")",
                        "true");
  };
  change(*node, scope, true, {v, w});
  EXPECT_TRUE(becomes("[V, W]"));
  change(*node, scope, true, {v});
  EXPECT_TRUE(becomes("[V, V, W]"));
  change(*node, scope, false, {v});
  EXPECT_TRUE(becomes("[V, W]")) << "it had joined twice";
  change(*node, scope, false, {v, w});
  EXPECT_TRUE(becomes("[]"));
  change(*node, other, true, {w});
  EXPECT_TRUE(becomes("[W]", "pg"));
  EXPECT_TRUE(becomes("[]")) << "scopes have nothing to do with each other";
}

TEST_F(ErlangGroups, MembersOfALostNodeAreNoMembersAndComeBackWithIt) {
  const auto node = start_tcp("b");
  ASSERT_TRUE(node);
  const Scope scope = start_scope(*node);
  Beam one(epmd_, "e1");
  Beam two(epmd_, "e2");
  for (Beam* beam : {&one, &two}) {
    (void)beam->eval("{ok, _} = pg:start_link(), ok = pg:join(workers, self())");
    ASSERT_EQ(beam->text("net_adm:ping('b@127.0.0.1')"), "pong");
  }
  EXPECT_TRUE(eventually([&] { return scope.groups.get_members(Atom("workers")).size() == 3; }));
  EXPECT_TRUE(one.becomes("length(pg:get_members(workers))", "2")) << "it is not connected to the other";
  two.kill();
  EXPECT_TRUE(eventually([&] { return scope.groups.get_members(Atom("workers")).size() == 2; }));
  (void)one.eval("erlang:disconnect_node('b@127.0.0.1')");
  EXPECT_TRUE(eventually([&] { return scope.groups.get_members(Atom("workers")).size() == 1; }));
  EXPECT_TRUE(one.becomes("length(pg:get_members(workers))", "1"));
  ASSERT_EQ(one.text("net_adm:ping('b@127.0.0.1')"), "pong");
  EXPECT_TRUE(eventually([&] { return scope.groups.get_members(Atom("workers")).size() == 2; }));
  EXPECT_TRUE(one.becomes("length(pg:get_members(workers))", "2"));
}

}  // namespace
}  // namespace barrel::test
