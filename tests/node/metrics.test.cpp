// What the gauges of a node say while something waits.

#include <netinet/in.h>
#include <sys/socket.h>

#include "loop/file_descriptor.hpp"
#include "test_nodes.hpp"

namespace barrel::test {
namespace {

struct Blob {
  static constexpr std::string_view tag = "blob";
  std::string text;
};
struct Go {
  static constexpr std::string_view tag = "go";
};

/// A port of 127.0.0.1 at which nobody says anything.
class SilentPort {
 public:
  SilentPort() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd_.get(), any, length) == 0 && ::getsockname(fd_.get(), any, &length) == 0)
      port_ = ntohs(address.sin_port);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  loop::FileDescriptor fd_;
  std::uint16_t port_ = 0;
};

class NodeMetrics : public TestNodes {};

TEST_F(NodeMetrics, WhatNobodyHasReceivedYetIsUnread) {
  const auto a = start("a");
  const auto b = start("b");
  ASSERT_TRUE(a && b);
  constexpr int count = 10;
  constexpr std::size_t size = 100'000;
  const Pid reader = b->spawn(+[](Self self) -> Task<> {
    auto registered = self.register_name("reader");
    if (!registered) exit(registered.error().reason);
    (void)co_await self.receive<Go>();
    for (int i = 0; i < count; ++i) (void)co_await self.receive<Blob>();
    (void)co_await self.receive<Go>();
  });
  ASSERT_TRUE(eventually([&] { return b->runtime().whereis("reader").has_value(); }));
  const Blob blob{std::string(size, 'x')};
  for (int i = 0; i < count; ++i) ASSERT_TRUE(a->send(NodeLocalName{"reader", b->name()}, blob));
  EXPECT_TRUE(eventually([&] { return b->metrics()["node.unread_bytes"] >= count * size; }));
  EXPECT_GE(b->metrics()["node.unread_bytes_most"], count * size);
  EXPECT_LT(b->metrics()["node.unread_bytes"], 2 * count * size);
  EXPECT_TRUE(b->send(reader, Go{}));
  EXPECT_TRUE(eventually([&] { return b->metrics()["node.unread_bytes"] == 0; }));
}

TEST_F(NodeMetrics, WhoWaitsForANodeThatDoesNotAnswerIsSeen) {
  const SilentPort silent;
  NodeConfig waiting = config("a");
  waiting.discovery.static_nodes["silent@127.0.0.1"] = {"127.0.0.1", silent.port()};
  waiting.channel.bytes_max = std::size_t{1} << 20;
  waiting.channel.dial_timeout = 2s;
  const auto a = start(std::move(waiting));
  ASSERT_TRUE(a);
  a->spawn(+[](Self self) -> Task<> {
    const Blob blob{std::string(2 << 20, 'x')};
    for (int i = 0; i < 2; ++i) self.send(NodeLocalName{"nobody", "silent@127.0.0.1"}, blob);
    (void)co_await self.receive<Go>();
  });
  EXPECT_TRUE(eventually([&] {
    auto metrics = a->metrics();
    return metrics["node.parked"] == 1 && metrics["node.addresses_tried"] == 1;
  }));
  EXPECT_EQ(a->metrics()["node.dialing"], 1U);
  EXPECT_TRUE(eventually([&] { return a->metrics()["node.dials_failed"] == 1; }, 10s));
  EXPECT_TRUE(eventually([&] { return a->metrics()["node.parked"] == 0; }));
  EXPECT_EQ(a->metrics()["node.dialing"], 0U);
}

TEST_F(NodeMetrics, EachFurtherLookIsARetry) {
  const auto a = start("a");
  ASSERT_TRUE(a);
  const auto found = a->run(+[](Self self) -> Task<Result<Pid>> {
    WhereisOptions options;
    options.retries = 2;
    options.first_pause = 1ms;
    co_return co_await self.node().registry().whereis(self, Atom("nobody"), options);
  });
  EXPECT_FALSE(found);
  EXPECT_EQ(a->metrics()["registry.whereis_retries"], 2U);
}

TEST_F(NodeMetrics, RunningSpawnsOfOthersAreThoseThatHaveNotEnded) {
  const auto a = start("a");
  const auto b = start("b");
  ASSERT_TRUE(a && b);
  b->functions().expose(
      "test", "waits", +[](Self self) -> Task<> {
        auto registered = self.register_name("waits");
        if (!registered) exit(registered.error().reason);
        (void)co_await self.receive<Go>();
      });
  std::thread ends([&] {
    EXPECT_TRUE(eventually([&] { return b->metrics()["process.remote_spawns_running"] == 1; }));
    EXPECT_TRUE(eventually([&] { return b->runtime().whereis("waits").has_value(); }));
    EXPECT_TRUE(b->send(NodeLocalName{"waits", b->name()}, Go{}));
  });
  const auto called = a->run(
      +[](Self self, NodeName to) -> Task<Result<void>> {
        co_return co_await self.rpc<Result<void>>(to, "test", "waits");
      },
      b->name());
  ends.join();
  EXPECT_TRUE(called) << called.error().message();
  EXPECT_TRUE(eventually([&] { return b->metrics()["process.remote_spawns_running"] == 0; }));
}

}  // namespace
}  // namespace barrel::test
