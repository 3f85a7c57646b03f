// Every control message that an Erlang node and a Barrel node have for each other, in both directions, in the
// forms of today and in those of nodes without EXIT_PAYLOAD and SEND_SENDER: a proxy between them sees to it
// that none is left out.

#include "erlang/desk.hpp"
#include "erlang/proxied.hpp"
#include "erlang/signal_actor.hpp"

namespace barrel::test {
namespace {

class ControlMessages : public ProxiedNodes {
 protected:
  void SetUp() override {
    ASSERT_TRUE(node_);
    node_->functions().expose("signal_actor", "run", run_signal_actor);
    ASSERT_TRUE(node_->start_server<Desk>(Atom("server")));
  }

  /// Atom caches are off, which the proxy does not know.
  [[nodiscard]] std::unique_ptr<Beam> dial_without(const std::string& flags) {
    auto beam = dial_by_proxy("#{record => true, drop_flags => " + flags + "}");
    beam->load("signal_actor.erl");
    beam->load("beam_server.erl");
    beam->eval("B = 'b@127.0.0.1', {ok, _} = gen_server:start({local, server}, beam_server, 0, [])");
    return beam;
  }
  void expect_calls(Beam& beam) {
    EXPECT_EQ(beam.text("rpc:call(B, erlang, node, [])"), "'b@127.0.0.1'");
    EXPECT_EQ(beam.text("gen_server:call({server, B}, {echo, {a, [1.5]}})"), "{a,[1.5]}");
    EXPECT_EQ(beam.text("catch gen_server:call({no_such, B}, get)"),
              "{'EXIT',{noproc,{gen_server,call,[{no_such,'b@127.0.0.1'},get]}}}");
    const auto ok = node_->run(
        +[](Self self, NodeName erlang) -> Task<bool> {
          const auto name = co_await self.rpc<NodeName>(erlang, "erlang", "node");
          EXPECT_EQ(name, Result<NodeName>(erlang));
          const Desk::Echo echo{Term::tuple_of(1.5, "text", self.pid())};
          const NodeLocalName server{"server", erlang};
          const auto echoed = co_await self.call(server, echo);
          EXPECT_EQ(echoed, Result<Term>(echo.what));
          const NodeLocalName nobody{"no_such", erlang};
          const auto none = co_await self.call(nobody, echo);
          EXPECT_EQ(none.error().code, Errc::no_process);
          co_return true;
        },
        name_of(beam));
    EXPECT_TRUE(ok);
  }
  void expect_signals(Beam& beam);
  /// What a BEAM without these capabilities and a Barrel node ask and tell each other takes these operations,
  /// each of which goes both ways.
  void expect_exchanged(const std::string& flags, const std::string& operations) {
    auto beam = dial_without(flags);
    expect_calls(*beam);
    expect_signals(*beam);
    EXPECT_EQ(proxy_.text("dist_proxy:seen()"), "{" + operations + "," + operations + "}");
    end(std::move(beam));
  }
};

void ControlMessages::expect_signals(Beam& beam) {
  const std::string two =
      "A = signal_actor:start(One), P = signal_actor:start(Other),"
      "HeardOne = fun() -> (fun Wait() -> case signal_actor:heard(A) of [] -> Wait(); [Told] -> Told end "
      "end)()"
      " end,";
  const auto expect = [&](const std::string& expressions, const std::string& expected) {
    expect_both_ways(beam, node_->name(), two + expressions, expected);
  };
  expect(
      "A ! {do, monitor, P}, signal_actor:fence(A, P), P ! {do, die, {boom, [1]}}, {down, P, Why} ="
      " HeardOne(), Why",
      "{boom,[1]}");
  expect("signal_actor:dies(P, over), A ! {do, monitor, P}, {down, P, Why} = HeardOne(), Why", "noproc");
  expect(
      "A ! {do, monitor, P}, A ! {do, demonitor, P}, signal_actor:fence(A, P), signal_actor:dies(P, over),"
      "signal_actor:heard(A)",
      "[]");
  expect(
      "A ! {do, link, P}, signal_actor:fence(A, P), P ! {do, die, {boom, [2]}},"
      "{exit, P, Why} = HeardOne(), Why",
      "{boom,[2]}");
  expect("signal_actor:dies(P, over), A ! {do, link, P}, {exit, P, Why} = HeardOne(), Why", "noproc");
  expect(
      "A ! {do, link, P}, A ! {do, unlink, P}, signal_actor:fence(A, P), signal_actor:dies(P, boom),"
      "A ! {do, monitor, P}, {down, P, Why} = HeardOne(), Why",
      "noproc");
  expect(
      "A ! {do, exit, P, {bad, [3]}}, signal_actor:fence(A, P), [{exit, A, Why}] = signal_actor:heard(P),"
      "Why",
      "{bad,[3]}");
  expect("A ! {do, monitor, P}, A ! {do, exit, P, kill}, {down, P, Why} = HeardOne(), Why", "killed");
  expect(
      "A ! {do, start, self(), Other}, Q = receive {started, A, Pid} -> Pid after 5000 -> timeout end,"
      "Q ! {do, die, {boom, [4]}}, {exit, Q, Why} = HeardOne(), {node(Q) =:= Other, Why}",
      "{true,{boom,[4]}}");
  expect(
      "P ! {do, alias, self()}, Alias = receive {alias, P, Told} -> Told after 5000 -> timeout end,"
      "A ! {do, send, Alias, by_alias}, signal_actor:fence(A, P), signal_actor:heard(P)",
      "[by_alias]");
  expect(
      "A ! {do, lead, P, A}, signal_actor:fence(A, P), P ! {do, leader, self()},"
      "receive {leader, P, Leader} -> Leader =:= A after 5000 -> timeout end",
      "true");
}

TEST_F(ControlMessages, OfTodayGoBothWays) {
  expect_exchanged("16#2000", "[1,6,7,19,20,22,24,26,28,29,31,33,35,36]");
}

TEST_F(ControlMessages, OfNodesWithoutExitPayloadAndSendSenderGoBothWays) {
  expect_exchanged("16#C82000", "[1,2,3,6,7,8,19,20,21,29,31,33,35,36]");
}

}  // namespace
}  // namespace barrel::test
