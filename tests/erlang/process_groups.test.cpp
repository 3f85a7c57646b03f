// Process groups shared with Erlang's pg.

#include "barrel/otp/process_groups.hpp"

#include <gmock/gmock.h>

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
  static Scope start_scope(Node& node) {
    const auto started = node.run([](Self self) -> Task<Result<Scope>> {
      const std::shared_ptr<Scope> scope = std::make_shared<Scope>();
      scope->member = self.spawn(
          [](Self keeper, std::shared_ptr<Scope> out, Pid starter) -> Task<> {
            auto groups = co_await ProcessGroups::start_link(keeper);
            EXPECT_TRUE(groups);
            out->groups = *groups;
            const Atom workers("workers");
            EXPECT_TRUE(co_await out->groups.join(keeper, workers, keeper.pid()));
            keeper.send(starter, Stop{});
            co_await keeper.receive<Stop>();
          },
          scope, self.pid());
      co_await self.receive<Stop>();
      co_return *scope;
    });
    EXPECT_TRUE(started);
    return started ? *started : Scope{};
  }
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
