#include <optional>
#include <stdexcept>
#include <string>
#include <variant>

#include "process/test_runtime.hpp"

namespace barrel {
namespace {

using test::EveryScheduler;
class MessagesTest : public EveryScheduler {};
BARREL_ON_EVERY_SCHEDULER(MessagesTest);

struct Ping {
  static constexpr std::string_view tag = "ping";
  int number = 0;
  friend bool operator==(const Ping&, const Ping&) = default;
};
struct OtherPing {  // another C++ type of the same shape
  static constexpr std::string_view tag = "ping";
  std::int64_t count = 0;
};
struct Text {
  static constexpr std::string_view tag = "text";
  std::string text;
};
struct Stop {
  static constexpr std::string_view tag = "stop";
};
/// Counts how often it was copied; moving is free.
class Counted {
 public:
  Counted() = default;
  Counted(const Counted& other) : copies(other.copies + 1) {}
  Counted(Counted&&) = default;
  Counted& operator=(const Counted&) = default;
  Counted& operator=(Counted&&) = default;
  [[nodiscard]] Term to_term() const { return copies; }
  [[nodiscard]] static Result<Counted> from_term(const Term&) { return Counted(); }
  int copies = 0;
};

/// A conversion of the user's that does not give an error, but throws.
class Throwing {
 public:
  [[nodiscard]] Term to_term() const { return 1; }
  [[nodiscard]] static Result<Throwing> from_term(const Term& /*term*/) { throw std::runtime_error("bad"); }
};

TEST_P(MessagesTest, WhatAConversionThrowsIsThrownWhereTheProcessWaits) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid catches = self.spawn([](Self other) -> Task<> {
      try {
        (void)co_await other.receive<Throwing>();
      } catch (const std::runtime_error&) {
        exit(Atom("caught"));
      }
    });
    const Pid crashes = self.spawn([](Self other) -> Task<> { (void)co_await other.receive<Throwing>(1h); });
    const auto first = self.monitor(catches);
    const auto second = self.monitor(crashes);
    (void)co_await self.receive<Stop>(10ms);  // both wait by now, or find the message in the queue
    self.send(catches, Term(7));
    EXPECT_EQ((co_await self.receive<Down>()).reason, Term(Atom("caught")));
    self.send(crashes, Term(7));
    EXPECT_EQ((co_await self.receive<Down>()).reason, Term::tuple_of(Atom("exception"), "bad"));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

struct Ask {
  using Reply = int;
  static constexpr std::string_view tag = "ask";
  int number = 0;
};

TEST_P(MessagesTest, TheMessageThatAConversionThrowsAtIsDroppedAndWhatFollowsIsReceived) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid server = self.spawn([](Self other) -> Task<> {
      int failed = 0;
      for (;;) {
        try {
          const auto next = co_await other.receive<Text, Throwing, Stop>();
          if (std::holds_alternative<Text>(next)) exit(Term::tuple_of(Atom("failed"), failed));
        } catch (const std::runtime_error&) {
          ++failed;
        }
      }
    });
    const auto monitor = self.monitor(server);
    self.send(server, Term(7));
    self.send(server, Ping{1});
    self.send(server, Text{"first"});
    EXPECT_EQ((co_await self.receive<Down>()).reason, Term::tuple_of(Atom("failed"), 2));
    co_return true;
  });
  EXPECT_TRUE(ok);
  EXPECT_EQ(runtime_.counter("process.messages_failed"), 2U);
}

TEST_P(MessagesTest, ACallThatAConversionThrowsAtFailsWithTheEndOfItsProcess) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid server = self.spawn([](Self other) -> Task<> {
      bool caught = false;
      try {
        (void)co_await other.receive<Throwing>();
      } catch (const std::runtime_error&) {
        caught = true;
      }
      (void)co_await other.receive<Stop>();
      exit(Atom(caught ? "stopped" : "not thrown"));
    });
    auto request = self.send_request(server, Ask{1});
    self.send(server, Stop{});
    const auto reply = co_await self.receive_response(request);
    EXPECT_FALSE(reply);
    EXPECT_EQ(reply.error().code, Errc::exited);
    EXPECT_EQ(reply.error().reason, Term(Atom("stopped")));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(MessagesTest, ArriveInTheOrderSent) {
  const auto in_order = runtime_.run([](Self self) -> Task<bool> {
    self.spawn(
        [](Self sender, Pid to) -> Task<> {
          for (int i = 0; i < 10'000; ++i) sender.send(to, Ping{i});
          co_return;
        },
        self.pid());
    for (int i = 0; i < 10'000; ++i) {
      const Ping ping = co_await self.receive<Ping>();
      if (ping.number != i) co_return false;
    }
    co_return true;
  });
  ASSERT_TRUE(in_order);
  EXPECT_TRUE(*in_order);
}

TEST_P(MessagesTest, AMovedMessageIsNeverCopied) {
  const auto copies = runtime_.run([](Self self) -> Task<int> {
    self.send(self.pid(), Counted());
    const Counted moved = co_await self.receive<Counted>();
    co_return moved.copies;
  });
  ASSERT_TRUE(copies);
  EXPECT_EQ(*copies, 0);
}

TEST_P(MessagesTest, ReceiveIsSelectiveAndLeavesTheRestInOrder) {
  const auto result = runtime_.run([](Self self) -> Task<std::string> {
    const Pid me = self.pid();
    self.send(me, Ping{1});
    self.send(me, Text{"a"});
    self.send(me, Ping{2});
    self.send(me, Text{"b"});
    self.send(me, Stop{});
    std::string seen;
    co_await self.receive<Stop>();
    seen += (co_await self.receive<Text>()).text;
    seen += std::to_string((co_await self.receive<Ping>()).number);
    auto next = co_await self.receive<Text, Ping>();
    seen += std::to_string(std::get<Ping>(next).number);  // the older one, although Text stands first
    seen += (co_await self.receive<Text>()).text;
    const auto none = co_await self.receive<Term>(0ms);
    seen += std::holds_alternative<Timeout>(none) ? "." : "?";
    co_return seen;
  });
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, "a12b.");
}

