#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/child.hpp"

namespace barrel::test {

/// Where and how the nodes of one test or demo run.
struct ChatSetup {
  /// The chat program, or another example that is driven by lines as it is.
  std::filesystem::path program{};
  /// What comes first on its command line.
  std::vector<std::string> mode{};
  /// Holds each node's data directory, and the discovery directory that they share.
  std::filesystem::path directory{};
  /// Given to every node, e.g. {"--active-size", "2"}.
  std::vector<std::string> arguments{};
  /// Added to the environment of every node.
  std::map<std::string, std::string> environment{};
  /// Sees every line of every node; called on several threads.
  std::function<void(const std::string& node, const std::string& line, bool error)> on_line{};
};

/// One node of the chat, or of another example, as a process of the operating system, driven through its
/// standard input. Its port is chosen by the system, its certificate and keys lie in <directory>/<name> and
/// outlive the process.
class ChatNode {
 public:
  /// `name` is the part before the '@'; the host is 127.0.0.1. Joins through `contact` when it is not empty.
  ChatNode(const ChatSetup& setup, std::string name, const std::string& contact,
           const std::vector<std::string>& arguments = {});

  [[nodiscard]] const std::string& name() const { return name_; }
  /// `name@127.0.0.1`.
  [[nodiscard]] std::string full_name() const { return name_ + "@127.0.0.1"; }
  [[nodiscard]] static std::filesystem::path data_directory(const ChatSetup& setup, std::string_view name);

  /// Until the node is up; false when it is not in time.
  [[nodiscard]] bool is_up(std::chrono::milliseconds limit = 20s);

  void send(std::string_view command) { child_.send_line(command); }
  /// The line that answers the command: the first one after it that begins with `command`'s words, or empty.
  [[nodiscard]] std::optional<std::string> ask(const std::string& command,
                                               std::chrono::milliseconds limit = 10s);
  /// The words after the colon of an answer such as `rooms: a b`.
  [[nodiscard]] std::optional<std::set<std::string>> ask_list(const std::string& command);
  /// Asks again and again until the answer is as wanted; false when it is not in time.
  [[nodiscard]] bool eventually(const std::string& command,
                                const std::function<bool(const std::set<std::string>&)>& wanted,
                                std::chrono::milliseconds limit = 20s);

  /// Its counters by name; empty when it does not answer.
  [[nodiscard]] std::map<std::string, std::uint64_t> counters();

  /// Waits for a line that holds `text`, printed at or after `from`.
  [[nodiscard]] bool prints(std::string_view text, std::chrono::milliseconds limit = 20s,
                            std::size_t from = 0);

  [[nodiscard]] Child& child() { return child_; }

 private:
  std::string name_;
  Child child_;
};

}  // namespace barrel::test
