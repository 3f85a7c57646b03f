// Who is let in: cookies and keys, with either kind of node at either end.

#include "original/original_test.hpp"

namespace barrel::test {
namespace {

using testing::Contains;
using testing::Not;

class TrustOfOriginals : public OriginalTest {
 protected:
  static std::string quoted(const Node& node) { return "'" + std::string(node.name().text()) + "'"; }
  /// The counters of why authentications and handshakes of a node failed, as text.
  static std::string refusals(const Node& node) {
    std::string text;
    for (const auto& [name, value] : node.metrics()) {
      if (value > 0 && (name.find("fail") != std::string::npos))
        text += name + " " + std::to_string(value) + "\n";
    }
    return text;
  }
  static bool counts(const Node& node, const std::string& name, std::chrono::milliseconds limit = 15s) {
    return eventually([&] { return node.metrics()[name] > 0; }, limit);
  }
};

TEST_F(TrustOfOriginals, ABarrelNodeWithAnotherCookieIsRefused) {
  NEEDS_ORIGINALS(1);
  NodeConfig settings = barrel_config("b", {original().name()});
  settings.cookie = "another";
  const auto node = start(settings);
  ASSERT_TRUE(node);
  EXPECT_TRUE(counts(*node, "node.dials_failed", 20s)) << refusals(*node);
  EXPECT_THAT(node->nodes(), Not(Contains(original().name())));
  EXPECT_EQ(original().text("lists:member(" + quoted(*node) + ", nodes())"), "false");
  std::cout << refusals(*node);
}

TEST_F(TrustOfOriginals, AnOriginalNodeWithAnotherCookieIsRefused) {
  NEEDS_ORIGINALS(1);
  const auto node = start_barrel("b");
  ASSERT_TRUE(node);
  (void)original().eval("erlang:set_cookie(" + quoted(*node) + ", another)");
  (void)original().eval("spawn(fun() -> net_kernel:connect_node(" + quoted(*node) + ") end)");
  EXPECT_TRUE(counts(*node, "dist.handshake_failed.wrong_cookie")) << refusals(*node);
  EXPECT_TRUE(node->nodes().empty());
}

TEST_F(TrustOfOriginals, ABarrelNodeThatComesWithAnotherKeyIsRefused) {
  NEEDS_ORIGINALS(1);
  const NodeConfig settings = barrel_config("b", {original().name()});
  {
    const auto node = start(settings);
    ASSERT_TRUE(node);
    ASSERT_TRUE(original().is_neighbour_of(*node));
  }
  NodeConfig other = settings;
  other.data_dir += "other";
  const auto impostor = start(other);
  ASSERT_TRUE(impostor);
  EXPECT_TRUE(counts(*impostor, "barrel_p2p.dist.auth.attempts{role=outgoing,outcome=fail}"))
      << refusals(*impostor);
  std::cout << refusals(*impostor);
  // And when the original dials.
  EXPECT_EQ(original().text("net_adm:ping(" + quoted(*impostor) + ")"), "pang");
  EXPECT_TRUE(impostor->nodes().empty());
}

TEST_F(TrustOfOriginals, AnOriginalNodeThatComesWithAnotherKeyIsRefused) {
  NEEDS_START();
  const auto there = start_original("e");
  const NodeConfig settings = barrel_config("b", {there->name()});
  auto node = start(settings);
  ASSERT_TRUE(node);
  ASSERT_TRUE(there->is_neighbour_of(*node));
  const std::string name = quoted(*node);
  node.reset();
  // The asker goes on by the connection that it has.
  (void)there->eval("barrel_p2p_rotate:rotate_identity()");
  node = start(settings);
  ASSERT_TRUE(node);
  EXPECT_TRUE(counts(*node, "auth.failed.key_mismatch")) << refusals(*node);
  (void)there->eval("spawn(fun() -> net_kernel:connect_node(" + name + ") end)");
  EXPECT_TRUE(counts(*node, "barrel_p2p.dist.auth.attempts{role=incoming,outcome=fail}")) << refusals(*node);
  EXPECT_TRUE(node->nodes().empty());
  EXPECT_EQ(there->text("lists:member(" + name + ", nodes())"), "false");
}

TEST_F(TrustOfOriginals, StrictNodesLetInNobodyUnknown) {
  NEEDS_ORIGINALS(1);
  NodeConfig settings = barrel_config("b", {original().name()});
  settings.auth.trust_mode = TrustMode::strict;
  const auto node = start(settings);
  ASSERT_TRUE(node);
  EXPECT_TRUE(counts(*node, "auth.failed.untrusted_key")) << refusals(*node);
  EXPECT_EQ(original().text("net_adm:ping(" + quoted(*node) + ")"), "pang");
  EXPECT_TRUE(node->nodes().empty());
}

}  // namespace
}  // namespace barrel::test
