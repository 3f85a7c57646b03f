#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "support/chat_node.hpp"
#include "support/temp_dir.hpp"

namespace barrel::test {

/// A test with nodes of an example as processes. A failed test shows what each of them has printed and
/// logged.
class ExampleTest : public testing::Test {
 protected:
  explicit ExampleTest(std::filesystem::path program) : program_(std::move(program)) {}

  void TearDown() override {
    if (!HasFailure()) return;
    for (const auto& [name, node] : nodes_) {
      ADD_FAILURE() << "== " << name << "\n" << node->child().transcript();
    }
  }

  /// Starts the program in that mode and waits until its node is up; an earlier process of that name is
  /// killed.
  ChatNode& start(const std::string& mode, const std::string& name, const std::string& contact = "") {
    const ChatSetup setup{.program = program_,
                          .mode = {mode},
                          .directory = directory_.path(),
                          // Several nodes share the machine's cores.
                          .arguments = {"--schedulers=1", "--listen-address=127.0.0.1"}};
    std::unique_ptr<ChatNode>& node = nodes_[name];
    node.reset();
    node = std::make_unique<ChatNode>(setup, name, contact);
    EXPECT_TRUE(node->is_up()) << name;
    return *node;
  }

  ChatNode& node(const std::string& name) { return *nodes_.at(name); }

 private:
  std::filesystem::path program_;
  const TempDir directory_;
  std::map<std::string, std::unique_ptr<ChatNode>> nodes_;
};

}  // namespace barrel::test
