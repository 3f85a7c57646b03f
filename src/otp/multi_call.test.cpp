#include "barrel/otp/multi_call.hpp"

#include <gtest/gtest.h>

#include "barrel/otp/gen_server.hpp"
#include "process/test_runtime.hpp"

namespace barrel {
namespace {

using test::TestRuntime;

struct Double {
  static constexpr std::string_view tag = "double";
  int number = 0;
  using Reply = int;
};
struct Doubler {
  using Calls = Messages<Double>;
  explicit Doubler(Self self) { (void)self.register_name("doubler"); }
  int handle_call(const Double& request) { return 2 * request.number; }
};

TEST(MultiCall, GivesEachNodesAnswerOrItsError) {
  TestRuntime node(RuntimeConfig::deterministic, "a@127.0.0.1");
  const auto ok = node.run([](Self self) -> Task<bool> {
    const auto server = co_await self.start_link<Doubler>();
    EXPECT_TRUE(server);
    const std::vector<NodeName> nodes{"a@127.0.0.1", "b@127.0.0.1"};
    const auto answers = co_await multi_call(self, nodes, Atom("doubler"), Double{21});
    EXPECT_EQ(answers.size(), 2U);
    EXPECT_EQ(answers.at(0).first, "a@127.0.0.1");
    EXPECT_EQ(answers.at(0).second.value_or(0), 42);
    EXPECT_EQ(answers.at(1).first, "b@127.0.0.1");
    EXPECT_EQ(answers.at(1).second.error().code, Errc::no_connection);
    co_return true;
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace barrel
