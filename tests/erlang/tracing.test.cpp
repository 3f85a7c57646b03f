// What Erlang processes send while seq_trace gives them a token: signals of another form, to the same effect.
// Barrel gives no tokens, so that none comes back to Erlang, nor an answer to a spawn request with one (32);
// and OTP sends none with exit/2 (18 and 27).

#include "barrel/process/exit.hpp"
#include "erlang/desk.hpp"
#include "erlang/proxied.hpp"
#include "erlang/signal_actor.hpp"

namespace barrel::test {
namespace {

void ends(Term reason) {
  exit(std::move(reason));
}

class Tracing : public ProxiedNodes {
 protected:
  void SetUp() override {
    ASSERT_TRUE(node_);
    node_->functions().expose("signal_actor", "run", run_signal_actor);
    node_->functions().expose("test", "ends", ends);
    ASSERT_TRUE(node_->start_server<Desk>(Atom("desk")));
  }
  /// Connects an Erlang node that has not these flags; the proxy knows no atom caches.
  void connect_without(const std::string& flags) {
    beam_ = dial_by_proxy("#{record => true, drop_flags => " + flags + "}");
    beam_->load("signal_actor.erl");
    // Its messages would hide an end of the test's own.
    beam_->eval(
        "B = 'b@127.0.0.1',"
        "Ended = fun(M) -> receive {'DOWN', M, process, _, Why} -> Why after 5000 -> lives end end");
  }
  /// Evaluates it with and without a token, which every step begins with, since answers that have none take
  /// it away: the value has to be the same.
  void expect_the_same(const std::string& expressions, const std::string& expected) {
    for (const char* token : {"fun() -> ok end",
                              "fun() -> seq_trace:set_token(label, 17), seq_trace:set_token('receive', true),"
                              " seq_trace:set_token(timestamp, true), seq_trace:set_token(send, true),"
                              " {_, 17, _, _, _} = seq_trace:get_token(), traced end",
                              // A label that is no small number goes in another form.
                              "fun() -> seq_trace:set_token(label, {any, <<\"term\">>}), "
                              "seq_trace:set_token(send, true), traced end"}) {
      EXPECT_EQ(beam_->text("(fun() -> Value = (fun(Trace) -> " + expressions + " end)(" + token +
                            "), seq_trace:set_token([]), Value end)()"),
                expected)
          << token << ": " << expressions;
    }
  }
  void expect_no_change();
  void TearDown() override {
    if (beam_ != nullptr) end(std::move(beam_));
  }

  std::unique_ptr<Beam> beam_;
};

void Tracing::expect_no_change() {
  expect_the_same(
      "P = signal_actor:start(B), Trace(), P ! hello, Trace(), P ! {do, heard, self()},"
      "receive {heard, P, All} -> All after 5000 -> timeout end",
      "[hello]");
  expect_the_same("Trace(), {desk, B} ! {'$gen_cast', {put, 21}}, Trace(), gen_server:call({desk, B}, get)",
                  "21");
  expect_the_same("Trace(), gen_server:call({desk, B}, {echo, {a, [1.5], self()}}) =:= {a, [1.5], self()}",
                  "true");
  // A process of Barrel's sends to an alias of Erlang's.
  expect_the_same(
      "Me = self(), Alias = alias(), P = signal_actor:start(B), Trace(),"
      "P ! {do, send, Alias, by_alias}, Trace(), P ! {do, send, Me, {Alias, P}},"
      "receive by_alias -> ok after 5000 -> exit(lost) end,"
      "receive {Alias, P} -> Trace(), P ! {do, sync, self()} end, unalias(Alias),"
      "receive {synced, P} -> ok after 5000 -> timeout end",
      "ok");
  // And one of Erlang's to an alias of Barrel's.
  expect_the_same(
      "P = signal_actor:start(B), P ! {do, alias, self()},"
      "Alias = receive {alias, P, Told} -> Told after 5000 -> timeout end,"
      "Trace(), Alias ! by_alias, Trace(), signal_actor:fence(P, P), signal_actor:heard(P)",
      "[by_alias]");
  expect_the_same(
      "P = signal_actor:start(B), Trace(), link(P), Trace(), P ! {do, die, boom},"
      "receive {'EXIT', P, Why} -> Why after 5000 -> timeout end",
      "boom");
  expect_the_same(
      "P = signal_actor:start(B), Me = self(), spawn(fun() -> Trace(), link(P), Trace(), P ! {do, sync, Me},"
      " receive after infinity -> ok end end), receive {synced, P} -> ok end,"
      "Trace(), exit(P, {bad, [1]}), Trace(), signal_actor:fence(P, P),"
      "[{exit, _, Reason}] = signal_actor:heard(P), Reason",
      "{bad,[1]}");
  expect_the_same(
      "P = signal_actor:start(B), Q = spawn(fun() -> receive go -> link(P), Trace(), exit(broken) end end),"
      "Q ! go, (fun Wait() -> case signal_actor:heard(P) of [] -> Wait(); [{exit, Q, Why}] -> Why end end)()",
      "broken");
  expect_the_same("Trace(), {_, M} = spawn_monitor(B, test, ends, [over]), Ended(M)", "over");
  expect_the_same("Trace(), spawn_link(B, test, ends, [gone]), receive {'EXIT', _, Why} -> Why end", "gone");
  expect_the_same(
      "P = signal_actor:start(B), Trace(), M = monitor(process, P), Trace(), exit(P, kill), Ended(M)",
      "killed");
  expect_the_same("Trace(), rpc:call(B, erlang, node, [])", "'b@127.0.0.1'");
  expect_the_same("Trace(), erpc:call(B, erlang, node, [])", "'b@127.0.0.1'");
  EXPECT_EQ(beam_->text("receive Stray -> Stray after 0 -> empty end"), "empty");
}

TEST_F(Tracing, TokensChangeNothing) {
  connect_without("16#2000");
  expect_no_change();
  EXPECT_EQ(proxy_.text("[Op || Op <- element(1, dist_proxy:seen()),"
                        " lists:member(Op, [12, 13, 16, 18, 23, 25, 27, 30, 32, 34])]"),
            "[16,23,25,30,34]");
}

TEST_F(Tracing, TokensOfNodesWithoutExitPayloadAndSendSenderChangeNothing) {
  connect_without("16#C82000");
  expect_no_change();
  EXPECT_EQ(proxy_.text("[Op || Op <- element(1, dist_proxy:seen()),"
                        " lists:member(Op, [12, 13, 16, 18, 23, 25, 27, 30, 32, 34])]"),
            "[12,13,16,30,34]");
}

}  // namespace
}  // namespace barrel::test
