#include "node/io_server.hpp"

#include <gtest/gtest.h>

#include <latch>
#include <stdexcept>
#include <thread>

#include "barrel/term/term_text.hpp"
#include "process/test_wire.hpp"

namespace barrel::node {
namespace {

using namespace std::chrono_literals;

/// "text|reply" for a request in Erlang's notation.
std::string answered(std::string_view request) {
  const auto term = parse_term(request);
  EXPECT_TRUE(term) << request;
  const IoAnswer answer = answer_io(*term, "a@127.0.0.1");
  return answer.text + "|" + to_string(answer.reply);
}

TEST(IoServer, PrintsCharactersOfBothEncodings) {
  EXPECT_EQ(answered(R"({put_chars,unicode,["ab",<<"c">>]})"), "abc|ok");
  EXPECT_EQ(answered(R"({put_chars,latin1,<<233>>})"), "\u00e9|ok");
  EXPECT_EQ(answered(R"({put_chars,"old"})"), "old|ok");
  EXPECT_EQ(answered(R"({put_chars,unicode,17})"), "|{error,put_chars}");
  EXPECT_EQ(answered(R"({put_chars,ebcdic,"a"})"), "|{error,put_chars}");
}

TEST(IoServer, ComputesWhatTheIoModuleLeavesToTheDevice) {
  EXPECT_EQ(answered(R"({put_chars,unicode,io_lib,format,["~p-~s~n",[{a},"b"]]})"), "{a}-b\n|ok");
  EXPECT_EQ(answered(R"({put_chars,unicode,io_lib,write,["ab"]})"), "[97,98]|ok");
  EXPECT_EQ(answered(R"({put_chars,io_lib,nl,[]})"), "\n|ok");
  EXPECT_EQ(answered(R"({put_chars,unicode,io_lib,format,["~p",[]]})"), "|{error,enotsup}");
  EXPECT_EQ(answered(R"({put_chars,unicode,os,cmd,["ls"]})"), "|{error,enotsup}");
}

TEST(IoServer, SeveralRequestsEndWithTheFirstThatFails) {
  EXPECT_EQ(answered(R"({requests,[{put_chars,unicode,"a"},{put_chars,unicode,"b"}]})"), "ab|ok");
  EXPECT_EQ(answered(R"({requests,[{put_chars,unicode,"a"},{put_chars,unicode,x},{put_chars,unicode,"b"}]})"),
            "a|{error,put_chars}");
}

/// A few kilobytes each, which become 40 MB of text.
std::string long_requests(int count) {
  std::string format;
  for (int i = 0; i < 4'000; ++i) format += "~9999n~n";
  const std::string one = "{put_chars,unicode,io_lib,format,[\"" + format + "\",[]]}";
  std::string all = one;
  for (int i = 1; i < count; ++i) all += "," + one;
  return "{requests,[" + all + "]}";
}

TEST(IoServer, SeveralRequestsAreTogetherNoLongerThanOneMayBe) {
  const std::string nested = "{requests,[" + long_requests(1) + "," + long_requests(3) + "]}";
  for (const auto& request : {long_requests(3), nested}) {
    const IoAnswer answer = answer_io(*parse_term(request), "a@127.0.0.1");
    EXPECT_EQ(answer.text.size(), 40'000'000U) << "what comes before the limit is printed";
    EXPECT_EQ(to_string(answer.reply), "{error,put_chars}");
    EXPECT_TRUE(answer.too_long);
  }
  EXPECT_FALSE(answer_io(*parse_term(long_requests(1)), "a@127.0.0.1").too_long);
}

TEST(IoServer, IsAtItsEndForThoseWhoReadAndKnowsItsOptions) {
  EXPECT_EQ(answered("{get_line,unicode,\"> \"}"), "|eof");
  EXPECT_EQ(answered("{get_chars,unicode,\"\",10}"), "|eof");
  EXPECT_EQ(answered("getopts"), "|[{binary,false},{encoding,unicode}]");
  EXPECT_EQ(answered("{setopts,[binary]}"), "|{error,enotsup}");
  EXPECT_EQ(answered("{get_geometry,columns}"), "|{error,enotsup}");
  EXPECT_EQ(answered("nonsense"), "|{error,request}");
  EXPECT_EQ(answered("{}"), "|{error,request}");
}

class IoServerOverTheWire : public test::TwoRuntimes {};

TEST_F(IoServerOverTheWire, APeerThatDoesNotReadItsAnswersHoldsUpNobody) {
  connect();
  const Pid user = a_->spawn(&io_server, std::make_shared<const Output>());
  const auto ask = [](Self self, Pid server, std::vector<Term>* answers) -> Task<> {
    self.send(server, Term::tuple_of(Atom("io_request"), self.pid(), 1, Atom("getopts")));
    const Term answer = co_await self.receive<Term>();
    answers->push_back(answer);
  };
  to_b_.full = true;
  std::vector<Term> there;
  b_->spawn(+ask, user, &there);
  settle();
  a_->spawn(+ask, user, &seen_);
  settle();
  ASSERT_EQ(seen_.size(), 1U);
  EXPECT_TRUE(seen_[0].is_tagged("io_reply", 3));
  EXPECT_EQ(there, seen_) << "and it was answered";
}

/// The answers of `server` to printing each of the texts.
Task<std::vector<Term>> print_all(Self self, Pid server, std::vector<std::string> texts) {
  std::vector<Term> answers;
  for (const std::string& text : texts) {
    self.send(server, Term::tuple_of(Atom("io_request"), self.pid(), 1,
                                     Term::tuple_of(Atom("put_chars"), Atom("unicode"), text)));
    const Term answer = co_await self.receive<Term>();
    answers.push_back(answer.elements()[2]);
  }
  co_return answers;
}

TEST(IoServerOutput, AnOutputThatThrowsIsLoggedAndTheServerLivesOn) {
  test::TestRuntime runtime(RuntimeConfig::deterministic);
  std::string printed;
  const auto output = std::make_shared<Output>();
  output->set([&](std::string_view text) {
    if (text == "bad") throw std::runtime_error("no paper");
    printed += text;
  });
  const Pid user = runtime->spawn(&io_server, output);
  const auto answers = runtime.run(&print_all, user, std::vector<std::string>{"a", "bad", "b"});
  ASSERT_TRUE(answers) << answers.error().message();
  EXPECT_EQ(*answers,
            (std::vector<Term>{Atom("ok"), Term::tuple_of(Atom("error"), Atom("put_chars")), Atom("ok")}));
  EXPECT_EQ(printed, "ab");
  EXPECT_TRUE(runtime.log().contain("no paper"));
}

TEST(IoServerOutput, LivesAsLongAsAJobThatWasAbandonedUsesIt) {
  // The runtime stays behind with the job's thread; all of these outlive the test.
  static auto* const runtime = new test::TestRuntime(1);
  static auto* const writing = new std::latch(1);
  static auto* const release = new std::latch(1);
  auto output = std::make_shared<Output>();
  output->set([](std::string_view) {
    writing->count_down();
    release->wait();
  });
  const std::weak_ptr<Output> used = output;
  const Pid user = (*runtime)->spawn(&io_server, output);
  (*runtime)->spawn(
      [](Self self, Pid server) -> Task<> {
        const std::vector<std::string> texts(1, "stuck");
        (void)co_await print_all(self, server, texts);
      },
      user);
  writing->wait();
  EXPECT_FALSE((*runtime)->stop(500ms));
  output.reset();
  EXPECT_FALSE(used.expired()) << "the job still writes to it";
  release->count_down();
  while (!used.expired()) std::this_thread::yield();
}

}  // namespace
}  // namespace barrel::node
