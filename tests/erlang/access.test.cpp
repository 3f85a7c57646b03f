// Which nodes may call the functions of a Barrel node, and which functions there are when none were exposed.

#include <gmock/gmock.h>

#include "barrel/otp/gen_server.hpp"
#include "erlang/desk.hpp"
#include "erlang/erlang_test.hpp"

namespace barrel::test {
namespace {

int add(int a, int b) {
  return a + b;
}

class Access : public ErlangTest {
 protected:
  void begin(NodeConfig settings) {
    node_ = start_tcp(std::move(settings));
    ASSERT_TRUE(node_);
    node_->functions().expose("math", "add", add);
  }
  void TearDown() override { node_.reset(); }
  static void connect(Beam& beam) { beam.eval("B = 'b@127.0.0.1', pong = net_adm:ping(B)"); }
  /// What a call of each kind comes to: the value, or the reason of its failure.
  static std::string outcomes(Beam& beam, const std::string& call) {
    return beam.text(
        "(fun(M, F, A) -> [rpc:call(B, M, F, A),"
        " try erpc:call(B, M, F, A) catch _:{exception, Why, _} -> Why end,"
        " gen_server:call({rex, B}, {call, M, F, A, group_leader()}),"
        " (fun({P, W}) -> receive {'DOWN', W, process, P, Why} -> Why after 5000 -> timeout end end)"
        " (spawn_monitor(B, M, F, A))] end)(" +
        call + ")");
  }
  /// As of a function that does not exist.
  static std::string undefined(const std::string& call) {
    const std::string why = "{undef,[{" + call + ",[]}]}";
    const std::string badrpc = "{badrpc,{'EXIT'," + why + "}}";
    return "[" + badrpc + ",undef," + badrpc + "," + why + "]";
  }

  std::unique_ptr<Node> node_;
};

TEST_F(Access, NodesWhoseNamesMatchMayCallAndOthersFindNothing) {
  NodeConfig settings = tcp_config("b");
  settings.functions.allowed_nodes = {"trusted*@127.0.0.1", "elsewhere@10.0.0.1"};
  begin(std::move(settings));
  Beam trusted(epmd_, "trusted7");
  Beam other(epmd_, "other_trusted7");
  connect(trusted);
  connect(other);
  EXPECT_EQ(outcomes(trusted, "math, add, [2, 40]"), "[42,42,42,normal]");
  EXPECT_EQ(outcomes(other, "math, add, [2, 40]"), undefined("math,add,[2,40]"));
  EXPECT_EQ(outcomes(other, "erlang, node, []"), undefined("erlang,node,[]"));
  // Only functions are kept from it.
  ASSERT_TRUE(node_->start_server<Desk>(Atom("desk")));
  EXPECT_EQ(other.text("gen_server:call({desk, B}, {echo, hello})"), "hello");
}

TEST_F(Access, WithoutTheApiOnlyWhatTheProgramExposesIsThere) {
  NodeConfig settings = tcp_config("b");
  settings.functions.expose_api = false;
  begin(std::move(settings));
  Beam beam(epmd_, "e");
  connect(beam);
  EXPECT_EQ(outcomes(beam, "math, add, [2, 40]"), "[42,42,42,normal]");
  EXPECT_EQ(outcomes(beam, "erlang, node, []"), undefined("erlang,node,[]"));
  EXPECT_EQ(outcomes(beam, "barrel_p2p, members, []"), undefined("barrel_p2p,members,[]"));
  EXPECT_EQ(outcomes(beam, "barrel_p2p_service_proxy, relay, [a, b, c]"),
            undefined("barrel_p2p_service_proxy,relay,[a,b,c]"));
}

}  // namespace
}  // namespace barrel::test
