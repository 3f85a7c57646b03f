// What becomes of calls that wait for a node that is killed: a Barrel node called by Erlang, an Erlang node
// called by Barrel.

#include <gmock/gmock.h>

#include <csignal>

#include "erlang/erlang_test.hpp"

namespace barrel::test {
namespace {

class Losses : public ErlangTest {};

TEST_F(Losses, CallsOfAKilledBarrelNodeFailAsThoseOfAnErlangNode) {
  const TempDir directory;
  Child barrel({.argv = {BARREL_DESK_NODE, "b@127.0.0.1", directory.path(), std::to_string(epmd_.port())}});
  ASSERT_TRUE(barrel.wait_for("ready", 20s)) << barrel.transcript();
  ASSERT_TRUE(epmd_.knows("b"));
  Beam beam(epmd_, "e");
  beam.eval("B = 'b@127.0.0.1', pong = net_adm:ping(B)");
  // Each in a process of its own.
  beam.eval(
      "Me = self(), Ask = fun(Name, Call) -> spawn(fun() -> Me ! {Name, catch Call()} end) end,"
      "Ask(server, fun() -> gen_server:call({desk, B}, hold, infinity) end),"
      "Ask(erpc, fun() -> erpc:call(B, test, waits, []) end),"
      "Ask(rpc, fun() -> rpc:call(B, test, waits, []) end),"
      "Ask(block, fun() -> rpc:block_call(B, test, waits, []) end),"
      "Ask(rex, fun() -> gen_server:call({rex, B}, {call, test, waits, [], group_leader()}, infinity) end),"
      "Ask(many, fun() -> gen_server:multi_call([B], desk, hold) end),"
      "Ask(sent, fun() -> gen_server:receive_response(gen_server:send_request({desk, B}, hold), infinity) "
      "end),"
      "Ask(erpc_many, fun() -> erpc:multicall([B], test, waits, []) end),"
      "{_, W} = spawn_monitor(B, test, waits, [])");
  EXPECT_TRUE(beam.becomes("gen_server:call({desk, B}, holding)", "3"));
  barrel.signal(SIGKILL);
  ASSERT_TRUE(barrel.wait_exit(10s));
  const auto outcome = [&](const std::string& name) {
    return beam.text("receive {" + name + ", Came_" + name + "} -> Came_" + name +
                     " after 5000 -> timeout end");
  };
  EXPECT_EQ(outcome("server"),
            "{'EXIT',{{nodedown,'b@127.0.0.1'},{gen_server,call,[{desk,'b@127.0.0.1'},hold,infinity]}}}");
  EXPECT_THAT(outcome("erpc"), testing::StartsWith("{'EXIT',{{erpc,noconnection},"));
  EXPECT_EQ(outcome("rpc"), "{badrpc,nodedown}");
  EXPECT_EQ(outcome("block"), "{badrpc,nodedown}");
  EXPECT_THAT(outcome("rex"), testing::StartsWith("{'EXIT',{{nodedown,'b@127.0.0.1'},{gen_server,call,"));
  EXPECT_EQ(outcome("many"), "{[],['b@127.0.0.1']}");
  EXPECT_EQ(outcome("sent"), "{error,{noconnection,{desk,'b@127.0.0.1'}}}");
  EXPECT_EQ(outcome("erpc_many"), "[{error,{erpc,noconnection}}]");
  EXPECT_EQ(beam.text("receive {'DOWN', W, process, _, Why} -> Why after 5000 -> timeout end"),
            "noconnection");
}

TEST_F(Losses, CallsOfAKilledErlangNodeFailWithNoConnection) {
  const auto node = start_tcp("b");
  ASSERT_TRUE(node);
  Beam beam(epmd_, "e");
  const auto ok = node->run(
      +[](Self self, NodeName erlang, Beam* erlang_node) -> Task<bool> {
        self.trap_exits(true);
        const auto watched = co_await self.spawn_monitor_on(erlang, "timer", "sleep", 60'000);
        const auto linked = co_await self.spawn_link_on(erlang, "timer", "sleep", 60'000);
        EXPECT_TRUE(watched && linked);
        auto called = self.rpc<Term>(erlang, 60s, "timer", "sleep", 60'000);
        const auto behind = co_await self.rpc<Atom>(erlang, "erlang", "node");
        EXPECT_EQ(*behind, erlang.atom());
        // These wait for a node that does not read any more.
        erlang_node->signal(SIGSTOP);
        auto late = self.rpc<Term>(erlang, 60s, "erlang", "node");
        auto spawned = self.spawn_on(erlang, "timer", "sleep", 60'000);
        auto monitored = self.spawn_monitor_on(erlang, "timer", "sleep", 60'000);
        erlang_node->kill();
        const auto lost_call = co_await called;
        EXPECT_EQ(lost_call.error(), Error(Errc::no_connection, Atom("noconnection")));
        const auto lost_late = co_await late;
        EXPECT_EQ(lost_late.error().code, Errc::no_connection);
        const auto lost_spawn = co_await spawned;
        EXPECT_EQ(lost_spawn.error().code, Errc::no_connection);
        const auto lost_monitored = co_await monitored;
        EXPECT_EQ(lost_monitored.error().code, Errc::no_connection);
        const Down down = co_await self.receive<Down>();
        EXPECT_EQ(down.ref, watched->monitor.ref());
        EXPECT_EQ(down.reason, Term(Atom("noconnection")));
        const Exit exit = co_await self.receive<Exit>();
        EXPECT_EQ(exit.from, *linked);
        EXPECT_EQ(exit.reason, Term(Atom("noconnection")));
        // Nobody is there who could be called.
        const auto again = co_await self.rpc<Term>(erlang, "erlang", "node");
        EXPECT_EQ(again.error().code, Errc::no_connection);
        const auto stray = co_await self.receive<Term>(0ms);
        EXPECT_TRUE(std::holds_alternative<Timeout>(stray));
        co_return true;
      },
      name_of(beam), &beam);
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace barrel::test
