#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "barrel/process/answer.hpp"
#include "process/test_wire.hpp"

namespace barrel {
namespace {

using test::TestRuntime;

struct Ping {
  static constexpr std::string_view tag = "ping";
  Pid from;
  int number = 0;
};
struct Pong {
  static constexpr std::string_view tag = "pong";
  int number = 0;
};
struct Go {
  static constexpr std::string_view tag = "go";
};
struct Ask {
  static constexpr std::string_view tag = "ask";
  int number = 0;
  using Reply = int;
};

struct Picture {
  static constexpr std::string_view tag = "picture";
  SharedBytes pixels;
};

class RemoteTest : public test::TwoRuntimes {};

Task<> echo(Self self) {
  for (;;) {
    const auto message = co_await self.receive<Ping, Go>();
    if (std::holds_alternative<Go>(message)) co_return;
    const Ping& ping = std::get<Ping>(message);
    self.send(ping.from, Pong{ping.number});
  }
}
Task<> waits(Self self) {
  co_await self.receive<Go>();
}
/// Notes every message as a term.
Task<> notes(Self self, std::vector<Term>* seen) {
  self.trap_exits(true);
  for (;;) seen->push_back(co_await self.receive<Term>());
}
Task<> notes_and_monitors(Self self, std::vector<Term>* seen, Address target) {
  const auto monitor = self.monitor(target);
  for (;;) seen->push_back(co_await self.receive<Term>());
}
Task<> notes_and_links(Self self, std::vector<Term>* seen, Pid other) {
  self.trap_exits(true);
  self.link(other);
  for (;;) seen->push_back(co_await self.receive<Term>());
}

TEST_F(RemoteTest, MessagesToPidsAndNamesCrossInOrderAndAreDecodedByTheReceiver) {
  const Pid far = b_->spawn([](Self self) -> Task<> {
    EXPECT_TRUE(self.register_name("echo"));
    co_await echo(self);
  });
  settle();
  a_->spawn(
      [](Self self, Pid to, std::vector<Term>* seen) -> Task<> {
        for (int i = 0; i < 3; ++i) self.send(to, Ping{self.pid(), i});
        self.send(NodeLocalName{"echo", "b@127.0.0.1"}, Ping{self.pid(), 3});
        for (int i = 0; i < 4; ++i) seen->push_back((co_await self.receive<Pong>()).number);
        self.send(to, Go{});
      },
      far, &seen_);
  settle();
  EXPECT_EQ(seen_, (std::vector<Term>{0, 1, 2, 3}));
  EXPECT_FALSE(b_->is_alive(far));
}

TEST_F(RemoteTest, MalformedBytesAreDroppedCountedAndReportedAndTheRestGoesOn) {
  const Pid far = b_->spawn(notes, &seen_);
  settle();
  for (const Bytes& bad : {Bytes{131, 104}, Bytes{131}, Bytes{}, Bytes{131, 97, 1, 1}, Bytes{130, 97, 1}}) {
    to_b_.bytes_to(far, bad);
  }
  to_b_.bytes_to(far, Bytes{131, 97, 5});
  settle();
  EXPECT_EQ(seen_, std::vector<Term>{5});
  EXPECT_EQ(to_b_.malformed, 5);
  EXPECT_EQ(b_.counter("process.malformed_messages"), 5U);
}

TEST_F(RemoteTest, ATermOverALimitCostsThatMessageAndNothingElse) {
  const auto nested = [](std::size_t depth) {
    Bytes bytes{131};
    for (std::size_t i = 0; i < depth; ++i) bytes.insert(bytes.end(), {104, 1});
    bytes.push_back(106);
    return bytes;
  };
  const Pid far = b_->spawn(notes, &seen_);
  settle();
  to_b_.bytes_to(far, nested(EtfLimits{}.depth_max + 1));
  to_b_.bytes_to(far, nested(EtfLimits{}.depth_max));
  settle();
  ASSERT_EQ(seen_.size(), 1U);
  EXPECT_EQ(to_b_.over_limit, 1);
  EXPECT_EQ(to_b_.malformed, 0);
  EXPECT_EQ(b_.counter("process.malformed_messages"), 0U);
}

TEST_F(RemoteTest, AnExitWhoseReasonIsOverALimitHappensWithAnotherOne) {
  const Pid near = b_->spawn(
      [](Self self, std::vector<Term>* seen) -> Task<> {
        self.trap_exits(true);
        seen->push_back((co_await self.receive<Exit>()).reason);
      },
      &seen_);
  settle();
  int over_limit = 0;
  const auto context = std::make_shared<DecodeContext>();
  context->limits.terms_max = 3;
  context->on_malformed = [&](const Error& why) { over_limit += why.code == Errc::limit_exceeded; };
  RemoteSignal exit;
  exit.op = RemoteSignal::Op::exit2;
  exit.from = Pid{Atom("a@127.0.0.1"), 1, 0, 4};
  exit.to = near;
  exit.to_node = b_->node_name();
  const Term list = Term::list({1, 2, 3});
  b_->deliver_signal(exit, SharedBytes(encode_etf(list)), context);
  settle();
  EXPECT_EQ(over_limit, 1);
  EXPECT_EQ(seen_, std::vector<Term>{Term::tuple_of(Atom("limit_exceeded"), Atom("terms_max"))});
}

TEST_F(RemoteTest, ALargeMessageSharesItsBytesAndASmallOneDoesNot) {
  const Pid far = b_->spawn(
      [](Self self, std::vector<Term>* seen) -> Task<> {
        for (;;) seen->push_back(co_await self.receive<Term>());
      },
      &seen_);
  settle();
  const std::string large(100'000, 'x');
  a_->spawn(
      [](Self self, Pid to, std::string text) -> Task<> {
        self.send(to, text);
        self.send(to, "small");
        co_return;
      },
      far, large);
  settle();
  EXPECT_EQ(seen_, (std::vector<Term>{Term(large), Term("small")}));
}

TEST_F(RemoteTest, ALargeBinaryIsReceivedAsTheBytesThatCame) {
  std::vector<SharedBytes> seen;
  const auto sink = [](Self self, std::vector<SharedBytes>* bytes) -> Task<> {
    for (;;) {
      auto message = co_await self.receive<SharedBytes, Picture>();
      if (const auto* picture = std::get_if<Picture>(&message)) bytes->push_back(picture->pixels);
      else bytes->push_back(std::get<SharedBytes>(message));
    }
  };
  const Pid pid = b_->spawn(sink, &seen);
  const auto deliver = [&](const Term& term) {
    const SharedBytes payload(encode_etf(term));
    b_->deliver_encoded(pid, payload, std::make_shared<DecodeContext>());
    settle();
    return payload.owner();
  };
  const auto plain = deliver(Term::binary(Bytes(100'000, 7)));
  const auto tagged = deliver(Term::tuple_of(Atom("picture"), Term::binary(Bytes(100'000, 8))));
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].owner(), plain);
  EXPECT_EQ(seen[1].owner(), tagged);
  EXPECT_EQ(Term::binary(seen[1]), Term::binary(Bytes(100'000, 8)));
}

TEST_F(RemoteTest, ACallCrossesWithAnAliasAndIsAnsweredToIt) {
  const Pid far = b_->spawn([](Self self) -> Task<> {
    const Term call = co_await self.receive<Term>();
    EXPECT_TRUE(call.is_tagged("$gen_call", 3));
    auto from = detail::parse_call_from(call.elements()[1]);
    EXPECT_TRUE(from->tag.is_list());  // [alias | Ref]
    EXPECT_TRUE(from->tag.elements()[0].is_atom("alias"));
    detail::Caller caller(self.process(), from->pid, from->tag);
    caller.reply<int>(42);
    const Term second = co_await self.receive<Term>();
    from = detail::parse_call_from(second.elements()[1]);
    self.send(from->pid, Term::tuple_of(from->tag.tail(), 43));  // the old way: {Ref, Reply} to the pid
  });
  a_->spawn(
      [](Self self, Pid to, std::vector<Term>* seen) -> Task<> {
        for (int i = 0; i < 2; ++i) seen->push_back(*co_await self.call(to, Ask{1}));
      },
      far, &seen_);
  settle();
  EXPECT_EQ(seen_, (std::vector<Term>{42, 43}));
  EXPECT_EQ(count(to_b_, RemoteSignal::Op::monitor), 2);
  EXPECT_EQ(count(to_b_, RemoteSignal::Op::demonitor), 2);
}

TEST_F(RemoteTest, ACallFailsWithTheEndOfTheProcessTheLossOfTheNodeOrTheDeadline) {
  const Pid far = b_->spawn(waits);
  std::vector<Errc> codes;
  a_->spawn(
      [](Self self, Pid to, std::vector<Errc>* errors) -> Task<> {
        errors->push_back((co_await self.call(to, Ask{1})).error().code);
        errors->push_back((co_await self.call(to, Ask{1})).error().code);
        errors->push_back((co_await self.call(NodeLocalName{"nobody", "b@127.0.0.1"}, Ask{1})).error().code);
        errors->push_back(
            (co_await self.call(NodeLocalName{"deaf", "b@127.0.0.1"}, Ask{1}, 1s)).error().code);
        errors->push_back((co_await self.call(NodeLocalName{"deaf", "b@127.0.0.1"}, Ask{1})).error().code);
      },
      far, &codes);
  b_->spawn([](Self self) -> Task<> {
    EXPECT_TRUE(self.register_name("deaf"));
    co_await self.receive<Go>();
  });
  settle();
  EXPECT_TRUE(codes.empty());
  ASSERT_TRUE(b_->send(far, Go{}));
  settle();
  EXPECT_EQ(codes, (std::vector{Errc::exited, Errc::no_process, Errc::no_process}));
  a_.manual_clock().advance(1s);
  settle();
  ASSERT_EQ(codes.size(), 4U);
  EXPECT_EQ(codes[3], Errc::timeout);
  lose_connection();
  ASSERT_EQ(codes.size(), 5U);
  EXPECT_EQ(codes[4], Errc::no_connection);
}

TEST_F(RemoteTest, MonitorsCrossByPidAndByNameAndKeepTheirReference) {
  const Pid far = b_->spawn([](Self self) -> Task<> {
    EXPECT_TRUE(self.register_name("named"));
    co_await self.receive<Go>();
    exit(Atom("done"));
  });
  settle();
  std::vector<Term> by_name;
  std::vector<Term> by_nobody;
  a_->spawn(notes_and_monitors, &seen_, Address(far));
  a_->spawn(notes_and_monitors, &by_name, Address(NodeLocalName{"named", "b@127.0.0.1"}));
  a_->spawn(notes_and_monitors, &by_nobody, Address(NodeLocalName{"nobody", "b@127.0.0.1"}));
  settle();
  EXPECT_EQ(by_nobody.size(), 1U);
  EXPECT_EQ(by_nobody[0].elements()[4], Term(noproc()));
  ASSERT_TRUE(b_->send(far, Go{}));
  settle();
  ASSERT_EQ(seen_.size(), 1U);
  EXPECT_EQ(seen_[0].elements()[3], Term(far));
  EXPECT_EQ(seen_[0].elements()[4], Term(Atom("done")));
  ASSERT_EQ(by_name.size(), 1U);
  EXPECT_EQ(by_name[0].elements()[3], Term::tuple_of(Atom("named"), Atom("b@127.0.0.1")));
  for (const RemoteSignal& down : to_a_.signals) {
    const auto asked = std::ranges::find(to_b_.signals, down.ref, &RemoteSignal::ref);
    ASSERT_NE(asked, to_b_.signals.end());
    EXPECT_EQ(asked->name, down.name);  // by name asked, by name answered
  }
}

TEST_F(RemoteTest, LinksCrossBothWaysAndExitsAreTrapped) {
  const Pid far = b_->spawn(waits);
  settle();
  a_->spawn(notes_and_links, &seen_, far);
  settle();
  a_->exit(far, Atom("go_away"));  // exit/2 over the wire
  settle();
  ASSERT_EQ(seen_.size(), 1U);
  EXPECT_EQ(seen_[0], Term::tuple_of(Atom("EXIT"), far, Atom("go_away")));
  const Pid dead = a_->spawn(notes_and_links, &seen_, far);
  settle();
  ASSERT_EQ(seen_.size(), 2U);
  EXPECT_EQ(seen_[1], Term::tuple_of(Atom("EXIT"), far, noproc()));
  EXPECT_TRUE(a_->is_alive(dead));
}

TEST_F(RemoteTest, UnlinkIsAlwaysAcknowledgedAndTheExitOnItsWayIsIgnored) {
  const Pid far = b_->spawn([](Self self) -> Task<> {
    co_await self.receive<Go>();
    exit(Atom("crossed"));
  });
  const Pid near = a_->spawn(
      [](Self self, Pid to, std::vector<Term>* seen) -> Task<> {
        self.trap_exits(true);
        self.link(to);
        co_await self.receive<Go>();
        self.unlink(to);
        for (;;) seen->push_back(co_await self.receive<Term>());
      },
      far, &seen_);
  settle();
  ASSERT_TRUE(b_->send(far, Go{}));
  ASSERT_TRUE(a_->send(near, Go{}));
  a_->run_until_idle();  // the unlink is on its way,
  b_->run_until_idle();  // and so is the exit
  settle();
  EXPECT_TRUE(seen_.empty());
  EXPECT_EQ(count(to_b_, RemoteSignal::Op::unlink), 1);
  EXPECT_EQ(count(to_a_, RemoteSignal::Op::unlink_ack), 1);
  EXPECT_EQ(std::ranges::find(to_a_.signals, RemoteSignal::Op::unlink_ack, &RemoteSignal::op)->id,
            std::ranges::find(to_b_.signals, RemoteSignal::Op::unlink, &RemoteSignal::op)->id);
}

TEST_F(RemoteTest, KillOverTheWireCannotBeTrappedAndLinksHearKilled) {
  const Pid far = b_->spawn(notes, &seen_);
  std::vector<Term> near;
  settle();
  a_->spawn(notes_and_links, &near, far);
  settle();
  a_->exit(far, kill());
  settle();
  EXPECT_FALSE(b_->is_alive(far));
  EXPECT_EQ(near, (std::vector<Term>{Term::tuple_of(Atom("EXIT"), far, killed())}));
}

TEST_F(RemoteTest, LosingTheNodeEndsEveryRelationOnceAndLaterOnesAreUntouched) {
  const Pid far = b_->spawn([](Self self) -> Task<> {
    self.trap_exits(true);  // so that it outlives the link
    co_await self.receive<Go>();
  });
  settle();
  std::vector<Term> linked;
  a_->spawn(notes_and_monitors, &seen_, Address(far));
  a_->spawn(notes_and_links, &linked, far);
  std::vector<Term> watching_a;
  const Pid local_to_a = a_->spawn(waits);
  b_->spawn(notes_and_monitors, &watching_a, Address(local_to_a));
  settle();
  lose_connection();
  ASSERT_EQ(seen_.size(), 1U);
  EXPECT_EQ(seen_[0].elements()[4], Term(noconnection()));
  EXPECT_EQ(linked, (std::vector<Term>{Term::tuple_of(Atom("EXIT"), far, noconnection())}));
  ASSERT_EQ(watching_a.size(), 1U);
  // What b monitored here is forgotten: the end of the process sends nothing.
  to_b_.signals.clear();
  ASSERT_TRUE(a_->send(local_to_a, Go{}));
  settle();
  EXPECT_EQ(count(to_b_, RemoteSignal::Op::down), 0);
  // A second loss finds nothing.
  lose_connection();
  EXPECT_EQ(seen_.size(), 1U);
  EXPECT_EQ(linked.size(), 1U);
  // A new connection serves new relations.
  connect();
  std::vector<Term> anew;
  a_->spawn(notes_and_monitors, &anew, Address(far));
  settle();
  EXPECT_TRUE(anew.empty());
  ASSERT_TRUE(b_->send(far, Go{}));
  settle();
  ASSERT_EQ(anew.size(), 1U);
  EXPECT_EQ(anew[0].elements()[4], Term(normal()));
}

TEST_F(RemoteTest, WatchingANodeTellsUpsAndDowns) {
  a_->spawn(
      [](Self self, std::vector<Term>* seen) -> Task<> {
        self.monitor_node("b@127.0.0.1");
        for (;;) {
          const auto event = co_await self.receive<NodeUp, NodeDown, Go>();
          if (std::holds_alternative<NodeUp>(event)) seen->push_back(Atom("up"));
          else if (std::holds_alternative<NodeDown>(event)) seen->push_back(Atom("down"));
          else self.monitor_node("b@127.0.0.1", false);
        }
      },
      &seen_);
  settle();
  EXPECT_EQ(to_b_.watched, std::vector<NodeName>{"b@127.0.0.1"});
  lose_connection();
  connect();
  lose_connection();
  EXPECT_EQ(seen_, (std::vector<Term>{Atom("down"), Atom("up"), Atom("down")}));
}

TEST_F(RemoteTest, ASenderOverAFullChannelIsParkedUntilItDrainsAndTrySendSaysBusy) {
  const Pid far = b_->spawn(notes, &seen_);
  settle();
  to_b_.full = true;
  std::vector<Term> steps;
  const Pid near = a_->spawn(
      [](Self self, Pid to, std::vector<Term>* done) -> Task<> {
        self.send(to, 1);
        const auto refused = self.try_send(to, 2);
        EXPECT_EQ(refused.error().code, Errc::busy);
        done->push_back(Atom("before"));
        self.send(self.pid(), Go{});
        co_await self.receive<Go>();  // there is one: only the channel holds it back
        done->push_back(Atom("after"));
        (void)co_await self.drained("b@127.0.0.1");
        done->push_back(Atom("drained"));
      },
      far, &steps);
  settle();
  EXPECT_EQ(seen_, std::vector<Term>{1});
  EXPECT_EQ(steps, std::vector<Term>{Atom("before")});
  EXPECT_EQ(to_b_.waiting, std::vector<Pid>{near});
  to_b_.full = false;
  a_->drained(near, "b@127.0.0.1");
  settle();
  EXPECT_EQ(steps, (std::vector<Term>{Atom("before"), Atom("after"), Atom("drained")}));
}

/// Cannot be put into bytes.
class Unsendable {
 public:
  [[nodiscard]] Term to_term() const { throw std::runtime_error("no term"); }
  [[nodiscard]] static Result<Unsendable> from_term(const Term& /*term*/) { return Unsendable(); }
};

TEST_F(RemoteTest, ATimersMessageThatCannotBeEncodedIsDroppedAndReported) {
  const Pid far = b_->spawn(notes, &seen_);
  settle();
  a_->spawn(
      [](Self self, Pid to) -> Task<> {
        self.send_after(1ms, to, Unsendable());
        self.send_after(1ms, to, 2);
        co_return;
      },
      far);
  settle();
  a_.manual_clock().advance(1ms);
  settle();
  EXPECT_EQ(seen_, std::vector<Term>{2});
  EXPECT_TRUE(a_.log().contain("a message of a timer was dropped"));
}

TEST_F(RemoteTest, AParkedSenderCanBeKilled) {
  const Pid far = b_->spawn(notes, &seen_);
  to_b_.full = true;
  const Pid near = a_->spawn(
      [](Self self, Pid to) -> Task<> {
        self.send(to, 1);
        co_await self.receive<Go>();
      },
      far);
  settle();
  a_->exit(near, kill());
  settle();
  EXPECT_FALSE(a_->is_alive(near));
}

TEST_F(RemoteTest, SignalsForTheDeadAreAnsweredAsErlangAnswersThem) {
  const Pid dead{Atom("b@127.0.0.1"), 77, 3, 4};
  const Pid from{Atom("a@127.0.0.1"), 1, 0, 4};
  RemoteSignal signal;
  signal.from = from;
  signal.to = dead;
  signal.to_node = "b@127.0.0.1";
  signal.ref.node_atom = "a@127.0.0.1";
  signal.ref.word_count = 3;
  signal.ref.words = {1, 2, 3, 0, 0};
  signal.id = 9;
  for (const auto op : {RemoteSignal::Op::link, RemoteSignal::Op::monitor, RemoteSignal::Op::unlink,
                        RemoteSignal::Op::exit, RemoteSignal::Op::exit2, RemoteSignal::Op::demonitor,
                        RemoteSignal::Op::down, RemoteSignal::Op::unlink_ack}) {
    signal.op = op;
    b_->deliver_signal(signal);
  }
  ASSERT_EQ(to_a_.signals.size(), 3U);
  EXPECT_EQ(to_a_.signals[0].op, RemoteSignal::Op::exit);
  EXPECT_EQ(to_a_.signals[0].from, dead);
  EXPECT_EQ(to_a_.signals[0].reason, Term(noproc()));
  EXPECT_EQ(to_a_.signals[1].op, RemoteSignal::Op::down);
  EXPECT_EQ(to_a_.signals[1].ref, signal.ref);
  EXPECT_EQ(to_a_.signals[1].reason, Term(noproc()));
  EXPECT_EQ(to_a_.signals[2].op, RemoteSignal::Op::unlink_ack);
  EXPECT_EQ(to_a_.signals[2].id, 9U);
}

TEST_F(RemoteTest, WithoutARouterOtherNodesAreLost) {
  TestRuntime alone(RuntimeConfig::deterministic, "c@127.0.0.1");
  const auto ok = alone.run([](Self self) -> Task<bool> {
    const Pid elsewhere{Atom("b@127.0.0.1"), 1, 0, 4};
    const auto called = co_await self.call(elsewhere, Ask{1});
    EXPECT_EQ(called.error().code, Errc::no_connection);
    const auto monitor = self.monitor(elsewhere);
    EXPECT_EQ((co_await self.receive<Down>()).reason, Term(noconnection()));
    self.trap_exits(true);
    self.link(elsewhere);
    EXPECT_EQ((co_await self.receive<Exit>()).reason, Term(noconnection()));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace barrel
