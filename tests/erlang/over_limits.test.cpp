// Calls that a Barrel node cannot read, because they are over one of its limits: Erlang's callers that would
// wait for ever are answered.

#include <fstream>
#include <sstream>

#include "erlang/desk.hpp"
#include "erlang/erlang_test.hpp"

namespace barrel::test {
namespace {

class ErlangOverLimits : public ErlangTest {
 protected:
  static constexpr int atoms_max = 20;
  void SetUp() override {
    NodeConfig settings = tcp_config("b");
    settings.log.file = settings.data_dir / "node.log";
    settings.log.level = LogLevel::warning;
    settings.channel.atoms_per_peer_max = atoms_max;
    log_file_ = settings.log.file;
    node_ = start_tcp(std::move(settings));
    ASSERT_TRUE(node_);
    node_->functions().expose("math", "add", +[](int a, int b) { return a + b; });
    ASSERT_TRUE(node_->start_server<Desk>(Atom("desk")));
    (void)beam_.eval(
        "B = 'b@127.0.0.1', pong = net_adm:ping(B), erlang:monitor_node(B, true),"
        "Deep = fun(N) -> lists:foldl(fun(_, A) -> [A] end, x, lists:seq(1, N)) end");
  }
  void TearDown() override { node_.reset(); }
  [[nodiscard]] std::string log() const {
    std::ifstream in(log_file_);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  /// What the call gives; there is no time limit to it but the test's own.
  [[nodiscard]] std::string of(const std::string& call) { return beam_.text(call, 30s); }

  std::filesystem::path log_file_;
  std::unique_ptr<Node> node_;
  Beam beam_{epmd_, "e"};
};

TEST_F(ErlangOverLimits, CallsOfRexEndWithSystemLimit) {
  (void)beam_.eval("Many = lists:seq(1, 1200000), ok");
  const std::string refused = "{badrpc,{'EXIT',system_limit}}";
  EXPECT_EQ(of("rpc:block_call(B, math, add, [Many, 1])"), refused);
  EXPECT_EQ(of("rpc:block_call(B, math, add, [Deep(5000), 1])"), refused);
  EXPECT_EQ(of("gen_server:call({rex, B}, {call, math, add, [Many, 1], group_leader()}, infinity)"), refused);
  EXPECT_EQ(of("{rex, B} ! {self(), {call, math, add, [Many, 1], user}}, receive {rex, V} -> V end"),
            refused);
  EXPECT_EQ(of("rpc:sbcast([B], desk, Many)"), "{[],['b@127.0.0.1']}");
  EXPECT_EQ(of("rpc:block_call(B, math, add, [40, 2])"), "42");
  EXPECT_EQ(node_->metrics()["process.kernel_messages_over_limit"], 4U);
  const std::string line = "calls by a peer are over a limit and were refused node=e@127.0.0.1";
  EXPECT_TRUE(eventually([&] { return log().find(line) != std::string::npos; })) << log();
  EXPECT_EQ(log().find(line), log().rfind(line)) << "once in a minute\n" << log();
}

TEST_F(ErlangOverLimits, ACallOfAServerEndsWithTheLimitAndTheServerLives) {
  (void)beam_.eval(
      "Desk = rpc:call(B, erlang, whereis, [desk]), Much = {echo, Deep(5000)},"
      "Watch = monitor(process, Desk)");
  const std::string why = "{limit_exceeded,depth_max}";
  for (const char* to : {"Desk", "{desk, B}"}) {
    const std::string server = to;
    EXPECT_EQ(of("{'EXIT', {Why_, {gen_server, call, _}}} = (catch gen_server:call(" + server +
                 ", Much, infinity)), Why_"),
              why);
    EXPECT_EQ(of("{error, {Why_, _}} = gen_server:receive_response(gen_server:send_request(" + server +
                 ", Much), infinity), Why_"),
              why);
  }
  // Their monitors, if any, are not those of the calls.
  EXPECT_EQ(of("gen_server:multi_call([B], desk, Much)"), "{[{'b@127.0.0.1',{error," + why + "}}],[]}");
  EXPECT_EQ(
      of("Tag = make_ref(), Desk ! {'$gen_call', {self(), Tag}, Much}, receive {Tag, Reply} -> Reply end"),
      "{error," + why + "}");
  EXPECT_EQ(of("{'EXIT', {W, _}} = (catch sys:replace_state(Desk, Deep(5000), infinity)), W"), why);
  EXPECT_EQ(of("gen_server:cast(Desk, Much), gen_server:call(Desk, {echo, 1})"), "1");
  EXPECT_EQ(of("receive Stray -> Stray after 0 -> empty end"), "empty")
      << "the server lives, nothing is left";
}

TEST_F(ErlangOverLimits, ASpawnByNetKernelGivesThePidOfADeadProcess) {
  EXPECT_EQ(of("P = gen_server:call({net_kernel, B}, {spawn, math, add, [lists:seq(1, 1200000), 1],"
               " group_leader()}, infinity), M = monitor(process, P),"
               "receive {'DOWN', M, process, P, Why} -> {node(P), Why} end"),
            "{'b@127.0.0.1',noproc}");
}

TEST_F(ErlangOverLimits, ASpawnWhoseGroupLeaderCannotBecomeAnAtomRunsWithoutIt) {
  (void)beam_.eval(
      "Own = group_leader(), Leader = fun(N) ->"
      "  Name = list_to_binary([\"over_\", os:getpid(), $_, integer_to_list(N), \"@127.0.0.1\"]),"
      "  binary_to_term(<<131, 88, 119, (byte_size(Name)), Name/binary, 7:32, 0:32, 5:32>>) end,"
      "Led = fun(N, Call) -> group_leader(Leader(N), self()), Result = Call(), group_leader(Own, self()),"
      "  Result end");
  const std::string twice = std::to_string(2 * atoms_max);
  EXPECT_EQ(of("lists:usort([Led(N, fun() -> erpc:call(B, math, add, [40, 1000]) end) || N <- lists:seq(1, " +
               twice + ")])"),
            "[1040]");
  EXPECT_GT(node_->metrics()["node.atoms_refused"], 0U);
  EXPECT_EQ(
      of("lists:usort([Led(N, fun() -> rpc:block_call(B, math, add, [40, 1000]) end) || N <- lists:seq(1, " +
         twice + ")])"),
      "[1040]");
}

TEST_F(ErlangOverLimits, ASpawnWithTooManyOptionsIsRefused) {
  EXPECT_EQ(of("Options = [{priority, normal} || _ <- lists:seq(1, 2000)],"
               "Id = spawn_request(B, math, add, [40, 2], Options),"
               "receive {spawn_reply, Id, error, Why} -> Why end"),
            "system_limit");
  EXPECT_EQ(node_->metrics()["node.spawn_requests_over_limit"], 1U);
  EXPECT_EQ(of("erpc:call(B, math, add, [40, 2])"), "42");
}

}  // namespace
}  // namespace barrel::test
