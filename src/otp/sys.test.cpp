// What Erlang's sys module asks of a server.
#include "barrel/otp/gen_server.hpp"
#include "barrel/term/term_text.hpp"
#include "process/test_runtime.hpp"

namespace barrel {
namespace {

class SysTest : public test::EveryScheduler {};
BARREL_ON_EVERY_SCHEDULER(SysTest);

class Stateless {
 public:
  explicit Stateless(Self) {}
};

/// Sends {system, From, Request} as Erlang's sys module does, and gives the answer.
Task<Term> ask_sys(Self self, Pid server, Term request) {
  const Ref ref = self.make_ref();
  self.send(server, Term::tuple_of(Atom("system"), Term::tuple_of(self.pid(), ref), request));
  const auto is_answer = [&](const Term& term) {
    return term.is_tuple(2) && term.elements()[0].as_ref() == ref;
  };
  const Term answer = co_await self.receive_if<Term>(is_answer);
  co_return answer.elements()[1];
}

class Tally {
 public:
  struct Add {
    static constexpr std::string_view tag = "add";
    int number = 0;
  };
  struct Get {
    static constexpr std::string_view tag = "get";
    using Reply = int;
  };
  using Calls = Messages<Get>;
  using Casts = Messages<Add>;
  explicit Tally(Self self) { (void)self.register_name("tally"); }
  void handle_cast(const Add& add) { sum_ += add.number; }
  [[nodiscard]] int handle_call(const Get&) const { return sum_; }
  [[nodiscard]] Term state() const { return sum_; }

 private:
  int sum_ = 0;
};

Term parsed(std::string_view text) {
  return *parse_term(text);
}

TEST_P(SysTest, AServerTellsItsStateAndIsStopped) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    const auto server = co_await self.start_link<Tally>();
    self.cast(*server, Tally::Add{42});
    EXPECT_EQ(co_await ask_sys(self, *server, Atom("get_state")), Term(42));
    EXPECT_EQ(co_await ask_sys(self, *server, Term::tuple_of(Atom("terminate"), Atom("enough"))),
              Term(Atom("ok")));
    EXPECT_EQ((co_await self.receive<Exit>()).reason, Term(Atom("enough")));
    const auto other = co_await self.start_link<Stateless>();
    EXPECT_EQ(co_await ask_sys(self, *other, Atom("get_state")), Term(Atom("undefined")));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(SysTest, ASuspendedServerHandlesNothingUntilItIsResumed) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto server = co_await self.start_link<Tally>();
    EXPECT_EQ(co_await ask_sys(self, *server, Atom("suspend")), Term(Atom("ok")));
    self.cast(*server, Tally::Add{1});
    self.send(*server, parsed("{'$gen_cast', {add, 10}}"));
    const Tally::Get get;
    auto call = self.call(*server, get);
    EXPECT_EQ(co_await ask_sys(self, *server, Atom("get_state")), Term(0));
    EXPECT_EQ(co_await ask_sys(self, *server, Atom("suspend")), Term(Atom("ok")));
    self.cast(*server, Tally::Add{100});
    EXPECT_EQ(co_await ask_sys(self, *server, Atom("get_state")), Term(0));
    EXPECT_EQ(co_await ask_sys(self, *server, Atom("resume")), Term(Atom("ok")));
    const auto sum = co_await call;
    EXPECT_EQ(sum, Result<int>(11)) << "what waited is handled in order";
    EXPECT_EQ(co_await ask_sys(self, *server, Atom("get_state")), Term(111));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(SysTest, ASuspendedServerEndsWithItsParentAndWhenToldTo) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    const auto told = co_await self.start_link<Tally>();
    (void)co_await ask_sys(self, *told, Atom("suspend"));
    (void)co_await ask_sys(self, *told, Term::tuple_of(Atom("terminate"), Atom("enough")));
    EXPECT_EQ((co_await self.receive<Exit>()).reason, Term(Atom("enough")));

    class Trapping {
     public:
      explicit Trapping(Self own) { own.trap_exits(true); }
    };
    const Pid parent = self.spawn(
        +[](Self own, Pid to) -> Task<> {
          const auto child = co_await own.start_link<Trapping>();
          own.send(to, Term(*child));
          (void)co_await own.receive<Timeout>();
        },
        self.pid());
    const Term child = co_await self.receive<Term>();
    (void)co_await ask_sys(self, *child.as_pid(), Atom("suspend"));
    const Monitor watch = self.monitor(*child.as_pid());
    self.exit(*child.as_pid(), Atom("not_of_its_parent"));  // trapped: waits as a message
    self.exit(parent, Atom("over"));
    EXPECT_EQ((co_await self.receive<Down>()).reason, Term(Atom("over")));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(SysTest, ItsStatusHasTheShapeOfAGenServers) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto server = co_await self.start_link<Tally>();
    const Term status = co_await ask_sys(self, *server, Atom("get_status"));
    EXPECT_TRUE(status.is_tagged("status", 4));
    const auto parts = status.elements();
    EXPECT_EQ(parts[1], Term(*server));
    EXPECT_EQ(parts[2], parsed("{module, gen_server}"));
    const auto items = parts[3].elements();
    EXPECT_EQ(items.size(), 5U);
    EXPECT_EQ(items[1], Term(Atom("running")));
    EXPECT_EQ(items[2], Term(self.pid()));
    EXPECT_EQ(items[4].elements()[0], parsed("{header, \"Status for generic server tally\"}"));
    EXPECT_EQ(items[4].elements()[2], parsed("{data, [{\"State\", 0}]}"));
    (void)co_await ask_sys(self, *server, Atom("suspend"));
    const Term later = co_await ask_sys(self, *server, Atom("get_status"));
    EXPECT_EQ(later.elements()[3].elements()[1], Term(Atom("suspended")));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(SysTest, WhatNeedsErlangsCodeFailsAndTheServerGoesOn) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto server = co_await self.start_link<Tally>();
    const auto ask = [&](const char* request) { return ask_sys(self, *server, parsed(request)); };
    EXPECT_EQ(co_await ask("{replace_state, fun lists:sort/1}"),
              parsed("{error, {callback_failed, {gen_server, system_replace_state}, {error, undef}}}"));
    EXPECT_EQ(co_await ask("{change_code, tally, 1, []}"),
              parsed("{error, {unknown_system_msg, {change_code, tally, 1, []}}}"));
    (void)co_await ask("suspend");
    EXPECT_EQ(co_await ask("{change_code, tally, 1, []}"),
              parsed("{error, {'EXIT', {undef, [{tally, code_change, [1, 0, []], []}]}}}"));
    (void)co_await ask("resume");
    EXPECT_EQ(co_await ask("{debug, {trace, true}}"), Term(Atom("unknown_debug")));
    EXPECT_EQ(co_await ask("{debug, {trace, false}}"), Term(Atom("ok")));
    EXPECT_EQ(co_await ask("{debug, no_debug}"), Term(Atom("ok")));
    EXPECT_EQ(co_await ask("{debug, {log, get}}"), parsed("{ok, []}"));
    EXPECT_EQ(co_await ask("{debug, {statistics, get}}"), parsed("{ok, no_statistics}"));
    EXPECT_EQ(co_await ask("{surprise, 1}"), parsed("{error, {unknown_system_msg, {surprise, 1}}}"));
    EXPECT_EQ(co_await ask("get_state"), Term(0));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace barrel
