// Erlang's ways to call a function without an answer, on many nodes or with conditions: what they do and give
// when a Barrel node is among those called.

#include "barrel/process/exit.hpp"
#include "erlang/erlang_test.hpp"

namespace barrel::test {
namespace {

/// Tells `to`.
void tell(Self self, Pid to, Term what) {
  self.send(to, Term::tuple_of(Atom("told"), what));
}
/// Sends to an alias.
void forward(Self self, Ref alias, Term what) {
  self.send(alias, what);
}
int add(int a, int b) {
  return a + b;
}
void ends(Term reason) {
  exit(std::move(reason));
}
struct Go {
  static constexpr std::string_view tag = "go";
};
Task<> waits(Self self) {
  (void)co_await self.receive<Go>();
}

class Effects : public ErlangTest {
 protected:
  Effects() : node_(start_tcp("b")) {
    if (node_ == nullptr) return;
    node_->functions().expose("test", "tell", tell);
    node_->functions().expose("test", "forward", forward);
    node_->functions().expose("test", "add", add);
    node_->functions().expose("test", "ends", ends);
    node_->functions().expose("test", "waits", waits);
    beam_.eval("B = 'b@127.0.0.1', pong = net_adm:ping(B)");
  }
  ~Effects() override { node_.reset(); }
  void SetUp() override { ASSERT_TRUE(node_); }
  /// Evaluates, and gives what the Erlang process was told, once all is there.
  std::string told(const std::string& expressions, int count = 1) {
    return beam_.text("(fun() -> " + expressions +
                      ", lists:sort([receive {told, What} -> What after 5000 ->" +
                      " timeout end || _ <- lists:seq(1, " + std::to_string(count) + ")]) end)()");
  }
  std::string mailbox() {
    return beam_.text("(fun F(Seen) -> receive M -> F([M | Seen]) after 0 -> Seen end end)([])");
  }

