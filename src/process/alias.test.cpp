// Aliases, of this node's processes and across nodes.
#include "barrel/process/alias.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "barrel/process/answer.hpp"
#include "process/test_wire.hpp"

namespace barrel {
namespace {

struct Word {
  static constexpr std::string_view tag = "word";
  int number = 0;
};
struct Go {
  static constexpr std::string_view tag = "go";
};

class AliasTest : public test::EveryScheduler {};
BARREL_ON_EVERY_SCHEDULER(AliasTest);

/// The numbers of the words that wait, when all that was sent before has come.
Task<std::string> words(Self self) {
  self.send(self.pid(), Go{});
  std::string numbers;
  for (;;) {
    const auto next = co_await self.receive<Word, Go>();
    if (std::holds_alternative<Go>(next)) co_return numbers;
    numbers += std::to_string(std::get<Word>(next).number);
  }
}

TEST_P(AliasTest, WhatIsSentToAnAliasComesUntilItEnds) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Ref alias = self.alias();
    self.send(alias, Word{1});
    self.send(self.pid(), Word{2});
    self.send(alias, Word{3});
    EXPECT_EQ(co_await words(self), "123") << "in the order sent";
    EXPECT_TRUE(self.unalias(alias));
    self.send(alias, Word{4});
    EXPECT_FALSE(self.unalias(alias));
    EXPECT_EQ(co_await words(self), "");
    co_return true;
  });
  EXPECT_TRUE(ok);
  EXPECT_EQ(runtime_.counter("process.late_replies"), 1U);
}

TEST_P(AliasTest, AnAliasForOneReplyTakesOne) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Ref alias = self.alias(AliasEnds::reply);
    self.send(alias, Word{1});
    self.send(alias, Word{2});
    EXPECT_EQ(co_await words(self), "1");
    EXPECT_FALSE(self.unalias(alias));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

Task<> waits(Self self) {
  co_await self.receive<Go>();
}

TEST_P(AliasTest, AMonitorsAliasEndsAsItsKindSays) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    for (const auto kind :
         {MonitorAlias::explicit_unalias, MonitorAlias::demonitor, MonitorAlias::reply_demonitor}) {
      const bool own = kind == MonitorAlias::explicit_unalias;
      const Pid watched = self.spawn(waits);
      auto monitor = self.monitor(watched, kind);
      const Ref alias = monitor.ref();
      self.send(alias, Word{1});
      self.send(alias, Word{2});
      const bool once = kind == MonitorAlias::reply_demonitor;
      EXPECT_EQ(co_await words(self), once ? "1" : "12");
      self.send(watched, Go{});
      const auto down = co_await self.receive<Down>(once ? 20ms : 5s);
      EXPECT_EQ(std::holds_alternative<Timeout>(down), once) << "the reply has ended the monitor";
      if (!once) {
        EXPECT_EQ(std::get<Down>(down).ref, alias);
      }
      self.send(alias, Word{3});
      EXPECT_EQ(co_await words(self), own ? "3" : "");
      EXPECT_EQ(self.unalias(alias), own);

      auto stopped = self.monitor(self.pid(), kind);
      const Ref second = stopped.ref();
      stopped.reset();
      self.send(second, Word{4});
      EXPECT_EQ(co_await words(self), own ? "4" : "");
    }
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(AliasTest, OnlyItsProcessEndsAnAliasAndNothingElseIsOne) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Ref alias = self.alias();
    const Pid other = self.spawn(
        +[](Self own, Pid to, Ref not_its) -> Task<> {
          EXPECT_FALSE(own.unalias(not_its));
          own.send(not_its, Word{1});
          own.send(to, Go{});
          co_return;
        },
        self.pid(), alias);
    (void)other;
    co_await self.receive<Go>();
    EXPECT_EQ(co_await words(self), "1");
    Ref invented = alias;
    invented.words[0] += 1000;
    self.send(invented, Word{2});
    self.send(self.make_ref(), Word{3});
    const auto plain = self.monitor(self.pid());
    self.send(plain.ref(), Word{4});
    Ref dead = alias;
    dead.words[4] += 1;
    self.send(dead, Word{5});
    EXPECT_EQ(co_await words(self), "");
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(AliasTest, TheAnswerToACallGoesToTheAliasThatItNames) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Ref alias = self.alias();
    const Term tag = Term::list({Term(Atom("alias"))}, Term(alias));
    const auto answer = [&](int number) {
      detail::Caller caller(self.process(), self.pid(), tag);
      caller.reply(number);
    };
    answer(1);
    const auto first = co_await self.receive<Term>(5s);
    EXPECT_EQ(std::get<Term>(first), Term::tuple_of(tag, 1));
    EXPECT_TRUE(self.unalias(alias));
    answer(2);
    EXPECT_EQ(co_await words(self), "");
    co_return true;
  });
  EXPECT_TRUE(ok);
}

