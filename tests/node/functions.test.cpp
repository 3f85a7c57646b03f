// Functions that one node exposes and another calls, and printing, between two nodes over QUIC.

#include <mutex>

#include "test_nodes.hpp"

namespace barrel::test {
namespace {

int twice(int number) {
  return 2 * number;
}
Task<Result<void>> prints(Self self, std::string text) {
  co_return co_await self.print(text);
}
Task<> sleeps(Self self) {
  co_await self.sleep(1h);
}

class NodeFunctions : public TestNodes {};

TEST_F(NodeFunctions, ACallDialsAndGivesTheResult) {
  const auto a = start("a");
  const auto b = start("b");
  ASSERT_TRUE(a && b);
  b->functions().expose("math", "twice", twice);
  const auto four = a->run(
      +[](Self self, NodeName to) -> Task<Result<int>> {
        co_return co_await self.rpc<int>(to, "math", "twice", 2);
      },
      b->name());
  ASSERT_TRUE(four) << four.error().message();
  EXPECT_EQ(*four, 4);
  const auto none = a->run(
      +[](Self self, NodeName to) -> Task<Result<int>> {
        co_return co_await self.rpc<int>(to, "math", "thrice", 2);
      },
      b->name());
  EXPECT_EQ(none.error().code, Errc::not_found);
}

TEST_F(NodeFunctions, WhatACalledFunctionPrintsComesOutAtTheCallersNode) {
  std::mutex mutex;
  std::string printed;
  const auto a = start("a");
  const auto b = start("b");
  ASSERT_TRUE(a && b);
  b->functions().expose("test", "prints", prints);
  a->set_output([&](std::string_view text) {
    const std::scoped_lock lock(mutex);
    printed += text;
  });
  const auto called = a->run(
      +[](Self self, NodeName to) -> Task<Result<void>> {
        auto mine = co_await self.print("one ");
        if (!mine) co_return mine;
        co_return co_await self.rpc<Result<void>>(to, "test", "prints", "two");
      },
      b->name());
  EXPECT_TRUE(called) << called.error().message();
  const std::scoped_lock lock(mutex);
  EXPECT_EQ(printed, "one two");
}

TEST_F(NodeFunctions, CallsToANodeThatIsGoneOrGoesEndWithNoConnection) {
  const auto a = start("a");
  auto b = start("b");
  ASSERT_TRUE(a && b);
  b->functions().expose("test", "sleeps", sleeps);
  const NodeName name = b->name();
  std::thread ends([&] {
    EXPECT_TRUE(eventually([&] { return b->metrics()["process.remote_spawns"] == 1; }));
    b.reset();
  });
  const auto call = +[](Self self, NodeName to) -> Task<Result<Term>> {
    co_return co_await self.rpc<Term>(to, 60s, "test", "sleeps");
  };
  const auto lost = a->run(call, name);
  ends.join();
  ASSERT_FALSE(lost);
  // The process is told to exit first, when the node shuts down in order.
  EXPECT_TRUE(lost.error().code == Errc::exited || lost.error().code == Errc::no_connection)
      << lost.error().message();
  const auto gone = a->run(call, name);
  EXPECT_EQ(gone.error().code, Errc::no_connection) << gone.error().message();
}

}  // namespace
}  // namespace barrel::test
