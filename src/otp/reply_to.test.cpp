#include "barrel/otp/reply_to.hpp"

#include <map>
#include <string>

#include "barrel/otp/gen_server.hpp"
#include "process/test_runtime.hpp"

namespace barrel {
namespace {

class ReplyToTest : public test::EveryScheduler {};
BARREL_ON_EVERY_SCHEDULER(ReplyToTest);

/// Answers before it uses the request.
class Prompt {
 public:
  struct Put {
    static constexpr std::string_view tag = "put";
    std::string text;
    using Reply = int;
  };
  using Calls = Messages<Put>;
  Prompt(Self self, Pid to) : self_(self), to_(to) {}
  void handle_call(const Put& put, ReplyTo<Put> to) {
    to.reply(1);
    to.reply(2);  // nobody waits for it any more
    self_.send(to_, put.text);
  }

 private:
  Self self_;
  Pid to_;
};

TEST_P(ReplyToTest, AHandlerMayUseTheRequestAfterItsReplyAndASecondReplyIsDropped) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto server = co_await self.start_link<Prompt>(self.pid());
    const Prompt::Put put{"a text that is longer than any small string"};
    EXPECT_EQ(*co_await self.call(*server, put), 1);
    const Term next = co_await self.receive<Term>();
    EXPECT_EQ(next, to_term(put.text));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

/// Answers the newest of its callers when it is told to.
class Latest {
 public:
  struct Ask {
    static constexpr std::string_view tag = "ask";
    using Reply = int;
  };
  struct Answer {
    static constexpr std::string_view tag = "answer";
    int value = 0;
  };
  using Calls = Messages<Ask>;
  using Casts = Messages<Answer>;
  explicit Latest(Self) {}
  void handle_call(const Ask&, ReplyTo<Ask> to) { asking_.insert_or_assign("newest", std::move(to)); }
  void handle_cast(const Answer& answer) {
    asking_.at("newest").reply(answer.value);
    exit(Atom("enough"));
  }

 private:
  std::map<std::string, ReplyTo<Ask>> asking_;
};

TEST_P(ReplyToTest, AnotherCallerMayTakeItsPlaceAndWhoHeldItHearsTheEndOfTheServer) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    const auto server = co_await self.start_link<Latest>();
    const Latest::Ask ask{};
    auto first = self.send_request(*server, ask);
    auto second = self.send_request(*server, ask);
    self.cast(*server, Latest::Answer{7});
    EXPECT_EQ(co_await self.receive_response(second), Result<int>(7));
    EXPECT_EQ((co_await self.receive_response(first)).error(), Error(Errc::exited, Term(Atom("enough"))));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace barrel
