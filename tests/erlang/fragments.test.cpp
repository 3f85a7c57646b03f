// Large messages between an Erlang node and a Barrel node, which go in fragments, both ways.

#include <fstream>
#include <iterator>

#include "erlang/erlang_test.hpp"

namespace barrel::test {
namespace {

/// Sends the second element of each message back to the process that is the first.
Task<> echo(Self self) {
  auto registered = self.register_name("echo");
  if (!registered) exit(registered.error().reason);
  for (;;) {
    auto message = co_await self.receive<Term>();
    const auto parts = message.elements();
    if (parts.size() != 2 || !parts[0].as_pid()) continue;
    self.send(*parts[0].as_pid(), Term::tuple_of(Atom("echoed"), parts[1]));
  }
}

class Fragments : public ErlangTest {};

TEST_F(Fragments, AMessageOf64MiBComesBackUnchanged) {
  const auto b = start_tcp("b");
  ASSERT_TRUE(b);
  b->spawn(&echo);
  Beam beam(epmd_, "e");
  ASSERT_EQ(beam.text("net_adm:ping('b@127.0.0.1')"), "pong");
  EXPECT_EQ(beam.text("Large = binary:copy(<<1:32, 2:32, 3:32, 4:32>>, 64 * 65536),"
                      "{echo, 'b@127.0.0.1'} ! {self(), Large},"
                      "receive {echoed, Large} -> byte_size(Large) after 60000 -> timeout end",
                      90s),
            "67108864")
      << beam.transcript();
  EXPECT_EQ(b->metrics()["dist.fragmented_messages_received"], 1U);
}

TEST_F(Fragments, LargeMessagesOfManyProcessesInterleaveAndSmallOnesGoBetween) {
  const auto b = start_tcp("b");
  ASSERT_TRUE(b);
  b->spawn(&echo);
  Beam beam(epmd_, "e");
  ASSERT_EQ(beam.text("net_adm:ping('b@127.0.0.1')"), "pong");
  EXPECT_EQ(beam.text("Collector = self(),"
                      "Ask = fun(N) -> Size = case N rem 2 of 0 -> 200000 + N * 65536; 1 -> N end,"
                      "  Value = {N, binary:copy(<<N>>, Size)},"
                      "  {echo, 'b@127.0.0.1'} ! {self(), Value},"
                      "  receive {echoed, Value} -> Collector ! {done, N}"
                      "  after 60000 -> Collector ! {lost, N} end end,"
                      "Asked = [spawn(fun() -> Ask(N) end) || N <- lists:seq(1, 40)],"
                      "lists:usort([receive {Outcome, _} -> Outcome end || _ <- Asked])",
                      90s),
            "[done]")
      << beam.transcript();
  EXPECT_EQ(b->metrics()["dist.fragmented_messages_received"], 20U);
}

/// Twelve processes that each send five megabytes to nobody at the same time, and that many again until the
/// connection is lost or the rounds are over.
constexpr const char* send_much =
    "B = 'b@127.0.0.1', pong = net_adm:ping(B), monitor_node(B, true), Much = binary:copy(<<7>>, 5000000),"
    "Send = fun() -> {nobody, B} ! Much end,"
    "Round = fun() -> Sent = [spawn_monitor(Send) || _ <- lists:seq(1, 12)],"
    "  [receive {'DOWN', M, process, P, _} -> ok end || {P, M} <- Sent] end,"
    "Rounds = fun R(0) -> up; R(N) -> Round(), _ = net_adm:ping(B),"
    "  receive {nodedown, B} -> down after 0 -> R(N - 1) end end";

TEST_F(Fragments, MoreUnderWayThanTheLimitClosesTheConnectionAndTheLogNamesTheSetting) {
  NodeConfig settings = tcp_config("b");
  settings.channel.frame_bytes_max = 5'100'000;  // and four of them
  settings.log.level = LogLevel::warning;
  settings.log.file = settings.data_dir / "node.log";
  const auto file = settings.log.file;
  const auto b = start_tcp(std::move(settings));
  ASSERT_TRUE(b);
  Beam beam(epmd_, "e");
  EXPECT_EQ(beam.text(std::string(send_much) + ", Rounds(100)", 100s), "down");
  const auto log = [&] {
    std::ifstream in(file);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  EXPECT_TRUE(eventually([&] { return log().find("(unfinished_bytes_max)") != std::string::npos; })) << log();
  EXPECT_GE(b->metrics()["dist.fragments_over_limit"], 1U);
  EXPECT_EQ(b->metrics()["dist.message_malformed"], 0U);
}

TEST_F(Fragments, TheLimitOnWhatIsUnderWayCanBeRaised) {
  NodeConfig settings = tcp_config("b");
  settings.channel.frame_bytes_max = 5'100'000;
  settings.channel.unfinished_bytes_max = 100'000'000;
  const auto b = start_tcp(std::move(settings));
  ASSERT_TRUE(b);
  Beam beam(epmd_, "e");
  EXPECT_EQ(beam.text(std::string(send_much) + ", Rounds(3)", 60s), "up");
  EXPECT_TRUE(eventually([&] { return b->metrics()["dist.fragmented_messages_received"] >= 36U; }));
  EXPECT_EQ(b->metrics()["dist.fragments_over_limit"], 0U);
}

}  // namespace
}  // namespace barrel::test
