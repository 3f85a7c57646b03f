#include <atomic>

#include "process/test_runtime.hpp"

namespace barrel {
namespace {

using namespace std::chrono_literals;
using test::TestRuntime;

/// A channel that is full, and stays so.
class FullChannel final : public RemoteRouter {
 public:
  SendOutcome send(const Pid&, const RemoteTarget&, const EncodablePayload&, SendMode mode) override {
    return mode == SendMode::refuse ? SendOutcome::busy : SendOutcome::sent_busy;
  }
  void signal(const RemoteSignal&) override {}
  void when_drained(NodeName node, const Pid&) override {
    ++waiting;
    asked = node;
  }
  bool watch_node(NodeName) override { return true; }

  std::atomic<int> waiting{0};
  NodeName asked;
};

TEST(RemoteFullChannels, WhoIsParkedForOneNodeStillWaitsForTheOther) {
  FullChannel channel;
  TestRuntime runtime(RuntimeConfig::deterministic);
  runtime->set_router(channel);
  bool drained = false;
  const Pid waiter = runtime->spawn(
      [](Self self, bool* done) -> Task<> {
        self.send(Pid{Atom("b@127.0.0.1"), 1, 1, 1}, 1);
        (void)co_await self.drained("c@127.0.0.1");
        *done = true;
      },
      &drained);
  runtime->run_until_idle();
  EXPECT_EQ(channel.asked, NodeName("b@127.0.0.1"));
  runtime->drained(waiter, "b@127.0.0.1");
  runtime->run_until_idle();
  EXPECT_EQ(channel.asked, NodeName("c@127.0.0.1"));
  EXPECT_FALSE(drained);
  runtime->drained(waiter, "c@127.0.0.1");
  runtime->run_until_idle();
  EXPECT_TRUE(drained);
}

TEST(RemoteFromThreads, AMessageToAFullChannelIsGivenUpAfterItsTimeLimit) {
  FullChannel channel;
  TestRuntime runtime(1);
  runtime->set_router(channel);
  const auto sent = runtime->send(Pid{Atom("b@127.0.0.1"), 1, 1, 1}, 1, 20ms);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Errc::timeout);
  EXPECT_EQ(channel.waiting, 1);
  (void)runtime->stop(1s);
}

}  // namespace
}  // namespace barrel
