// Servers of an Erlang node called from C++: gen_server and gen_statem, by pid and by name.

#include <gmock/gmock.h>

#include <csignal>

#include "barrel/otp/multi_call.hpp"
#include "erlang/desk.hpp"
#include "erlang/erlang_test.hpp"

namespace barrel::test {
namespace {

using testing::StartsWith;

struct Match {
  static constexpr std::string_view tag = "match";
  Term what;
};
struct Shutdown {
  static constexpr std::string_view tag = "stop";
  Term reason;
};
struct Tell {
  static constexpr std::string_view tag = "tell";
  Pid to;
};
struct Value {
  static constexpr std::string_view tag = "value";
  int value = 0;
};
struct Break {
  static constexpr std::string_view tag = "break";
  Term reason;
};

class Calling : public ErlangTest {
 protected:
  Calling() : node_(start_tcp("b")) {
    beam_.load("beam_server.erl");
    beam_.eval("F = fun(Name) -> {ok, P} = gen_server:start({local, Name}, beam_server, 0, []), P end");
    server_ = *beam_.eval("F(server)").as_pid();
  }
  ~Calling() override { node_.reset(); }
  void SetUp() override { ASSERT_TRUE(node_); }

  [[nodiscard]] NodeLocalName at_beam(const char* name) const { return {name, name_of(beam_)}; }
  /// Calls a new server of the Erlang node and gives the error; the server has to end.
  template <class Request>
  Error error_of(const Request& request) {
    beam_.eval("monitor(process, F(fragile))");
    const auto answer = node_->call<Term>(at_beam("fragile"), request);
    EXPECT_EQ(beam_.text("receive {'DOWN', _, process, _, _} -> down after 5000 -> up end"), "down");
    EXPECT_FALSE(answer);
    return answer ? Error(Errc::closed) : answer.error();
  }

