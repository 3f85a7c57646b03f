#include <signal.h>

#include <fstream>
#include <iterator>

#include "cluster/cluster_test.hpp"

namespace barrel::test {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Trust : public ClusterTest {
 protected:
  [[nodiscard]] fs::path pin(const std::string& holder, const std::string& peer) const {
    return data_of(holder) / "keys" / "trusted" / (peer + "@127.0.0.1.pub");
  }
  [[nodiscard]] fs::path public_key(const std::string& name) const {
    return data_of(name) / "keys" / "node.pub";
  }
};

TEST_F(Trust, KeysAreMadeOnFirstBootAndPinnedOnFirstUse) {
  start("seed");
  start("node1", "seed");
  ASSERT_TRUE(sees(node("seed"), "node1"));
  EXPECT_EQ(content(public_key("node1")).size(), 32U);
  EXPECT_EQ(content(pin("seed", "node1")), content(public_key("node1")));
  EXPECT_EQ(content(pin("node1", "seed")), content(public_key("seed")));
  for (const fs::path& secret :
       {data_of("seed") / "keys" / "node.key", data_of("seed") / "quic" / "node.key"}) {
    EXPECT_EQ(fs::status(secret).permissions(), fs::perms::owner_read | fs::perms::owner_write) << secret;
  }
  EXPECT_NE(content(data_of("seed") / "quic" / "node.crt"), content(data_of("node1") / "quic" / "node.crt"));
}

TEST_F(Trust, ANodeThatComesBackWithAnotherKeyIsRefused) {
  ChatNode& seed = start("seed");
  ASSERT_TRUE(sees(start("node2", "seed"), "seed"));
  ASSERT_TRUE(sees(seed, "node2"));
  node("node2").send("quit");
  ASSERT_EQ(node("node2").child().wait_exit(10s), 0);
  const std::string pinned_by_seed = content(pin("seed", "node2"));
  const std::string pinned_by_node2 = content(pin("node2", "seed"));
  fs::remove(data_of("node2") / "keys" / "node.key");
  fs::remove(public_key("node2"));

  const std::size_t before = seed.child().mark();
  ChatNode& impostor = start("node2", "seed");
  EXPECT_TRUE(seed.prints("delete trusted/node2@127.0.0.1.pub", 20s, before)) << "the seed says what to do";
  EXPECT_TRUE(impostor.prints("the peer refused us: it has another key pinned for node2@127.0.0.1"));
  EXPECT_NE(content(public_key("node2")), pinned_by_seed);
  EXPECT_EQ(content(pin("seed", "node2")), pinned_by_seed);
  EXPECT_EQ(content(pin("node2", "seed")), pinned_by_node2);
  EXPECT_EQ(seed.ask("nodes"), "nodes:");
  EXPECT_EQ(impostor.ask("nodes"), "nodes:");
}

TEST_F(Trust, StrictModeRefusesTheUnknownAndAcceptsTheProvisioned) {
  ChatNode& seed = start("seed", "", {"--auth-trust-mode=strict"});
  ChatNode& stranger = start("node1", "seed");
  EXPECT_TRUE(seed.prints("no key is pinned for node1@127.0.0.1 and auth_trust_mode is strict"));
  EXPECT_TRUE(stranger.prints("it runs in strict mode and does not know our key"));
  EXPECT_EQ(seed.ask("nodes"), "nodes:");
  EXPECT_FALSE(fs::exists(pin("seed", "node1")));
  stranger.send("quit");
  ASSERT_EQ(stranger.child().wait_exit(10s), 0);
  seed.send("quit");
  ASSERT_EQ(seed.child().wait_exit(10s), 0);

  fs::create_directories(pin("seed", "node1").parent_path());
  fs::copy_file(public_key("node1"), pin("seed", "node1"));
  start("seed", "", {"--auth-trust-mode=strict"});
  start("node1", "seed");
  EXPECT_TRUE(sees(node("seed"), "node1"));
}

}  // namespace
}  // namespace barrel::test
