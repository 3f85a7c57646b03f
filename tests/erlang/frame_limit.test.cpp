// Answers of a Barrel node that are longer than it sends (frame_bytes_max): Erlang's callers do not wait for
// them.

#include "barrel/otp/gen_server.hpp"
#include "erlang/erlang_test.hpp"

namespace barrel::test {
namespace {

std::string text_of(std::size_t bytes) {
  return std::string(bytes, 'x');
}

struct Talker {
  struct Say {
    static constexpr std::string_view tag = "say";
    std::size_t bytes = 0;
    using Reply = std::string;
  };
  using Calls = Messages<Say>;
  explicit Talker(Self self) { (void)self.register_name("talker"); }
  std::string handle_call(const Say& say) { return text_of(say.bytes); }
};

class ErlangFrameLimit : public ErlangTest {
 protected:
  void SetUp() override {
    NodeConfig small = tcp_config("b");
    small.channel.frame_bytes_max = 100'000;
    node_ = start_tcp(small);
    ASSERT_TRUE(node_);
    node_->functions().expose("text", "make", text_of);
    const auto server = node_->start_server<Talker>();
    ASSERT_TRUE(server);
    beam_.eval("B = 'b@127.0.0.1', pong = net_adm:ping(B), P = rpc:call(B, erlang, whereis, [talker])");
  }
  void TearDown() override { node_.reset(); }

  std::unique_ptr<Node> node_;
  Beam beam_{epmd_, "e"};
};

TEST_F(ErlangFrameLimit, ACallEndsAsIfTheServerWereGoneAndTheServerLives) {
  beam_.eval("Long = {say, 150000}");
  EXPECT_EQ(beam_.text("catch gen_server:call(P, Long, infinity)"),
            "{'EXIT',{{reply_too_large,frame_bytes_max},{gen_server,call,[" + beam_.text("P") +
                ",{say,150000},infinity]}}}");
  EXPECT_EQ(beam_.text("catch gen_server:call({talker, B}, Long, infinity)"),
            "{'EXIT',{{reply_too_large,frame_bytes_max},"
            "{gen_server,call,[{talker,'b@127.0.0.1'},{say,150000},infinity]}}}");
  EXPECT_EQ(beam_.text("{error, {Why, P}} = gen_server:receive_response(gen_server:send_request(P, Long),"
                       " infinity), Why"),
            "{reply_too_large,frame_bytes_max}");
  EXPECT_EQ(beam_.text("gen_server:call(P, {say, 3})"), "<<\"xxx\">>");
  EXPECT_EQ(beam_.text("receive Stray -> Stray after 0 -> empty end"), "empty");
}

TEST_F(ErlangFrameLimit, WhoAsksWithoutAMonitorGetsAnError) {
  EXPECT_EQ(beam_.text("Tag = make_ref(), P ! {'$gen_call', {self(), Tag}, {say, 150000}},"
                       "receive {Tag, Reply} -> Reply after 5000 -> timeout end"),
            "{error,{reply_too_large,frame_bytes_max}}");
  // Its monitors are not those of the calls.
  EXPECT_EQ(beam_.text("gen_server:multi_call([B], talker, {say, 150000})"),
            "{[{'b@127.0.0.1',{error,{reply_too_large,frame_bytes_max}}}],[]}");
}

TEST_F(ErlangFrameLimit, RpcAndErpcGiveTheSameWhicheverWayTheyGo) {
  const std::string why = "{limit_exceeded,frame_bytes_max}";
  EXPECT_EQ(beam_.text("rpc:call(B, text, make, [150000])"), "{badrpc,{'EXIT'," + why + "}}");
  EXPECT_EQ(beam_.text("rpc:block_call(B, text, make, [150000])"), "{badrpc,{'EXIT'," + why + "}}");
  EXPECT_EQ(beam_.text("gen_server:call({rex, B}, {call, text, make, [150000], group_leader()}, infinity)"),
            "{badrpc,{'EXIT'," + why + "}}");
  EXPECT_EQ(beam_.text("{rex, B} ! {self(), {call, text, make, [150000], user}},"
                       "receive {rex, V} -> V after 5000 -> timeout end"),
            "{badrpc,{'EXIT'," + why + "}}");
  EXPECT_EQ(beam_.text("try erpc:call(B, text, make, [150000]) catch C:R -> {C, R} end"),
            "{exit,{signal," + why + "}}");
  EXPECT_EQ(beam_.text("byte_size(rpc:call(B, text, make, [3]))"), "3");
}

}  // namespace
}  // namespace barrel::test
