// Calls whose requests are over a limit of the called node: their callers do not wait for an answer.
#include "process/test_wire.hpp"

namespace barrel {
namespace {

struct Echo {
  static constexpr std::string_view tag = "echo";
  Term what;
  using Reply = Term;
};

Term nested(std::uint32_t depth) {
  Term term;
  for (std::uint32_t i = 0; i < depth; ++i) term = Term::tuple_of(std::move(term));
  return term;
}

class UnreadCalls : public test::TwoRuntimes {
 protected:
  /// A '$gen_call' that asks too deep a thing, as any node may send it.
  void send_deep(const Pid& to, const Pid& from, const Term& tag) {
    const Term request = nested(EtfLimits{}.depth_max + 1);
    to_b_.bytes_to(to, encode_etf(Term::tuple_of(Atom("$gen_call"), Term::tuple_of(from, tag), request)));
    settle();
  }
};

Task<> takes_all(Self self) {
  for (;;) (void)co_await self.receive<Term>();
}
Task<> notes(Self self, std::vector<Term>* seen) {
  for (;;) seen->push_back(co_await self.receive<Term>());
}
Task<> watches(Self self, std::vector<Term>* seen, Pid other) {
  const auto monitor = self.monitor(other);
  for (;;) seen->push_back(co_await self.receive<Term>());
}

TEST_F(UnreadCalls, ACallEndsWithTheLimitAndTheCalledProcessLives) {
  const Pid far = b_->spawn(&takes_all);
  std::vector<Error> errors;
  a_->spawn(
      [](Self self, Pid to, std::vector<Error>* seen) -> Task<> {
        const Echo request{nested(EtfLimits{}.depth_max + 1)};
        const auto answer = co_await self.call(to, request, Duration::max());
        seen->push_back(answer.error());
      },
      far, &errors);
  settle();
  EXPECT_EQ(errors, std::vector{Error(Errc::limit_exceeded, Atom("depth_max"))});
  EXPECT_TRUE(b_->is_alive(far));
  EXPECT_EQ(to_b_.over_limit, 1);
}

TEST_F(UnreadCalls, WhoDoesNotWatchGetsAnError) {
  const Pid far = b_->spawn(&takes_all);
  const Pid near = a_->spawn(&notes, &seen_);
  settle();
  send_deep(far, near, 17);
  const Term why = Term::tuple_of(Atom("limit_exceeded"), Atom("depth_max"));
  EXPECT_EQ(seen_, std::vector<Term>{Term::tuple_of(17, Term::tuple_of(Atom("error"), why))});
}

TEST_F(UnreadCalls, AMonitorOfAnotherProcessThanTheCallersStays) {
  const Pid far = b_->spawn(&takes_all);
  const Pid watcher = a_->spawn(&watches, &seen_, far);
  const Pid caller = a_->spawn(&takes_all);
  settle();
  ASSERT_EQ(to_b_.signals.size(), 1U);
  const Ref ref = to_b_.signals.front().ref;
  send_deep(far, caller, ref);
  EXPECT_TRUE(seen_.empty());
  send_deep(far, watcher, ref);
  ASSERT_EQ(seen_.size(), 1U);
  EXPECT_TRUE(seen_.front().is_tagged("DOWN", 5)) << to_string(seen_.front());
}

TEST_F(UnreadCalls, WhatIsNoCallIsDroppedAlone) {
  const Pid far = b_->spawn(&takes_all);
  const Pid near = a_->spawn(&notes, &seen_);
  settle();
  const Term request = nested(EtfLimits{}.depth_max + 1);
  const Term from = Term::tuple_of(near, 17);
  for (const Term& message :
       {Term::tuple_of(Atom("$gen_cast"), request), Term::tuple_of(Atom("other"), from, request),
        Term::tuple_of(Atom("$gen_call"), from, 1, request),
        Term::tuple_of(Atom("$gen_call"), near, request)})
    to_b_.bytes_to(far, encode_etf(message));
  settle();
  EXPECT_TRUE(seen_.empty());
  EXPECT_EQ(to_b_.over_limit, 4);
}

}  // namespace
}  // namespace barrel
