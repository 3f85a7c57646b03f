#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace chat {

/// The user's terminal: lines that are typed, and lines that arrive meanwhile. On a terminal there is a
/// prompt with editing and history, and an arriving line is put above the line being typed. Otherwise lines
/// are read and written as they are. Ctrl-C, SIGTERM, Ctrl-D and the end of the input end it.
///
/// Make it before any thread: it blocks the signals that it waits for. print() may be called on any thread,
/// the rest only on the one that made it.
class Console {
 public:
  explicit Console(std::string prompt);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// Shows one line. Never waits for the user.
  void print(std::string line);
  /// Waits for a line that the user entered; empty at the end.
  [[nodiscard]] std::optional<std::string> read_line();

 private:
  struct Editor;
  friend struct Editor;

  enum class Wait { input, end };
  /// Shows arriving lines until there is input to read.
  Wait wait_for_input();
  void show_arrived();
  [[nodiscard]] std::optional<std::string> read_plain_line();

  int signals_ = -1;
  int wake_ = -1;
  std::mutex mutex_;
  std::deque<std::string> arrived_;
  std::string unread_;
  std::unique_ptr<Editor> editor_;
};

}  // namespace chat