TEST_P(MessagesTest, AnotherTypeOfTheSameShapeOrATermConverts) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid me = self.pid();
    self.send(me, Ping{7});
    const OtherPing other = co_await self.receive<OtherPing>();
    EXPECT_EQ(other.count, 7);
    self.send(me, OtherPing{std::int64_t{1} << 40});  // does not fit an int
    const auto narrow = co_await self.receive<Ping>(0ms);
    EXPECT_TRUE(std::holds_alternative<Timeout>(narrow));
    const Term wide = co_await self.receive<Term>();
    EXPECT_EQ(wide, Term::tuple_of(Atom("ping"), std::int64_t{1} << 40));
    self.send(me, Term::tuple_of(Atom("ping"), 9));
    EXPECT_EQ(co_await self.receive<Ping>(), Ping{9});
    self.send(me, "words");
    EXPECT_EQ(co_await self.receive<std::string>(), "words");
    self.send(me, 5);
    EXPECT_EQ(co_await self.receive<Term>(), Term(5));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(MessagesTest, TermListedLastTakesWhatNothingElseTook) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid me = self.pid();
    self.send(me, Text{"t"});
    self.send(me, Ping{3});
    const auto first = co_await self.receive<Ping, Term>();
    EXPECT_EQ(std::get<Term>(first), Term::tuple_of(Atom("text"), "t"));
    const auto second = co_await self.receive<Ping, Term>();
    EXPECT_EQ(std::get<Ping>(second).number, 3);
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(MessagesTest, ReceiveIfChoosesByValueAndPassesOnWhatItsPredicateThrows) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid me = self.pid();
    for (int i = 0; i < 5; ++i) self.send(me, Ping{i});
    const auto is_third = [](const Ping& ping) { return ping.number == 3; };
    const Ping third = co_await self.receive_if<Ping>(is_third);
    EXPECT_EQ(third.number, 3);
    EXPECT_EQ((co_await self.receive<Ping>()).number, 0);
    const auto none = co_await self.receive_if<Ping>([](const Ping& ping) { return ping.number > 100; }, 1ms);
    EXPECT_TRUE(std::holds_alternative<Timeout>(none));
    bool caught = false;
    try {
      (void)co_await self.receive_if<Ping>([](const Ping&) -> bool { throw std::runtime_error("picky"); });
    } catch (const std::runtime_error&) {
      caught = true;
    }
    EXPECT_TRUE(caught);
    EXPECT_EQ((co_await self.receive<Ping>()).number, 2);  // not the one it threw at
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(MessagesTest, AMessageToADeadProcessIsDroppedAndNeverReachesTheNextOneInItsSlot) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    for (int i = 0; i < 200; ++i) {
      const Pid gone = self.spawn([](Self) -> Task<> { co_return; });
      const auto monitor = self.monitor(gone);
      co_await self.receive<Down>();
      const auto next = self.spawn(
          [](Self other, Pid parent) -> Task<> {
            const auto got = co_await other.receive<Text, Ping>();
            other.send(parent, std::holds_alternative<Ping>(got) ? Ping{1} : Ping{0});
          },
          self.pid());
      self.send(gone, Text{"for the dead"});
      self.send(next, Ping{});
      EXPECT_EQ((co_await self.receive<Ping>()).number, 1);
    }
    co_return true;
  });
  EXPECT_TRUE(ok);
  EXPECT_GE(runtime_.counter("process.messages_to_nobody"), 200U);
}

TEST_P(MessagesTest, AFullMailboxEndsItsProcessWithANamedReason) {
  RuntimeConfig config = test::TestRuntime::with(GetParam());
  config.mailbox_messages_max = 100;
  test::TestRuntime limited(config);
  const auto reason = limited.run([](Self self) -> Task<Term> {
    const Pid victim = self.spawn([](Self other) -> Task<> { co_await other.receive<Stop>(); });
    const auto monitor = self.monitor(victim);
    for (int i = 0; i < 1'000; ++i) self.send(victim, Ping{i});
    const Down down = co_await self.receive<Down>();
    co_return down.reason;
  });
  ASSERT_TRUE(reason);
  EXPECT_EQ(*reason, Term::tuple_of(Atom("limit_exceeded"), Atom("mailbox_messages_max")));
  EXPECT_GE(limited.counter("process.mailbox_overflows"), 1U);
}

TEST_P(MessagesTest, TrySendSaysWhetherALocalReceiverTookIt) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    EXPECT_TRUE(self.try_send(self.pid(), Stop{}));
    const Pid gone = self.spawn([](Self) -> Task<> { co_return; });
    const auto monitor = self.monitor(gone);
    co_await self.receive<Down>();
    const auto sent = self.try_send(gone, Stop{});
    EXPECT_FALSE(sent);
    EXPECT_EQ(sent.error().code, Errc::no_process);
    const auto unnamed = self.try_send(local("nobody here"), Stop{});
    EXPECT_FALSE(unnamed);
    co_return true;
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace barrel
