// Nodes that go away, come back, or should not be let in.

#include <atomic>
#include <vector>

#include "test_nodes.hpp"

namespace barrel::test {
namespace {

struct Stop {
  static constexpr std::string_view tag = "stop";
};

Task<> idle(Self self) {
  (void)co_await self.receive<Stop>();
}

Task<Term> watch(Self self, Pid target, std::atomic<bool>* ready) {
  const auto monitor = self.monitor(target);
  *ready = true;
  auto down = co_await self.receive<Down>(20s);
  if (std::holds_alternative<Timeout>(down)) co_return Atom("timeout");
  auto more = co_await self.receive<Down>(100ms);
  if (std::holds_alternative<Down>(more)) co_return Atom("fired_twice");
  co_return std::get<Down>(down).reason;
}

class Failures : public TestNodes {};

TEST_F(Failures, AMonitorFiresWhenTheNodeShutsDown) {
  const auto a = start("a");
  auto b = start("b");
  ASSERT_TRUE(a && b);
  const Pid target = b->spawn(&idle);
  std::atomic<bool> watching{false};
  std::thread stopper([&] {
    EXPECT_TRUE(eventually([&] { return b->nodes().size() == 1; }));
    EXPECT_TRUE(b->shutdown());
  });
  const auto reason = a->run(&watch, target, &watching);
  stopper.join();
  ASSERT_TRUE(reason);
  // The process was stopped in order before its node went.
  EXPECT_EQ(*reason, Term(Atom("shutdown")));
  EXPECT_TRUE(eventually([&] { return a->nodes().empty(); }));
}

TEST_F(Failures, ARestartedNodeIsReachedAgainAndOldPidsAreDead) {
  const auto a = start("a");
  auto b = start("b");
  ASSERT_TRUE(a && b);
  const Pid old = b->spawn(&idle);
  std::atomic<bool> watching{false};
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
  EXPECT_EQ(a->run(&watch, old, &watching), Result<Term>(Atom("noproc")));
  const Pid fresh = b->spawn(&idle);
  watching = false;
  EXPECT_NE(fresh, old);
  std::thread stopper([&] {
    EXPECT_TRUE(eventually([&] { return watching.load(); }));
    b->runtime().exit(fresh, Atom("enough"));
  });
  EXPECT_EQ(a->run(&watch, fresh, &watching), Result<Term>(Atom("enough")));
  stopper.join();
}

TEST_F(Failures, AnotherCookieIsRefusedAndPinsNothing) {
  const auto a = start("a");
  auto other = config("b");
  other.cookie = "something_else";
  const auto b = start(other);
  ASSERT_TRUE(a && b);
  const Pid target = b->spawn(&idle);
  std::atomic<bool> watching{false};
  EXPECT_EQ(a->run(&watch, target, &watching), Result<Term>(Atom("noconnection")));
  EXPECT_TRUE(a->nodes().empty());
  EXPECT_FALSE(std::filesystem::exists(a->config().key_dir() / "trusted" / "b@127.0.0.1.pub"));
  EXPECT_FALSE(std::filesystem::exists(b->config().key_dir() / "trusted" / "a@127.0.0.1.pub"));
}

TEST_F(Failures, ANodeWithAnotherKeyIsRefused) {
  const auto a = start("a");
  auto b = start("b");
  ASSERT_TRUE(a && b);
  std::atomic<bool> watching{false};
  const Pid first = b->spawn(&idle);
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
  const Pid second = b->spawn(&idle);
  EXPECT_EQ(a->run(&watch, second, &watching), Result<Term>(Atom("noconnection")));
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
  const Pid in_use = b->spawn(&idle);
  const Pid idle_one = c->spawn(&idle);
  std::atomic<bool> watching{false};
  std::thread watch_thread(
      [&] { EXPECT_EQ(a->run(&watch, in_use, &watching), Result<Term>(Atom("enough"))); });
  EXPECT_TRUE(eventually([&] { return a->nodes() == std::vector{b->name()}; }));
  EXPECT_TRUE(a->run(say, idle_one));
  EXPECT_TRUE(eventually([&] { return a->metrics().at("barrel_p2p.dist_gc.reap") == 1; }));
  EXPECT_TRUE(eventually([&] { return a->nodes() == std::vector{b->name()}; })) << "a monitor keeps it";
  b->runtime().exit(in_use, Atom("enough"));
  watch_thread.join();
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
}

}  // namespace
}  // namespace barrel::test
