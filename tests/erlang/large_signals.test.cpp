// Signals that are larger than a fragment, both ways: calls and their results, exit reasons, arguments of
// spawn.

#include <gmock/gmock.h>

#include "barrel/process/exit.hpp"
#include "erlang/signal_actor.hpp"

namespace barrel::test {
namespace {

void ends(Term reason) {
  exit(std::move(reason));
}
Term same(Term value) {
  return value;
}

class LargeSignals : public SignalActors {
 protected:
  void SetUp() override {
    SignalActors::SetUp();
    node_->functions().expose("test", "ends", ends);
    node_->functions().expose("test", "same", same);
    // Not the same everywhere, and of many parts.
    beam_.eval(
        "Big = fun(Bytes) -> {big, binary:copy(<<1:32, 2:32, 3:32, 4:32>>, Bytes div 32),"
        " [{N, <<N:64>>} || N <- lists:seq(1, Bytes div 64)]} end, Mega = Big(1000000), Reason = "
        "Big(300000)");
  }
};

TEST_F(LargeSignals, CallsResultsAndSpawnedArguments) {
  EXPECT_EQ(beam_.text("rpc:call(B, test, same, [Mega]) =:= Mega"), "true");
  EXPECT_EQ(beam_.text("erpc:call(B, test, same, [Mega]) =:= Mega"), "true");
  EXPECT_EQ(beam_.text("gen_server:call({rex, B}, {call, test, same, [Mega], group_leader()}) =:= Mega"),
            "true");
  EXPECT_EQ(beam_.text("{badrpc, {'EXIT', Mega}} = rpc:call(B, test, ends, [Mega]), same"), "same");
  EXPECT_EQ(beam_.text("{P1, M1} = spawn_monitor(B, test, ends, [Mega]),"
                       "receive {'DOWN', M1, process, P1, R1} -> R1 =:= Mega after 5000 -> timeout end"),
            "true");
  EXPECT_EQ(beam_.text("P2 = spawn_link(B, test, ends, [Mega]),"
                       "receive {'EXIT', P2, R2} -> R2 =:= Mega after 5000 -> timeout end"),
            "true");
  EXPECT_GE(node_->metrics()["dist.fragmented_messages_received"], 6U);
  const auto ok = node_->run(
      +[](Self self, NodeName erlang) -> Task<bool> {
        self.trap_exits(true);
        const Term large = Term::tuple_of(Atom("large"), Term::binary(Bytes(1'000'000, 7)));
        const auto echoed = co_await self.rpc<std::vector<Term>>(erlang, "lists", "duplicate", 1, large);
        EXPECT_TRUE(echoed && echoed->size() == 1 && echoed->front() == large);
        const auto exited = co_await self.rpc<int>(erlang, "erlang", "exit", large);
        EXPECT_EQ(exited.error(), Error(Errc::exited, Term::tuple_of(Atom("exit"), large)));
        const auto watched = co_await self.spawn_monitor_on(erlang, "erlang", "exit", large);
        EXPECT_TRUE(watched);
        const Down down = co_await self.receive<Down>();
        EXPECT_EQ(down.reason, large);
        const auto linked = co_await self.spawn_link_on(erlang, "erlang", "exit", large);
        const Exit exit = co_await self.receive<Exit>();
        EXPECT_EQ(exit.reason, large);
        EXPECT_EQ(exit.from, *linked);
        co_return true;
      },
      name_of(beam_));
  EXPECT_TRUE(ok);
}

TEST_F(LargeSignals, ReasonsOfExitsLinksAndMonitors) {
  beam_.eval(
      "HeardOne = fun(A) -> (fun Wait() -> case signal_actor:heard(A) of [] -> Wait(); [Told] -> Told end "
      "end)() end");
  expect_both_ways(
      "A = signal_actor:start(One), P = signal_actor:start(Other), A ! {do, exit, P, Reason},"
      "{exit, A, Reason} = HeardOne(P), same",
      "same");
  expect_both_ways(
      "A = signal_actor:start(One), P = signal_actor:start(Other), A ! {do, link, P},"
      "signal_actor:fence(A, P), P ! {do, die, Reason}, {exit, P, Reason} = HeardOne(A), same",
      "same");
  expect_both_ways(
      "A = signal_actor:start(One), P = signal_actor:start(Other), A ! {do, monitor, P},"
      "signal_actor:fence(A, P), P ! {do, die, Reason}, {down, P, Reason} = HeardOne(A), same",
      "same");
  EXPECT_GE(node_->metrics()["dist.fragmented_messages_received"], 3U);
}

}  // namespace
}  // namespace barrel::test
