#include "barrel/otp/gen_server.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "process/test_runtime.hpp"

namespace barrel {
namespace {

using test::EveryScheduler;
class GenServerTest : public EveryScheduler {};
BARREL_ON_EVERY_SCHEDULER(GenServerTest);

/// Keeps a number; every form of handler.
class Counter {
 public:
  struct Add {
    static constexpr std::string_view tag = "add";
    int amount = 0;
    using Reply = int;
  };
  struct Check {
    static constexpr std::string_view tag = "check";
    int least = 0;
    using Reply = Result<void>;
  };
  struct Later {  // answered by the next Release
    static constexpr std::string_view tag = "later";
    using Reply = int;
  };
  struct Release {
    static constexpr std::string_view tag = "release";
  };
  struct Relay {  // asks another counter
    static constexpr std::string_view tag = "relay";
    Pid other;
    std::string note;
    using Reply = Result<int>;
  };
  struct Fail {
    static constexpr std::string_view tag = "fail";
    using Reply = int;
  };
  struct Stop {
    static constexpr std::string_view tag = "stop";
    Atom reason;
  };
  using Calls = Messages<Add, Check, Later, Relay, Fail>;
  using Casts = Messages<Add, Release, Stop>;
  using Infos = Messages<Down, Release>;

  Counter(Self self, int start) : self_(self), value_(start) {
    if (start < 0) exit(Atom("negative"));
  }
  int handle_call(const Add& add) { return value_ += add.amount; }
  Result<void> handle_call(const Check& check) {
    if (value_ < check.least) return Error{Errc::rejected, Atom("too_low")};
    return {};
  }
  void handle_call(const Later&, ReplyTo<Later> to) { waiting_.push_back(std::move(to)); }
  Task<Result<int>> handle_call(const Relay& relay) {
    const auto answer = co_await self_.call(relay.other, Add{1});
    EXPECT_EQ(relay.note, "a note that is longer than any small string");  // still there after the wait
    co_return answer;
  }
  int handle_call(const Fail&) { throw std::runtime_error("oops"); }
  void handle_cast(const Add& add) { value_ += add.amount; }
  void handle_cast(const Release&) { release(); }
  void handle_cast(const Stop& stop) { exit(stop.reason); }
  void handle_info(const Down&) { value_ += 1'000; }
  void handle_info(const Release&) { release(); }

 private:
  void release() {
    for (auto& to : waiting_) std::move(to).reply(value_);
    waiting_.clear();
  }

  Self self_;
  int value_;
  std::vector<ReplyTo<Later>> waiting_;
};

TEST_P(GenServerTest, CallsCastsAndInfosReachTheirHandlersInOrder) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto server = co_await self.start_link<Counter>(10);
    EXPECT_TRUE(server);
    self.cast(*server, Counter::Add{5});
    EXPECT_EQ(*co_await self.call(*server, Counter::Add{1}), 16);
    EXPECT_TRUE(co_await self.call(*server, Counter::Check{16}));
    const Result<void> refused = co_await self.call(*server, Counter::Check{17});
    EXPECT_EQ(refused.error(), Error(Errc::rejected, Atom("too_low")));
    self.send(*server, Down(self.make_ref(), self.pid(), Atom("x")));
    EXPECT_EQ(*co_await self.call(*server, Counter::Add{0}), 1016);
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(GenServerTest, ADeferredReplyComesWhenItIsGivenAndOthersAreServedMeanwhile) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto server = co_await self.start_link<Counter>(1);
    auto later = self.send_request(*server, Counter::Later{});
    auto too = self.send_request(*server, Counter::Later{});
    EXPECT_EQ(*co_await self.call(*server, Counter::Add{1}), 2);
    self.send(*server, Counter::Release{});
    EXPECT_EQ(*co_await later, 2);
    EXPECT_EQ(*co_await too, 2);
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(GenServerTest, AHandlerThatWaitsKeepsItsRequestAndHoldsTheServer) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto one = co_await self.start_link<Counter>(1);
    const auto other = co_await self.start_link<Counter>(100);
    const Counter::Relay relay{*other, "a note that is longer than any small string"};
    EXPECT_EQ(*co_await self.call(*one, relay), 101);
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(GenServerTest, APlainThreadStartsAServerThatIsLinkedToNobody) {
  const auto server = runtime_->start_server<Counter>(10);
  ASSERT_TRUE(server);
  const auto ok = runtime_.run(
      [](Self self, Pid counter) -> Task<bool> {
        EXPECT_EQ(*co_await self.call(counter, Counter::Add{1}), 11);
        const auto monitor = self.monitor(counter);
        self.exit(counter, Atom("enough"));
        EXPECT_EQ((co_await self.receive<Down>()).reason, Term(Atom("enough")));
        co_return true;
      },
      *server);
  EXPECT_TRUE(ok);
  const auto refused = runtime_->start_server<Counter>(-1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Term(Atom("negative")));
}

TEST_P(GenServerTest, StartLinkGivesTheReasonOfAConstructorThatExits) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto server = co_await self.start_link<Counter>(-1);  // and this process goes on
    EXPECT_FALSE(server);
    EXPECT_EQ(server.error().reason, Term(Atom("negative")));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(GenServerTest, ACrashReachesTheCallerAndTheLinkedStarterWithItsReason) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    const auto server = co_await self.start_link<Counter>(1);
    const auto failed = co_await self.call(*server, Counter::Fail{});
    const Term reason = Term::tuple_of(Atom("exception"), "oops");
    EXPECT_EQ(failed.error(), Error(Errc::exited, reason));
    EXPECT_EQ((co_await self.receive<Exit>()).reason, reason);
    co_return true;
  });
  EXPECT_TRUE(ok);
  EXPECT_TRUE(runtime_.log().contain("a server ends"));
  EXPECT_TRUE(runtime_.log().contain(" name=none type=barrel::(anonymous namespace)::Counter reason="));
}

