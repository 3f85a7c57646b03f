// Terms of every type, to a node of the other kind and back.

#include <gmock/gmock.h>

#include "erlang/desk.hpp"
#include "erlang/echo.hpp"
#include "erlang/erlang_test.hpp"
#include "term/random_term.hpp"

namespace barrel::test {
namespace {

Task<int> send_terms(Self self, NodeLocalName server, int count) {
  Random random(20'260'101);
  int echoed = 0;
  while (echoed < count) {
    std::vector<Term> terms(200);
    for (Term& term : terms) term = random_term(random);
    const Desk::Echo request{Term::list(terms)};
    const auto answer = co_await self.call(server, request, 20s);
    if (!answer) {
      ADD_FAILURE() << answer.error().message();
      break;
    }
    const auto back = answer->elements();
    EXPECT_EQ(back.size(), terms.size());
    for (std::size_t i = 0; i < std::min(back.size(), terms.size()); ++i) {
      if (back[i] != terms[i])
        ADD_FAILURE() << to_string(terms[i]) << "\n came back as\n" << to_string(back[i]);
      else ++echoed;
    }
    if (testing::Test::HasFailure()) break;
  }
  co_return echoed;
}

class Echo : public ErlangTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(node_);
    node_->functions().expose("test", "echo", echo_numbered);
  }

  std::unique_ptr<Node> node_ = start_tcp("b");
  Beam beam_{epmd_, "e"};
};

TEST_F(Echo, ABarrelNodeSendsBackWhatErlangHas) {
  beam_.load("random_terms.erl");
  EXPECT_EQ(beam_.text("random_terms:echo(spawn('b@127.0.0.1', test, echo, []), 1, 100000, 250)", 90s),
            "100000");
}

TEST_F(Echo, MessagesOfAllSizesKeepTheOrderOfTheirSenders) {
  beam_.load("sizes.erl");
  EXPECT_EQ(beam_.text("sizes:echo('b@127.0.0.1', 8, 100)", 60s), "[normal]");
}

TEST_F(Echo, ErlangSendsBackWhatABarrelNodeHas) {
  beam_.load("beam_server.erl");
  beam_.eval("{ok, _} = gen_server:start({local, echo}, beam_server, 0, [])");
  EXPECT_EQ(node_->run(&send_terms, NodeLocalName{"echo", name_of(beam_)}, 20'000), 20'000);
}

}  // namespace
}  // namespace barrel::test
