// Nodes that go away, come back, or should not be let in.

#include <atomic>
#include <vector>

#include "barrel/otp/gen_server.hpp"
#include "test_nodes.hpp"

namespace barrel::test {
namespace {

struct Stop {
  static constexpr std::string_view tag = "stop";
};
struct Watched {
  static constexpr std::string_view tag = "watched";
};

/// Says when the message has come that watch() sends after its monitor: then the monitor has, too.
Task<> idle(Self self, std::atomic<bool>* is_watched) {
  (void)co_await self.receive<Watched>();
  *is_watched = true;
  (void)co_await self.receive<Stop>();
}

Task<Term> watch(Self self, Pid target) {
  const auto monitor = self.monitor(target);
  self.send(target, Watched{});
  auto down = co_await self.receive<Down>(20s);
  if (std::holds_alternative<Timeout>(down)) co_return Atom("timeout");
  auto more = co_await self.receive<Down>(100ms);
  if (std::holds_alternative<Down>(more)) co_return Atom("fired_twice");
  co_return std::get<Down>(down).reason;
}

class Failures : public TestNodes {
 protected:
  /// Why `target` ended, as a process of `node` that monitors it is told.
  static std::string reason_of(Node& node, Pid target) {
    const auto reason = node.run(&watch, target);
    return reason ? to_string(*reason) : reason.error().message();
  }

  std::atomic<bool> watched{false};
};

TEST_F(Failures, AMonitorFiresWhenTheNodeShutsDown) {
  const auto a = start("a");
  auto b = start("b");
  ASSERT_TRUE(a && b);
  const Pid target = b->spawn(&idle, &watched);
  std::thread stopper([&] {
    EXPECT_TRUE(eventually([&] { return watched.load(); }));
    EXPECT_TRUE(b->shutdown());
  });
  EXPECT_EQ(reason_of(*a, target), "shutdown") << "the process is stopped in order before its node goes";
  stopper.join();
  EXPECT_TRUE(eventually([&] { return a->nodes().empty(); }));
}

/// Traps exits, and tells whether it terminates with shutdown.
class Trapping {
 public:
  using Infos = barrel::Messages<Exit>;
  Trapping(Self self, std::atomic<bool>* told) : told_(told) { self.trap_exits(true); }
  void handle_info(const Exit&) {}
  void terminate(const Term& reason) { *told_ = reason.is_atom("shutdown"); }