TEST_P(GenServerTest, UnknownCastsAndInfosAreLoggedAndCountedAnUnknownCallEndsTheServer) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    const auto server = co_await self.start_link<Counter>(1);
    self.cast(*server, Atom("what"));
    self.send(*server, Term(Atom("ever")));
    EXPECT_EQ(*co_await self.call(*server, Counter::Add{1}), 2);
    const auto unknown = co_await self.call<int>(*server, Term(Atom("nonsense")));
    EXPECT_EQ(unknown.error(), Error(Errc::exited, Term::tuple_of(Atom("unknown_call"), Atom("nonsense"))));
    EXPECT_EQ((co_await self.receive<Exit>()).from, *server);
    co_return true;
  });
  EXPECT_TRUE(ok);
  EXPECT_EQ(runtime_.counter("otp.unknown_messages"), 2U);
  EXPECT_TRUE(runtime_.log().contain("message=what"));
  EXPECT_TRUE(runtime_.log().contain("message=ever"));
}

TEST_P(GenServerTest, TheLogDoesNotGrowWithWhatACallerSends) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    const auto server = co_await self.start_link<Counter>(1);
    const Term request(std::string(1'000'000, 'x'));
    const auto unknown = co_await self.call<int>(*server, request);
    EXPECT_EQ(unknown.error(), Error(Errc::exited, Term::tuple_of(Atom("unknown_call"), request)));
    co_return true;
  });
  EXPECT_TRUE(ok);
  EXPECT_TRUE(runtime_.log().contain("reason={unknown_call,<<\"" + std::string(4'000, 'x')));
  EXPECT_FALSE(runtime_.log().contain(std::string(4'100, 'x')));
}

TEST_P(GenServerTest, RequestsAsTermsInBothTagFormsAreServedAsErlangSendsThem) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto server = co_await self.start_link<Counter>(1);
    const Ref ref = self.alias();
    const Term add = Term::tuple_of(Atom("add"), 1);
    const Term alias = Term::list({Term(Atom("alias"))}, Term(ref));
    const Term multi = Term::list({alias}, Term(ref));
    for (const Term& tag : {Term(ref), alias, multi}) {
      self.send(*server, Term::tuple_of(Atom("$gen_call"), Term::tuple_of(self.pid(), tag), add));
      const Term reply = co_await self.receive<Term>();
      EXPECT_EQ(reply.elements()[0], tag);  // as it was
    }
    self.send(*server, Term::tuple_of(Atom("$gen_cast"), add));
    EXPECT_EQ(*co_await self.call(*server, Counter::Add{0}), 5);
    co_return true;
  });
  EXPECT_TRUE(ok);
}

/// Tells what happens to it.
class Witness {
 public:
  struct Die {
    static constexpr std::string_view tag = "die";
    Atom how;
  };
  using Casts = Messages<Die>;
  Witness(Self self, Pid to, bool traps) : self_(self), to_(to) { self_.trap_exits(traps); }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { self_.send(to_, Atom("destroyed")); }
  void handle_cast(const Die& die) {
    if (die.how == Atom("throw")) throw std::runtime_error("thrown");
    exit(die.how);
  }
  void terminate(const Term& reason) { self_.send(to_, Term::tuple_of(Atom("terminate"), reason)); }

 private:
  Self self_;
  Pid to_;
};

TEST_P(GenServerTest, TerminateAndThenTheDestructorRunOnEveryWayOut) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    for (const bool traps : {false, true}) {
      // exit and exceptions in handlers
      for (const char* how : {"normal", "odd", "throw"}) {
        const Pid parent = self.spawn(
            [](Self starter, Pid to, bool trap, Atom way) -> Task<> {
              starter.trap_exits(true);
              const auto server = co_await starter.start_link<Witness>(to, trap);
              starter.cast(*server, Witness::Die{way});
              co_await starter.receive<Exit>();
            },
            self.pid(), traps, Atom(how));
        const Term reason =
            std::string_view(how) == "throw" ? Term::tuple_of(Atom("exception"), "thrown") : Term(Atom(how));
        EXPECT_EQ(co_await self.receive<Term>(), Term::tuple_of(Atom("terminate"), reason));
        EXPECT_EQ(co_await self.receive<Term>(), Term(Atom("destroyed")));
        const auto monitor = self.monitor(parent);
        co_await self.receive<Down>();
      }
      // the end of the parent
      const Pid parent = self.spawn(
          [](Self starter, Pid to, bool trap) -> Task<> {
            const auto server = co_await starter.start_link<Witness>(to, trap);
            exit(Atom("parent_died"));
          },
          self.pid(), traps);
      (void)parent;
      EXPECT_EQ(co_await self.receive<Term>(), Term::tuple_of(Atom("terminate"), Atom("parent_died")));
      EXPECT_EQ(co_await self.receive<Term>(), Term(Atom("destroyed")));
    }
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(GenServerTest, KillRunsTheDestructorButNotTerminate) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    const auto server = co_await self.start_link<Witness>(self.pid(), true);
    self.kill(*server);
    EXPECT_EQ((co_await self.receive<Term>()), Term(Atom("destroyed")));
    EXPECT_EQ((co_await self.receive<Exit>()).reason, Term(killed()));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

/// Answers whatever comes.
class CatchAll {
 public:
  using Calls = Messages<Term>;
  using Casts = Messages<Term>;
  using Infos = Messages<Term>;
  CatchAll(Self self, Pid to) : self_(self), to_(to) {}
  Task<Term> handle_call(const Term& request) { co_return Term::tuple_of(Atom("call"), request); }
  Task<> handle_cast(const Term& message) {
    co_await self_.yield();
    self_.send(to_, Term::tuple_of(Atom("cast"), message));
  }
  void handle_info(const Term& message) { self_.send(to_, Term::tuple_of(Atom("info"), message)); }

 private:
  Self self_;
  Pid to_;
};

TEST_P(GenServerTest, TermTakesWhatNothingElseTook) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto server = co_await self.start_link<CatchAll>(self.pid());
    EXPECT_EQ(*co_await self.call<Term>(*server, Counter::Add{1}),
              Term::tuple_of(Atom("call"), Term::tuple_of(Atom("add"), 1)));
    self.cast(*server, Counter::Release{});
    EXPECT_EQ(co_await self.receive<Term>(), Term::tuple_of(Atom("cast"), Atom("release")));
    self.send(*server, Counter::Release{});
    EXPECT_EQ(co_await self.receive<Term>(), Term::tuple_of(Atom("info"), Atom("release")));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

/// Hands the answer on to another process.
class Delegating {
 public:
  struct Ask {
    static constexpr std::string_view tag = "ask";
    int number = 0;
    using Reply = int;
  };
  using Calls = Messages<Ask>;
  explicit Delegating(Self self) : self_(self) {}
  void handle_call(const Ask& ask, ReplyTo<Ask> to) {
    if (ask.number < 0) return;  // dropped: never answered
    self_.spawn(&answer, ask.number, std::move(to));
  }

 private:
  static Task<> answer(Self self, int number, ReplyTo<Ask> to) {
    co_await self.yield();
    to.reply(number + 1);
  }
  Self self_;
};

TEST_P(GenServerTest, AnotherProcessMayGiveTheReplyAndADroppedOneTimesOutOrFailsWithTheServer) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    const auto server = co_await self.start_link<Delegating>();
    for (int i = 0; i < 200; ++i) EXPECT_EQ(*co_await self.call(*server, Delegating::Ask{i}), i + 1);
    const auto late = co_await self.call(*server, Delegating::Ask{-1}, 1ms);
    EXPECT_EQ(late.error().code, Errc::timeout);
    auto pending = self.send_request(*server, Delegating::Ask{-1});
    self.exit(*server, Atom("gone"));
    const auto failed = co_await pending;
    EXPECT_EQ(failed.error(), Error(Errc::exited, Atom("gone")));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(GenServerTest, RepliesGivenElsewhereWhileServerAndCallerEndLeakNothing) {
  // Meant for the sanitizers: every order of reply, timeout and end.
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    for (int i = 0; i < 100; ++i) {
      const auto server = co_await self.start_link<Delegating>();
      auto one = self.send_request(*server, Delegating::Ask{1}, 0ms);
      auto two = self.send_request(*server, Delegating::Ask{2});
      auto three = self.send_request(*server, Delegating::Ask{-1}, 1ms);
      if (i % 2 == 0) co_await self.yield();
      if (i % 3 == 0) self.kill(*server);
      (void)co_await one;
      (void)co_await two;
      (void)co_await three;
      self.exit(*server, shutdown());
      co_await self.receive<Exit>();
    }
    co_return true;
  });
  EXPECT_TRUE(ok);
}

