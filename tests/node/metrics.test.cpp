// What the metrics of a node say while something waits, and of what seldom happens.

#include <netinet/in.h>
#include <sys/socket.h>

#include "loop/file_descriptor.hpp"
#include "services/liveness_messages.hpp"
#include "services/route.hpp"
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
  /// `type`: SOCK_DGRAM, or SOCK_STREAM, where connections are refused.
  explicit SilentPort(int type = SOCK_DGRAM) : fd_(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
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

/// Registers a name with a kilobyte of metadata, for as long as it waits.
Task<> hold_large_name(Self self) {
  const Metadata meta{{"text", std::string(1'000, 'x')}};
  auto registered = self.node().registry().register_service(self, Atom("large"), meta);
  if (!registered) exit(registered.error().reason);
  (void)co_await self.receive<Go>();
}

TEST_F(NodeMetrics, NamesHaveBytesAndLeaveATombstone) {
  const auto a = start("a");
  ASSERT_TRUE(a);
  const Pid holder = a->spawn(&hold_large_name);
  EXPECT_TRUE(eventually([&] { return a->metrics()["registry.keys"] == 1; }));
  EXPECT_GE(a->metrics()["registry.bytes"], 1'000U);
  EXPECT_EQ(a->metrics()["registry.tombstones"], 0U);
  EXPECT_TRUE(a->send(holder, Go{}));
  EXPECT_TRUE(eventually([&] { return a->metrics()["registry.tombstones"] == 1; }));
  EXPECT_EQ(a->metrics()["registry.keys"], 1U);
  EXPECT_LT(a->metrics()["registry.bytes"], 1'000U);
}

/// Asks `to` for a name that nobody has, as a lookup that has passed `nodes` nodes.
Task<Term> ask_router(Self self, NodeName to, int nodes) {
  RouteQuery query;
  query.name = Atom("nobody");
  query.origin = self.node().name();
  for (int i = 0; i < nodes; ++i) query.visited.push_back(("n" + std::to_string(i) + "@h").c_str());
  query.caller = self.pid();
  query.ref = self.make_ref();
  self.send(NodeLocalName{"barrel_p2p_router", to}, to_term(query));
  const Term answer = co_await self.receive<Term>();
  co_return answer.elements()[1];
}

TEST_F(NodeMetrics, ALookupThatWouldAskTooManyNodesEnds) {
  const auto a = start("a");
  const auto b = start("b");
  ASSERT_TRUE(a && b);
  const int room =
      RouteQuery::visited_max - 3;  // the caller, who began and the node that is asked come to it
  for (const int passed : {room, room + 1}) {
    EXPECT_EQ(b->run(&ask_router, a->name(), passed), route_error("not_found"));
    EXPECT_EQ(a->metrics()["overlay.lookups_too_long"], passed > room ? 1U : 0U);
  }
}

/// Has `to` compare what it knows of all nodes, more often than it answers.
Task<> compare_again_and_again(Self self, NodeName to) {
  const NodeName name = self.node().name();
  liveness::Claims known;
  for (std::uint64_t i = 0; i < 9'000; ++i) {
    const NodeName node(("n" + std::to_string(i) + "@h").c_str());
    known.claims.push_back({liveness::Verdict::alive, node, 1, i + 1});
  }
  self.send(NodeLocalName{"barrel_liveness", to}, liveness::encode(name, known));
  const Term digest = liveness::encode(name, liveness::Digest{1, false});
  for (;;) {
    self.send(NodeLocalName{"barrel_liveness", to}, digest);
    co_await self.sleep(2ms);
  }
}

TEST_F(NodeMetrics, AnAnswerWhoseAskerHasGoneIsNotSent) {
  const auto a = start("a");
  ASSERT_TRUE(a);
  const auto unsent = [&] { return a->metrics()["overlay.sends_unlinked"]; };
  // The last question may be answered while its asker still says goodbye; then it asks again.
  for (int i = 0; i < 30 && unsent() == 0; ++i) {
    const std::uint64_t before = a->metrics()["liveness.answers_put_off"];
    auto b = start("b");
    ASSERT_TRUE(b);
    b->spawn(&compare_again_and_again, a->name());
    EXPECT_TRUE(eventually([&] { return a->metrics()["liveness.answers_put_off"] > before + 10; }));
    b.reset();
    (void)eventually([&] { return unsent() > 0; }, 300ms);
  }
  EXPECT_GT(unsent(), 0U);
}

TEST_F(NodeMetrics, RegistrationWithAnEpmdThatIsNotThereIsTriedAgain) {
  const SilentPort silent(SOCK_STREAM);
  NodeConfig registering = config("a");
  registering.tcp.enabled = true;
  registering.tcp.address = "127.0.0.1";
  registering.tcp.epmd_port = silent.port();
  const auto a = start(std::move(registering));
  ASSERT_TRUE(a);
  EXPECT_EQ(a->metrics()["tcp.epmd_retries"], 0U);
  EXPECT_TRUE(eventually([&] { return a->metrics()["tcp.epmd_retries"] > 0; }, 10s));
}

}  // namespace
}  // namespace barrel::test