 private:
  std::atomic<bool>* told_;
};

TEST_F(Failures, AServerOfMainThatTrapsExitsTerminatesWhenTheNodeShutsDown) {
  const auto a = start("a");
  ASSERT_TRUE(a);
  std::atomic<bool> told{false};
  ASSERT_TRUE(a->start_server<Trapping>(&told));
  EXPECT_TRUE(a->shutdown());
  EXPECT_TRUE(told);
}

/// How often it is told that the node is up, until it is told that it is down.
Task<int> count_ups(Self self, NodeName node, std::atomic<bool>* watching) {
  self.monitor_node(node);
  *watching = true;
  for (int ups = 0;; ++ups) {
    const auto event = co_await self.receive<NodeUp, NodeDown>();
    if (std::holds_alternative<NodeDown>(event)) co_return ups;
  }
}

/// Begins to watch anew all the time while the connection comes up; how often.
Task<int> watch_again_and_again(Self self, NodeName node) {
  int times = 0;
  for (; self.node().nodes().empty(); ++times) {
    self.monitor_node(node);
    self.monitor_node(node, false);
    co_await self.yield();
  }
  co_return times;
}

TEST_F(Failures, AWatcherIsToldOnceOfAConnectionHoweverManyBeginToWatch) {
  // Where the connection is there before the others begin, nothing was tested.
  for (int attempt = 0; attempt < 20; ++attempt) {
    const auto a = start("a" + std::to_string(attempt));
    const auto b = start("b" + std::to_string(attempt));
    ASSERT_TRUE(a && b);
    std::atomic<bool> watching{false};
    Result<int> ups(0);
    std::thread watcher([&] { ups = a->run(&count_ups, b->name(), &watching); });
    EXPECT_TRUE(eventually([&] { return watching.load(); }));
    const auto times = a->run(&watch_again_and_again, b->name());
    EXPECT_TRUE(b->shutdown());
    watcher.join();
    EXPECT_EQ(ups, Result<int>(1));
    ASSERT_TRUE(times) << times.error().message();
    if (*times > 0) return;
  }
  ADD_FAILURE() << "the connection was always there before anybody else began to watch";
}

TEST_F(Failures, ARestartedNodeIsReachedAgainAndOldPidsAreDead) {
  const auto a = start("a");
  auto b = start("b");
  ASSERT_TRUE(a && b);
  const Pid old = b->spawn(&idle, &watched);
  EXPECT_TRUE(a->run(
      +[](Self self, Pid to) -> Task<> {
        self.send(to, 1);
        co_return;
      },
      old));
  ASSERT_TRUE(eventually([&] { return a->nodes().size() == 1; }));
  b.reset();
  b = start("b");
  ASSERT_TRUE(b);
  EXPECT_EQ(reason_of(*a, old), "noproc");
  const Pid fresh = b->spawn(&idle, &watched);
  EXPECT_NE(fresh, old);
  std::thread stopper([&] {
    EXPECT_TRUE(eventually([&] { return watched.load(); }));
    b->runtime().exit(fresh, Atom("enough"));
  });
  EXPECT_EQ(reason_of(*a, fresh), "enough");
  stopper.join();
}

TEST_F(Failures, AnotherCookieIsRefusedAndPinsNothing) {
  const auto a = start("a");
  auto other = config("b");
  other.cookie = "something_else";
  const auto b = start(other);
  ASSERT_TRUE(a && b);
  const Pid target = b->spawn(&idle, &watched);
  EXPECT_EQ(reason_of(*a, target), "noconnection");
  EXPECT_TRUE(a->nodes().empty());
  EXPECT_FALSE(std::filesystem::exists(a->config().key_dir() / "trusted" / "b@127.0.0.1.pub"));
  EXPECT_FALSE(std::filesystem::exists(b->config().key_dir() / "trusted" / "a@127.0.0.1.pub"));
}

TEST_F(Failures, ANodeWithAnotherKeyIsRefused) {
  const auto a = start("a");
  auto b = start("b");
  ASSERT_TRUE(a && b);
  const Pid first = b->spawn(&idle, &watched);
  EXPECT_TRUE(a->run(
      +[](Self self, Pid to) -> Task<> {
        self.send(to, 1);
        co_return;
      },
      first));
  ASSERT_TRUE(eventually([&] { return a->nodes().size() == 1; }));
  const auto key_dir = b->config().key_dir();
  b.reset();
  std::filesystem::remove(key_dir / "node.key");
  std::filesystem::remove(key_dir / "node.pub");
  b = start("b");
  ASSERT_TRUE(b);
  const Pid second = b->spawn(&idle, &watched);
  EXPECT_EQ(reason_of(*a, second), "noconnection");
  EXPECT_TRUE(a->nodes().empty());
}

TEST_F(Failures, AnIdleConnectionIsClosedAndOneInUseIsNot) {
  auto settings = config("a");
  settings.channel.gc_sweep_period = 50ms;
  settings.channel.gc_min_age = 100ms;
  const auto a = start(settings);
  const auto b = start("b");
  const auto c = start("c");
  ASSERT_TRUE(a && b && c);
  const auto say = +[](Self self, Pid to) -> Task<> {
    self.send(to, 1);
    co_return;
  };
  const Pid in_use = b->spawn(&idle, &watched);
  const Pid idle_one = c->spawn(&idle, &watched);
  std::thread watch_thread([&] { EXPECT_EQ(reason_of(*a, in_use), "enough"); });
  EXPECT_TRUE(eventually([&] { return watched.load(); }));
  EXPECT_TRUE(a->run(say, idle_one));
  EXPECT_TRUE(eventually([&] { return a->metrics().at("barrel_p2p.dist_gc.reap") == 1; }));
  EXPECT_TRUE(eventually([&] { return a->nodes() == std::vector{b->name()}; })) << "a monitor keeps it";
  b->runtime().exit(in_use, Atom("enough"));
  watch_thread.join();
}

Task<> say_to_nobody(Self self) {
  for (int i = 0; i < 500; ++i) {
    const NodeName nowhere(Atom("nowhere" + std::to_string(i) + "@127.0.0.1"));
    self.send(NodeLocalName{"somebody", nowhere}, i);
  }
  co_return;
}

TEST_F(Failures, NodesThatAreGoneAreForgottenAndFoundAgainWhenTheyAreBack) {
  auto settings = config("a");
  settings.channel.gc_sweep_period = 50ms;
  const auto a = start(settings);
  auto b = start("b");
  ASSERT_TRUE(a && b);
  const Pid first = b->spawn(&idle, &watched);
  std::thread watch_thread([&] { EXPECT_EQ(reason_of(*a, first), "shutdown"); });
  EXPECT_TRUE(eventually([&] { return watched.load(); }));
  EXPECT_TRUE(a->run(&say_to_nobody));
  EXPECT_TRUE(b->shutdown());
  watch_thread.join();
  b.reset();
  EXPECT_TRUE(eventually([&] { return a->metrics().at("node.channels") == 0; }, 20s))
      << a->metrics().at("node.channels");
  EXPECT_EQ(a->metrics().at("node.channels_freed"), 501U);
  b = start("b");
  ASSERT_TRUE(b);
  watched = false;
  const Pid second = b->spawn(&idle, &watched);
  watch_thread = std::thread([&] { EXPECT_EQ(reason_of(*a, second), "enough"); });
  EXPECT_TRUE(eventually([&] { return watched.load(); }));
  b->runtime().exit(second, Atom("enough"));
  watch_thread.join();
}

/// Keeps its scheduler thread until it is told to go on.
Task<> hold_thread(Self /*self*/, std::atomic<bool>* is_holding, std::atomic<bool>* go_on) {
  *is_holding = true;
  go_on->wait(false);
  co_return;
}

Task<> flood_rex(Self self, NodeName node) {
  for (int i = 0; i < 20'000; ++i) self.send(NodeLocalName{"rex", node}, 1);
  co_return;
}

TEST_F(Failures, TinyMessagesThatRexDoesNotComeToCountByWhatIsKeptOfThem) {
  auto settings = config("a");
  settings.processes.schedulers = 1;
  settings.channel.unread_bytes_max = std::size_t{1} << 20;
  std::atomic<bool> is_holding{false};  // they outlive the process that uses them
  std::atomic<bool> go_on{false};
  const auto a = start(settings);
  const auto b = start("b");
  ASSERT_TRUE(a && b);
  a->spawn(&hold_thread, &is_holding, &go_on);
  EXPECT_TRUE(eventually([&] { return is_holding.load(); }));
  EXPECT_TRUE(b->run(&flood_rex, a->name()));
  EXPECT_TRUE(eventually([&] { return a->metrics().at("node.unread_bytes_limit") >= 1; }, 20s));
  go_on = true;
  go_on.notify_one();
}

TEST_F(Failures, ThePortOfAnotherIsAnErrorThatSaysSo) {
  const auto a = start("a");
  ASSERT_TRUE(a);
  auto taken = config("b");
  taken.listen.port = a->port();
  const auto b = Node::start(taken);
  ASSERT_FALSE(b);
  EXPECT_EQ(b.error().code, Errc::io);
  EXPECT_NE(b.error().message().find(std::to_string(a->port())), std::string::npos) << b.error().message();
  EXPECT_NE(b.error().message().find("listen_port"), std::string::npos) << b.error().message();
}

TEST_F(Failures, AnAddressOfAnotherFamilyIsNoneThatIsWaitedFor) {
  const auto b = start("b");
  ASSERT_TRUE(b);
  auto four = config("a");  // listens at 127.0.0.1
  four.discovery.static_nodes["b@127.0.0.1"] = {"::1", b->port()};
  const auto a = start(four);
  ASSERT_TRUE(a);
  const auto answer = a->call<Term>(NodeLocalName{"nobody", b->name()}, Term(Atom("hello")));
  EXPECT_EQ(answer.error().code, Errc::no_connection) << answer.error().message();
  EXPECT_EQ(b->metrics().at("quic.connections_accepted"), 0U);
}

TEST_F(Failures, WhatIsAskedOfANodeAfterItsShutdownIsClosed) {
  const auto a = start("a");
  ASSERT_TRUE(a);
  ASSERT_TRUE(a->shutdown());
  const auto body = [](Self) -> Task<int> { co_return 1; };
  EXPECT_EQ(a->run(body).error().code, Errc::closed);
  EXPECT_EQ(a->call<Term>(local("nobody"), Term(1)).error().code, Errc::closed);
}

}  // namespace
}  // namespace barrel::test