class RemoteAliasTest : public test::TwoRuntimes {};

/// Makes an alias, tells it to `to`, and notes the words that come until Go.
Task<> has_alias(Self self, Pid to, std::vector<int>* numbers) {
  const Ref alias = self.alias();
  self.send(to, Term(alias));
  for (;;) {
    const auto next = co_await self.receive<Word, Go>();
    if (std::holds_alternative<Go>(next)) break;
    numbers->push_back(std::get<Word>(next).number);
  }
  EXPECT_TRUE(self.unalias(alias));
  co_await self.receive<Go>();
}

TEST_F(RemoteAliasTest, AnAliasIsReachedFromOtherNodes) {
  std::vector<int> numbers;
  const Pid sender = b_->spawn(+[](Self self) -> Task<> {
    const Term told = co_await self.receive<Term>();
    for (int i = 0;; ++i) {
      self.send(*told.as_ref(), Word{i});
      co_await self.receive<Go>();
    }
  });
  const Pid owner = a_->spawn(&has_alias, sender, &numbers);
  settle();
  EXPECT_EQ(numbers, std::vector{0});
  EXPECT_TRUE(b_->send(sender, Go{}));
  settle();
  EXPECT_EQ(numbers, (std::vector{0, 1}));
  EXPECT_TRUE(a_->send(owner, Go{}));
  settle();
  EXPECT_TRUE(b_->send(sender, Go{}));
  settle();
  EXPECT_EQ(numbers, (std::vector{0, 1}));
  EXPECT_EQ(a_.counter("process.late_replies"), 1U) << "after unalias";
}

TEST_F(RemoteAliasTest, ALostNodesMonitorTellsTheReferenceThatItHasAndEndsItsAlias) {
  const Pid far = b_->spawn(waits);
  bool told = false;
  a_->spawn(
      +[](Self self, Pid target, bool* done) -> Task<> {
        const auto monitor = self.monitor(target, MonitorAlias::demonitor);
        const Down down = co_await self.receive<Down>();
        EXPECT_EQ(down.ref, monitor.ref());
        self.send(monitor.ref(), Word{1});
        EXPECT_EQ(co_await words(self), "");
        *done = true;
      },
      far, &told);
  settle();
  lose_connection();
  EXPECT_TRUE(told);
}

TEST_F(RemoteAliasTest, AFullMailboxTakesNoMoreThroughAnAlias) {
  std::optional<Ref> alias;
  const Pid owner = a_->spawn(
      +[](Self self, std::optional<Ref>* out) -> Task<> {
        *out = self.alias();
        co_await self.receive<Go>();
      },
      &alias);
  settle();
  ASSERT_TRUE(alias);
  const std::uint32_t max = RuntimeConfig{}.mailbox_messages_max;
  Bytes bytes{131};
  ByteWriter out(bytes);
  encode_etf(out, Term(1));
  const SharedBytes payload(std::move(bytes));
  const auto context = std::make_shared<DecodeContext>();
  for (std::uint32_t i = 0; i <= max; ++i) a_->deliver_encoded(*alias, payload, context);
  EXPECT_EQ(a_.counter("process.mailbox_overflows"), 1U);
  settle();
  EXPECT_FALSE(a_->is_alive(owner));
  EXPECT_EQ(context->unread_bytes, 0U);
}

}  // namespace
}  // namespace barrel
