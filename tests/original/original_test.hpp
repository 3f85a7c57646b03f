#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "erlang/puppet.hpp"
#include "node/test_nodes.hpp"
#include "original/original.hpp"
#include "original/settings.hpp"

namespace barrel::test {

/// Barrel nodes beside running nodes of the original. Names of Barrel nodes and services are new in every
/// test, since the original remembers the keys of nodes, and of some services that there were.
class OriginalTest : public TestNodes {
 protected:
  OriginalTest();
  void SetUp() override;
  void TearDown() override;

  /// Of no other test: `b` becomes b12x3.
  [[nodiscard]] std::string unique(std::string_view name) const;
  /// Settings of a Barrel node that the nodes of the original find, and that finds them.
  [[nodiscard]] NodeConfig barrel_config(std::string_view name,
                                         const std::vector<NodeName>& contacts = {}) const;
  [[nodiscard]] std::unique_ptr<Node> start_barrel(std::string_view name,
                                                   const std::vector<NodeName>& contacts = {}) const {
    return start(barrel_config(name, contacts));
  }

  /// One of the running nodes. The test is skipped, or fails, by ASSERT_ORIGINALS when there are too few.
  Original& original(std::size_t index = 0) { return *originals_.at(index); }
  [[nodiscard]] bool has_originals(std::size_t count);
  /// Another one, of this test alone; joins through `contact` unless it is empty. For tests that begin with
  /// NEEDS_START. `options` is added to its settings.
  std::unique_ptr<Original> start_original(std::string_view name, const std::string& options = {});
  /// Starts a node of that full name again, or one that was killed.
  std::unique_ptr<Original> start_again(NodeName name, const std::string& options = {});
  [[nodiscard]] static bool can_start() { return !original_settings().start.empty(); }

  /// The Barrel node that the originals are asked through. It is no member of the overlay.
  [[nodiscard]] Node& asker() { return *asker_; }

 private:
  void wait_until_up(NodeName name, Child& child);

  std::unique_ptr<Node> asker_;
  std::vector<std::unique_ptr<Original>> originals_;
};

#define NEEDS_ORIGINALS(count) \
  if (!has_originals(count)) GTEST_SKIP() << "needs " << (count) << " running nodes: --nodes, or --start"
#define NEEDS_START() \
  if (!can_start()) GTEST_SKIP() << "needs --start"

}  // namespace barrel::test
