#include <string>
#include <vector>

#include "barrel/process/answer.hpp"
#include "process/test_runtime.hpp"

namespace barrel {
namespace {

using test::EveryScheduler;
class CallsTest : public EveryScheduler {};
BARREL_ON_EVERY_SCHEDULER(CallsTest);

struct Double {
  static constexpr std::string_view tag = "double";
  int number = 0;
  using Reply = int;
};
struct Check {
  static constexpr std::string_view tag = "check";
  int number = 0;
  using Reply = Result<int>;
};
struct Forget {
  static constexpr std::string_view tag = "forget";
  using Reply = int;
};
struct Noise {
  static constexpr std::string_view tag = "noise";
};

/// A server written by hand against terms, as an Erlang process would be.
Task<> term_server(Self self) {
  for (;;) {
    const Term message = co_await self.receive<Term>();
    if (!message.is_tagged("$gen_call", 3)) continue;
    const auto from = detail::parse_call_from(message.elements()[1]);
    const Term& request = message.elements()[2];
    if (!from || request.is_atom("forget")) continue;
    const auto number = *request.elements()[1].as_int64();
    if (request.is_tagged("double", 2)) self.send(from->pid, Term::tuple_of(from->tag, 2 * number));
    else if (number < 0)
      self.send(from->pid, Term::tuple_of(from->tag, Term::tuple_of(Atom("error"), Atom("low"))));
    else self.send(from->pid, Term::tuple_of(from->tag, Term::tuple_of(Atom("ok"), number)));
  }
}

TEST_P(CallsTest, ACallGivesTheReplyAndAResultIsNotNested) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid server = self.spawn(term_server);
    static_assert(std::is_same_v<ReplyOf<Double>, Result<int>>);
    static_assert(std::is_same_v<ReplyOf<Check>, Result<int>>);
    const Result<int> doubled = co_await self.call(server, Double{21});
    EXPECT_TRUE(doubled && *doubled == 42);
    const Result<int> checked = co_await self.call(server, Check{5});
    EXPECT_TRUE(checked && *checked == 5);
    const Result<int> refused = co_await self.call(server, Check{-1});
    EXPECT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::rejected);
    EXPECT_EQ(refused.error().reason, Term(Atom("low")));
    self.kill(server);
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(CallsTest, ErrorsSayWhatHappened) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid server = self.spawn(term_server);
    const auto late = co_await self.call(server, Forget{}, 5ms);
    EXPECT_EQ(late.error().code, Errc::timeout);
    const auto unnamed = co_await self.call(local("nobody"), Double{1});
    EXPECT_EQ(unnamed.error().code, Errc::no_process);
    const auto mine = co_await self.call(self.pid(), Double{1});
    EXPECT_EQ(mine.error().code, Errc::invalid_argument);

    auto pending = self.send_request(server, Forget{});
    self.exit(server, Atom("crash"));
    const auto crashed = co_await self.receive_response(pending);
    EXPECT_EQ(crashed.error().code, Errc::exited);
    EXPECT_EQ(crashed.error().reason, Term(Atom("crash")));
    const auto gone = co_await self.call(server, Double{1});
    EXPECT_EQ(gone.error().code, Errc::no_process);
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(CallsTest, ARequestThatTheServerNeverLookedAtFailsWithItsEnd) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid server = self.spawn([](Self other) -> Task<> { co_await other.receive<Noise>(); });
    auto pending = self.send_request(server, Double{1});
    self.send(server, Noise{});
    const auto ended = co_await pending;
    EXPECT_EQ(ended.error().code, Errc::exited);
    EXPECT_EQ(ended.error().reason, Term(normal()));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(CallsTest, RequestsMayBeOutstandingTogetherAndForgotten) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid server = self.spawn(term_server);
    auto first = self.send_request(server, Double{1});
    auto second = self.send_request(server, Double{2});
    { auto forgotten = self.send_request(server, Double{3}); }
    EXPECT_EQ(*co_await second, 4);
    EXPECT_EQ(*co_await first, 2);
    EXPECT_EQ(*co_await self.call(server, Double{4}), 8);
    const auto none = co_await self.receive<Term>(1ms);  // the forgotten reply is no message
    EXPECT_TRUE(std::holds_alternative<Timeout>(none));
    self.kill(server);
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(CallsTest, ALateReplyIsDroppedAndCounted) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid server = self.spawn([](Self other) -> Task<> {
      const Term call = co_await other.receive<Term>();
      co_await other.receive<Noise>();
      const auto from = detail::parse_call_from(call.elements()[1]);
      other.send(from->pid, Term::tuple_of(from->tag, 1));
    });
    const auto monitor = self.monitor(server);
    const auto late = co_await self.call(server, Double{1}, 1ms);
    EXPECT_EQ(late.error().code, Errc::timeout);
    self.send(server, Noise{});
    const auto next = co_await self.receive<Down, Term>();
    EXPECT_TRUE(std::holds_alternative<Down>(next));
    co_return true;
  });
  EXPECT_TRUE(ok);
  EXPECT_EQ(runtime_.counter("process.late_replies"), 1U);
}

TEST_P(CallsTest, ACallDoesNotLookAtTheMailbox) {
  // Calls that scanned what waits would look at a thousand million messages.
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid server = self.spawn(term_server);
    for (int i = 0; i < 100'000; ++i) self.send(self.pid(), Noise{});
    co_await self.yield();
    for (int i = 0; i < 10'000; ++i) {
      const auto doubled = co_await self.call(server, Double{i});
      if (!doubled || *doubled != 2 * i) co_return false;
    }
    self.kill(server);
    co_return true;
  });
  ASSERT_TRUE(ok);
  EXPECT_TRUE(*ok);
}

TEST_P(CallsTest, APlainThreadCallsAndIsToldTheError) {
  if (GetParam() == RuntimeConfig::deterministic) {
    // The owner's thread steps the processes itself.
    const Pid server = runtime_->spawn(term_server);
    const Result<int> doubled = runtime_->call(server, Double{4});
    ASSERT_TRUE(doubled);
    EXPECT_EQ(*doubled, 8);
    return;
  }
  const Pid server = runtime_->spawn(term_server);
  const Result<int> doubled = runtime_->call(server, Double{4});
  ASSERT_TRUE(doubled);
  EXPECT_EQ(*doubled, 8);
  EXPECT_EQ(runtime_->call(server, Forget{}, 1ms).error().code, Errc::timeout);
  EXPECT_EQ(runtime_->call(local("nobody"), Double{}).error().code, Errc::no_process);
  const auto inside = runtime_.run([](Self self) -> Task<bool> {
    const auto blocked = self.runtime().call(local("nobody"), Double{});
    EXPECT_EQ(blocked.error().code, Errc::wrong_thread);
    co_return true;
  });
  EXPECT_TRUE(inside);
}

}  // namespace
}  // namespace barrel