/// Its init waits for another server.
class Waiting {
 public:
  struct Get {
    static constexpr std::string_view tag = "get";
    using Reply = int;
  };
  using Calls = Messages<Get>;
  Waiting(Self self, Pid other) : self_(self), other_(other) {}
  Task<> init() {
    const auto value = co_await self_.call(other_, Counter::Add{1});
    if (!value) exit(value.error().reason);
    value_ = *value;
  }
  int handle_call(const Get&) const { return value_; }

 private:
  Self self_;
  Pid other_;
  int value_ = 0;
};

TEST_P(GenServerTest, InitMayWaitAndItsFailureIsStartLinksError) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto counter = co_await self.start_link<Counter>(41);
    const auto server = co_await self.start_link<Waiting>(*counter);
    EXPECT_EQ(*co_await self.call(*server, Waiting::Get{}), 42);
    self.unlink(*counter);
    self.kill(*counter);
    const auto refused = co_await self.start_link<Waiting>(*counter);
    EXPECT_FALSE(refused);
    co_return true;
  });
  EXPECT_TRUE(ok);
}

// -- the server of the API's handbook, without the registry

struct ChatMessage {
  static constexpr std::string_view tag = "chat_message";
  Atom room;
  NodeName from;
  std::string text;
  SystemTime at;
};

