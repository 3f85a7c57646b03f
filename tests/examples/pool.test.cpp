#include <signal.h>

#include <set>
#include <string>

#include "example_test.hpp"

namespace barrel::test {
namespace {

using Loads = std::set<std::string>;

class PoolTest : public ExampleTest {
 protected:
  PoolTest() : ExampleTest(BARREL_POOL_PROGRAM) {}

  /// True when the client sees these loads ("w1@127.0.0.1=0") in time.
  [[nodiscard]] static bool has_loads(ChatNode& client, const Loads& wanted) {
    return client.eventually("loads", [&](const Loads& loads) { return loads == wanted; });
  }
  static std::string load(const std::string& worker, int jobs) {
    return worker + "@127.0.0.1=" + std::to_string(jobs);
  }
};

// Far longer than any test.
const std::string long_job = "600000 ";

TEST_F(PoolTest, TheLeastLoadedWorkerIsChosen) {
  start("worker", "w1");
  start("worker", "w2", "w1");
  ChatNode& client = start("client", "client", "w1");
  ASSERT_TRUE(has_loads(client, {load("w1", 0), load("w2", 0)}));

  client.send(long_job + "first");
  ASSERT_TRUE(client.eventually("loads", [](const Loads& loads) {
    return loads == Loads{load("w1", 1), load("w2", 0)} || loads == Loads{load("w1", 0), load("w2", 1)};
  }));
  // Each load stays until the next job: what is seen is never that of before.
  client.send(long_job + "second");
  ASSERT_TRUE(has_loads(client, {load("w1", 1), load("w2", 1)}));
  start("worker", "w3", "w1");
  ASSERT_TRUE(has_loads(client, {load("w1", 1), load("w2", 1), load("w3", 0)}));
  client.send(long_job + "third");
  EXPECT_TRUE(has_loads(client, {load("w1", 1), load("w2", 1), load("w3", 1)}));
}

TEST_F(PoolTest, TheOthersGoOnWhenAWorkerIsKilled) {
  ChatNode& client = start("client", "client");
  start("worker", "w1", "client");
  ASSERT_TRUE(has_loads(client, {load("w1", 0)}));
  client.send("5000 job");
  ASSERT_TRUE(has_loads(client, {load("w1", 1)}));
  start("worker", "w2", "client");
  ASSERT_TRUE(has_loads(client, {load("w1", 1), load("w2", 0)}));

  node("w1").child().signal(SIGKILL);
  EXPECT_TRUE(client.prints("job: done by w2@127.0.0.1", 40s));
  EXPECT_TRUE(has_loads(client, {load("w2", 0)}));
  client.send("0 next");
  EXPECT_TRUE(client.prints("next: done by w2@127.0.0.1"));
}

TEST_F(PoolTest, AnEmptyPoolSaysSoAndFillsLater) {
  ChatNode& client = start("client", "client");
  client.send("0 early");
  EXPECT_TRUE(client.prints("early: not_found"));
  start("worker", "w1", "client");
  ASSERT_TRUE(has_loads(client, {load("w1", 0)}));
  client.send("0 late");
  EXPECT_TRUE(client.prints("late: done by w1@127.0.0.1"));
}

TEST_F(PoolTest, EventsTellWhoComesAndGoes) {
  ChatNode& watcher = start("watch", "watcher");
  ChatNode& w1 = start("worker", "w1", "watcher");
  EXPECT_TRUE(watcher.prints("peer w1@127.0.0.1 up"));
  EXPECT_TRUE(watcher.prints("worker w1@127.0.0.1 is there"));
  start("worker", "w2", "watcher");
  EXPECT_TRUE(watcher.prints("worker w2@127.0.0.1 is there"));

  node("w2").child().signal(SIGKILL);
  EXPECT_TRUE(watcher.prints("worker w2@127.0.0.1 noconnection"));
  EXPECT_TRUE(watcher.prints("peer w2@127.0.0.1 nodedown"));
  w1.child().close_input();
  EXPECT_TRUE(watcher.prints("worker w1@127.0.0.1 has left"));
  EXPECT_EQ(w1.child().wait_exit(10s), 0);
}

}  // namespace
}  // namespace barrel::test
