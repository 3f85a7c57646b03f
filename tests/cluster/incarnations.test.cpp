#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "barrel/node/node.hpp"
#include "cluster/cluster_test.hpp"

namespace barrel::test {
namespace {

/// The chat's own request and name, as any other program would write them.
struct Members {
  static constexpr std::string_view tag = "members";
  using Reply = std::vector<Pid>;
};
struct ChatRoom {
  static constexpr std::string_view tag = "chat_room";
  Atom room;
};

class Incarnations : public ClusterTest {
 protected:
  /// A node inside this test, which can hold pids and call them.
  std::unique_ptr<Node> start_here(const std::string& name, const char* contact) {
    NodeConfig config;
    config.name = NodeName((name + "@127.0.0.1").c_str());
    config.data_dir = data_of(name);
    config.discovery.directory = directory_.path() / "discovery";
    config.membership.contact_nodes = {NodeName(contact)};
    config.processes.schedulers = 1;
    config.log.level = LogLevel::warning;
    auto node = Node::start(config);
    EXPECT_TRUE(node) << node.error().message();
    return node ? std::move(*node) : nullptr;
  }

  static Task<Result<Pid>> find(Self self, Atom room, Pid other_than) {
    for (int attempt = 0; attempt < 200; ++attempt) {
      const auto pid = co_await self.node().registry().whereis(self, ChatRoom{room}, {.retries = 1});
      if (pid && *pid != other_than) co_return pid;
      co_await self.sleep(std::chrono::milliseconds(50));
    }
    co_return Error(Errc::not_found);
  }
};

TEST_F(Incarnations, OldPidsAreDeadAndNewOnesWork) {
  start("host");
  ASSERT_EQ(node("host").ask("create_room lobby"), "create_room lobby: ok");
  const auto here = start_here("here", "host@127.0.0.1");
  ASSERT_TRUE(here);
  const auto old_pid = here->run(&Incarnations::find, Atom("lobby"), Pid{});
  ASSERT_TRUE(old_pid);
  ASSERT_TRUE(here->call(*old_pid, Members{}));

  start("host");
  ASSERT_EQ(node("host").ask("create_room lobby"), "create_room lobby: ok");
  const auto new_pid = here->run(&Incarnations::find, Atom("lobby"), *old_pid);
  ASSERT_TRUE(new_pid);
  EXPECT_NE(new_pid->creation, old_pid->creation);
  EXPECT_TRUE(here->call(*new_pid, Members{}));
  const auto to_old = here->call(*old_pid, Members{});
  ASSERT_FALSE(to_old);
  EXPECT_EQ(to_old.error().code, Errc::no_process) << to_old.error().message();
}

}  // namespace
}  // namespace barrel::test
