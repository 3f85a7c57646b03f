#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "barrel/node/node.hpp"
#include "support/temp_dir.hpp"

namespace barrel::test {

using namespace std::chrono_literals;

/// Nodes that find each other through one discovery directory and keep their keys in a directory each.
class TestNodes : public ::testing::Test {
 protected:
  [[nodiscard]] NodeConfig config(std::string_view short_name) const {
    NodeConfig config;
    config.name = NodeName(Atom(std::string(short_name) + "@127.0.0.1"));
    config.listen.address = "127.0.0.1";
    config.data_dir = dir_.path() / std::string(short_name);
    config.discovery.directory = dir_.path() / "discovery";
    config.processes.schedulers = 2;
    config.log.level = std::getenv("BARREL_TEST_LOG") != nullptr ? LogLevel::debug : LogLevel::error;
    return config;
  }
  [[nodiscard]] static std::unique_ptr<Node> start(NodeConfig config) {
    auto node = Node::start(std::move(config));
    if (!node) {
      ADD_FAILURE() << node.error().message();
      return nullptr;
    }
    return *std::move(node);
  }
  [[nodiscard]] std::unique_ptr<Node> start(std::string_view short_name) const {
    return start(config(short_name));
  }

 private:
  TempDir dir_;
};

/// Polls what another thread publishes; for state that has no event of its own.
template <class Condition>
[[nodiscard]] bool eventually(Condition condition, std::chrono::milliseconds limit = 5s) {
  for (auto waited = 0ms; waited < limit; waited += 2ms) {
    if (condition()) return true;
    std::this_thread::sleep_for(2ms);
  }
  return condition();
}

/// The first line of a node's log that holds `text`, waited for; empty when none comes.
[[nodiscard]] inline std::string logged_line(const std::filesystem::path& log, std::string_view text) {
  std::string found;
  (void)eventually(
      [&] {
        std::ifstream in(log);
        while (std::getline(in, found)) {
          if (found.contains(text)) return true;
        }
        found.clear();
        return false;
      },
      10s);
  return found;
}

}  // namespace barrel::test
