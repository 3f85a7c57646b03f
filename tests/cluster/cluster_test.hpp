#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "support/chat_node.hpp"
#include "support/temp_dir.hpp"

namespace barrel::test {

using Names = std::set<std::string>;

/// A test with nodes of the chat as processes. A failed test shows what each node has printed and logged.
class ClusterTest : public testing::Test {
 protected:
  ClusterTest() {
    setup_.program = BARREL_CHAT_PROGRAM;
    setup_.directory = directory_.path();
    // Several nodes share the machine's cores.
    setup_.arguments = {"--schedulers=1"};
  }

  void TearDown() override {
    if (!HasFailure()) return;
    for (const auto& [name, node] : nodes_)
      ADD_FAILURE() << "== " << name << "\n" << node->child().transcript();
  }

  /// Starts a node and waits until it is up; an earlier process of that name is killed.
  ChatNode& start(const std::string& name, const std::string& contact = "",
                  const std::vector<std::string>& arguments = {}) {
    std::unique_ptr<ChatNode>& node = nodes_[name];
    node.reset();
    node = std::make_unique<ChatNode>(setup_, name, contact, arguments);
    EXPECT_TRUE(node->is_up()) << name;
    return *node;
  }

  ChatNode& node(const std::string& name) { return *nodes_.at(name); }

  /// True when `node` has `peer` in its active view in time.
  [[nodiscard]] static bool sees(ChatNode& node, const std::string& peer) {
    return node.eventually("active_view",
                           [&](const Names& view) { return view.contains(peer + "@127.0.0.1"); });
  }

  /// Makes a room on `host` and waits until every given node knows it.
  static void make_room(ChatNode& host, const std::string& room, const std::vector<ChatNode*>& others) {
    ASSERT_EQ(host.ask("create_room " + room), "create_room " + room + ": ok");
    for (ChatNode* other : others) {
      EXPECT_TRUE(other->eventually("rooms", [&](const Names& rooms) { return rooms.contains(room); }))
          << other->name();
    }
  }

  static void join(ChatNode& member, const std::string& room) {
    ASSERT_EQ(member.ask("join " + room), "join " + room + ": ok") << member.name();
  }

  [[nodiscard]] std::filesystem::path data_of(const std::string& name) const {
    return ChatNode::data_directory(setup_, name);
  }

  const TempDir directory_;
  ChatSetup setup_;
  std::map<std::string, std::unique_ptr<ChatNode>> nodes_;
};

}  // namespace barrel::test
