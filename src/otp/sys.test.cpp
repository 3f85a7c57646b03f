// What Erlang's sys module asks of a server.
#include "barrel/otp/gen_server.hpp"
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

class WithState {
 public:
  explicit WithState(Self) {}
  [[nodiscard]] static Term state() { return 42; }
};

TEST_P(SysTest, SystemMessagesStopAServerAndTellItsState) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    const auto server = co_await self.start_link<WithState>();
    EXPECT_EQ(co_await ask_sys(self, *server, Atom("get_state")), Term(42));
    const Term unknown = co_await ask_sys(self, *server, Atom("suspend"));
    EXPECT_TRUE(unknown.is_tagged("error", 2));
    EXPECT_EQ(co_await ask_sys(self, *server, Term::tuple_of(Atom("terminate"), Atom("enough"))),
              Term(Atom("ok")));
    EXPECT_EQ((co_await self.receive<Exit>()).reason, Term(Atom("enough")));
    const auto other = co_await self.start_link<Stateless>();
    EXPECT_TRUE((co_await ask_sys(self, *other, Atom("get_state"))).is_tagged("error", 2));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace barrel
