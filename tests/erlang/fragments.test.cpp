// Large messages between an Erlang node and a Barrel node, which go in fragments, both ways.

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

}  // namespace
}  // namespace barrel::test