  std::unique_ptr<Node> node_;
  Beam beam_{epmd_, "e"};
  Pid server_;
};

TEST_F(Calling, CallsAndCastsByPidAndByName) {
  const auto ok = node_->run(
      +[](Self self, Pid pid, NodeName erlang) -> Task<bool> {
        const std::vector<Address> servers{pid, NodeLocalName{"server", erlang}};
        for (const Address& server : servers) {
          const Desk::Echo echo{Term::tuple_of(1.5, "text", self.pid())};
          const auto echoed = co_await self.call(server, echo);
          EXPECT_EQ(*echoed, echo.what);
          self.cast(server, Desk::Put{300});
          EXPECT_EQ(*co_await self.call(server, Desk::Get{}), 300);
          self.cast(server, Tell{self.pid()});
          EXPECT_EQ((co_await self.receive<Value>()).value, 300);
          auto held = self.send_request(server, Desk::Hold{});
          self.cast(server, Desk::Release{Atom("released")});
          const auto released = co_await self.receive_response(held);
          EXPECT_EQ(*released, Term(Atom("released")));
          // Another shape than the request expects.
          const Desk::Echo text{"text"};
          const auto malformed = co_await self.call<int>(server, text);
          EXPECT_EQ(malformed.error().code, Errc::malformed);
        }
        co_return true;
      },
      server_, name_of(beam_));
  EXPECT_TRUE(ok);
}

TEST_F(Calling, AStateMachineIsCalledAsAServer) {
  beam_.load("beam_statem.erl");
  beam_.eval("{ok, _} = gen_statem:start({local, door}, beam_statem, 0, [])");
  const auto ok = node_->run(
      +[](Self self, NodeLocalName door) -> Task<bool> {
        EXPECT_EQ(*co_await self.call<Term>(door, Atom("knock")), Term(Atom("nobody_opens")));
        auto waiting = self.send_request<Term>(door, Atom("wait"));
        self.cast(door, Atom("open"));
        const auto waited = co_await self.receive_response(waiting);
        EXPECT_EQ(*waited, Term(Atom("waited")));
        EXPECT_EQ(*co_await self.call<Term>(door, Atom("knock")), Term::tuple_of(Atom("come_in"), 1));
        const Monitor watch = self.monitor(door);
        const Break kick{Atom("kicked")};
        EXPECT_EQ(*co_await self.call<Term>(door, kick), Term(Atom("crack")));
        const Down down = co_await self.receive<Down>();
        EXPECT_EQ(down.reason, Term(Atom("kicked")));
        const auto gone = co_await self.call<Term>(door, Atom("knock"));
        EXPECT_EQ(gone.error().code, Errc::no_process);
        co_return true;
      },
      at_beam("door"));
  EXPECT_TRUE(ok);
}

TEST_F(Calling, MultiCallReachesBothKindsOfNodes) {
  const auto started = node_->start_server<Desk>(Atom("server"));
  ASSERT_TRUE(started);
  const auto ok = node_->run(
      +[](Self self, NodeName erlang) -> Task<bool> {
        const std::vector<NodeName> nodes{erlang, "nobody@127.0.0.1", self.node().name()};
        const Desk::Echo echo{Atom("here")};
        const auto answers = co_await multi_call(self, nodes, Atom("server"), echo);
        EXPECT_EQ(answers[0].second, Result<Term>(Atom("here")));
        EXPECT_EQ(answers[1].second.error().code, Errc::no_connection);
        EXPECT_EQ(answers[2].second, Result<Term>(Atom("here")));
        const auto late = co_await multi_call(self, nodes, Atom("server"), Desk::Hold{}, 20ms);
        EXPECT_EQ(late[0].second.error().code, Errc::timeout);
        EXPECT_EQ(late[2].second.error().code, Errc::timeout);
        const auto nobody = co_await multi_call(self, nodes, Atom("no_such"), echo);
        EXPECT_EQ(nobody[0].second.error().code, Errc::no_process);
        co_return true;
      },
      name_of(beam_));
  EXPECT_TRUE(ok);
}

TEST_F(Calling, ErrorsCarryTheReasonsOfErlang) {
  const Error badmatch = error_of(Match{Atom("x")});
  EXPECT_EQ(badmatch.code, Errc::exited);
  EXPECT_THAT(to_string(badmatch.reason), StartsWith("{{badmatch,x},[{beam_server,handle_call,3,"));
  const Error thrown = error_of(Desk::Throw{"ball"});
  EXPECT_THAT(to_string(thrown.reason), StartsWith("{bad_return_value,{surprise,<<\"ball\">>}}"));
  const Error unknown = error_of(Atom("what"));
  EXPECT_THAT(to_string(unknown.reason), StartsWith("{function_clause,[{beam_server,handle_call,[what,"));
  EXPECT_EQ(error_of(Desk::Quit{Atom("tired")}), Error(Errc::exited, Atom("tired")));
  EXPECT_EQ(error_of(Atom("kill")), Error(Errc::exited, Atom("killed")));
  EXPECT_EQ(error_of(Shutdown{Atom("normal")}), Error(Errc::exited, Atom("normal")));
  const Term later = Term::tuple_of(Atom("shutdown"), Atom("later"));
  EXPECT_EQ(error_of(Shutdown{later}), Error(Errc::exited, later));
  const auto nobody = node_->call<Term>(at_beam("no_such"), Atom("get"));
  EXPECT_EQ(nobody.error(), Error(Errc::no_process, Atom("noproc")));
  const auto nowhere = node_->call<Term>(NodeLocalName{"server", "nobody@127.0.0.1"}, Atom("get"));
  EXPECT_EQ(nowhere.error().code, Errc::no_connection);
  const Desk::Echo full{Term::tuple_of(Atom("error"), Atom("full"))};
  EXPECT_EQ(node_->call<Result<int>>(at_beam("server"), full).error(), Error(Errc::rejected, Atom("full")));
}

TEST_F(Calling, AReplyBeforeTheEndIsTheAnswer) {
  const auto answer = node_->call(at_beam("server"), Desk::Stop{Atom("enough"), Atom("bye")});
  EXPECT_EQ(answer, Result<Term>(Atom("bye")));
  EXPECT_TRUE(beam_.becomes("whereis(server)", "undefined"));
}

TEST_F(Calling, ALostNodeFailsTheCallsThatWait) {
  const auto ok = node_->run(
      +[](Self self, Pid server, Beam* beam) -> Task<bool> {
        auto held = self.send_request(server, Desk::Hold{});
        EXPECT_EQ(*co_await self.call(server, Desk::Get{}), 0);  // so the other has arrived, too
        beam->signal(SIGKILL);
        const auto lost = co_await self.receive_response(held);
        EXPECT_EQ(lost.error(), Error(Errc::no_connection, Atom("noconnection")));
        co_return true;
      },
      server_, &beam_);
  EXPECT_TRUE(ok);
}

TEST_F(Calling, LateRepliesDoNotTurnUp) {
  const auto ok = node_->run(
      +[](Self self, NodeLocalName server) -> Task<bool> {
        for (int i = 0; i < 20; ++i) {
          const auto late = co_await self.call(server, Desk::Hold{}, 5ms);
          EXPECT_EQ(late.error().code, Errc::timeout);
        }
        self.cast(server, Desk::Release{Atom("late")});
        // The answer to Get comes after those to the calls before it.
        EXPECT_EQ(*co_await self.call(server, Desk::Get{}), 0);
        const auto stray = co_await self.receive<Term>(0ms);
        EXPECT_TRUE(std::holds_alternative<Timeout>(stray));
        co_return true;
      },
      at_beam("server"));
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace barrel::test