class ChatServer {
 public:
  struct Post {
    static constexpr std::string_view tag = "message";
    NodeName from;
    std::string text;
  };
  struct Join {
    static constexpr std::string_view tag = "join";
    Pid member;
    using Reply = Result<void>;
  };
  struct Leave {
    static constexpr std::string_view tag = "leave";
    Pid member;
    using Reply = Result<void>;
  };
  using Calls = Messages<Join, Leave>;
  using Casts = Messages<Post>;
  using Infos = Messages<Down>;

  ChatServer(Self self, Atom room) : self_(self), room_(room) { self_.trap_exits(true); }
  void handle_cast(const Post& post) {
    const ChatMessage message{room_, post.from, post.text, self_.now()};
    for (const auto& [member, monitor] : members_) self_.send(member, message);
  }
  Result<void> handle_call(const Join& join) {
    if (members_.contains(join.member)) return Error{Errc::rejected, Atom("already_joined")};
    members_.emplace(join.member, self_.monitor(join.member));
    return {};
  }
  Result<void> handle_call(const Leave& leave) {
    members_.erase(leave.member);
    return {};
  }
  void handle_info(const Down& down) { members_.erase(down.pid); }

 private:
  Self self_;
  Atom room_;
  std::map<Pid, Monitor> members_;
};

TEST_P(GenServerTest, TheChatRoomOfTheHandbook) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto room = co_await self.start_link<ChatServer>(Atom("general"));
    const Pid guest = self.spawn([](Self other) -> Task<> { co_await other.receive<Exit>(); });
    EXPECT_TRUE(co_await self.call(*room, ChatServer::Join{self.pid()}));
    EXPECT_TRUE(co_await self.call(*room, ChatServer::Join{guest}));
    const auto again = co_await self.call(*room, ChatServer::Join{self.pid()});
    EXPECT_EQ(again.error().reason, Term(Atom("already_joined")));
    self.cast(*room, ChatServer::Post{"n1@127.0.0.1", "hello"});
    const ChatMessage heard = co_await self.receive<ChatMessage>();
    EXPECT_EQ(heard.text, "hello");
    self.kill(guest);
    EXPECT_TRUE(co_await self.call(*room, ChatServer::Leave{self.pid()}));
    self.cast(*room, ChatServer::Post{"n1@127.0.0.1", "anyone?"});
    const auto silence = co_await self.receive<ChatMessage>(1ms);
    EXPECT_TRUE(std::holds_alternative<Timeout>(silence));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace barrel