  std::unique_ptr<Node> node_;
  Beam beam_{epmd_, "e"};
};

TEST_F(Effects, CastsAreDone) {
  EXPECT_EQ(told("ok = erpc:cast(B, test, tell, [self(), 1])"), "[1]");
  EXPECT_EQ(told("true = rpc:cast(B, test, tell, [self(), 2])"), "[2]");
  EXPECT_EQ(told("gen_server:cast({rex, B}, {cast, test, tell, [self(), 3], group_leader()})"), "[3]");
  // Here it fails, as there is no such module; there it is done.
  EXPECT_EQ(told("abcast = rpc:eval_everywhere([node(), B, 'nobody@127.0.0.1'], test, tell, [self(), 4])"),
            "[4]");
  EXPECT_EQ(told("ok = erpc:multicast([B, 'nobody@127.0.0.1', B], test, tell, [self(), 5])", 2), "[5,5]");
  EXPECT_EQ(mailbox(), "[]");
}

TEST_F(Effects, CallsOfManyNodesTellWhichFailed) {
  EXPECT_EQ(beam_.text("rpc:multicall([B, 'nobody@127.0.0.1', node()], erlang, node, [])"),
            "{['b@127.0.0.1','e@127.0.0.1'],['nobody@127.0.0.1']}");
  EXPECT_EQ(beam_.text("rpc:multicall([B, 'nobody@127.0.0.1'], test, ends, [{bad, 1}], 5000)"),
            "{[{badrpc,{'EXIT',{bad,1}}}],['nobody@127.0.0.1']}");
  EXPECT_EQ(beam_.text("erpc:multicall([B, 'nobody@127.0.0.1', B], test, add, [1, 2], 5000)"),
            "[{ok,3},{error,{erpc,noconnection}},{ok,3}]");
  EXPECT_EQ(beam_.text("erpc:multicall([B, 'nobody@127.0.0.1'], test, ends, [{bad, 1}])"),
            "[{exit,{exception,{bad,1}}},{error,{erpc,noconnection}}]");
  EXPECT_EQ(beam_.text("erpc:multicall([B], test, no_such, [1])"),
            "[{error,{exception,undef,[{test,no_such,[1],[]}]}}]");
  EXPECT_EQ(beam_.text("erpc:multicall([B], test, waits, [], 50)"), "[{error,{erpc,timeout}}]");
  EXPECT_EQ(beam_.text("rpc:call(B, test, waits, [], 50)"), "{badrpc,timeout}");
  EXPECT_EQ(beam_.text("rpc:call(B, test, add, [2, 3], 5000)"), "5");
  EXPECT_EQ(beam_.text("rpc:call('nobody@127.0.0.1', test, add, [2, 3], 5000)"), "{badrpc,nodedown}");
  EXPECT_EQ(mailbox(), "[]");
}

TEST_F(Effects, SpawnRequestsAreAnsweredAsTheyAsk) {
  const std::string answer = "receive {spawn_reply, R, W, _} -> W after 5000 -> timeout end";
  EXPECT_EQ(beam_.text("(fun() -> R = spawn_request(B, test, waits, [], [{reply_tag, {my, tag}}]),"
                       "receive {{my, tag}, R, ok, P} -> P ! go, node(P) after 5000 -> timeout end end)()"),
            "'b@127.0.0.1'");
  EXPECT_EQ(
      beam_.text("(fun() -> R = spawn_request(B, test, waits, [], [{reply, yes}]), " + answer + " end)()"),
      "ok");
  // Told only of errors, or of success, or of nothing; the next request's answer comes behind what they say.
  const std::string behind = ", R = spawn_request(B, test, waits, []), " + answer +
                             ", lists:sort((fun F(Seen) -> receive M -> F([element(3, M) | Seen])"
                             " after 0 -> Seen end end)([]))";
  for (const char* option : {"no", "error_only"}) {
    EXPECT_EQ(beam_.text("(fun() -> spawn_request(B, test, waits, [], [{reply, " + std::string(option) +
                         "}])" + behind + " end)()"),
              "[]")
        << option;
  }
  for (const char* option : {"error_only", "yes"}) {
    EXPECT_EQ(beam_.text("(fun() -> spawn_request(B, test, waits, [], [{reply, " + std::string(option) +
                         "}, {surprise, 1}])" + behind + " end)()"),
              "[error]")
        << option;
  }
  EXPECT_EQ(beam_.text("(fun() -> spawn_request(B, test, waits, [], [{reply, success_only}, {surprise, 1}])" +
                       behind + " end)()"),
            "[]");
  EXPECT_EQ(beam_.text(
                "(fun() -> R = spawn_request(B, test, ends, [done], [{reply, no},"
                " {monitor, [{tag, {gone, 1}}]}]),"
                "receive {{gone, 1}, R, process, P, Why} -> {node(P), Why} after 5000 -> timeout end end)()"),
            "{'b@127.0.0.1',done}");
  // The monitor's reference is an alias, which the process there is told as an argument cannot: by a message.
  EXPECT_EQ(beam_.text("(fun() -> R = spawn_request(B, test, waits, [],"
                       " [{reply_tag, up}, {monitor, [{tag, gone}, {alias, reply_demonitor}]}]),"
                       "P = receive {up, R, ok, P0} -> P0 after 5000 -> timeout end,"
                       "erpc:call(B, test, forward, [R, aliased]),"
                       "receive aliased -> ok after 5000 -> exit(no_alias) end, P ! go,"
                       "W = monitor(process, P), receive {'DOWN', W, process, P, _} -> ok end,"
                       "receive {gone, R, process, P, Why} -> Why after 0 -> demonitored end end)()"),
            "demonitored");
  EXPECT_EQ(
      beam_.text("(fun() -> R = spawn_request('nobody@127.0.0.1', test, waits, []), " + answer + " end)()"),
      "error");
  EXPECT_EQ(mailbox(), "[]");
}

}  // namespace
}  // namespace barrel::test
