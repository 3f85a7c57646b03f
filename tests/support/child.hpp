#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace barrel::test {

using namespace std::chrono_literals;

/// How to start a program.
struct Command {
  /// Program and arguments; the program is looked up in PATH.
  std::vector<std::string> argv{};
  /// Where it runs; empty: here.
  std::filesystem::path directory{};
  /// Added to this process's environment.
  std::map<std::string, std::string> environment{};
  /// Sees every line as it arrives, on another thread; `error` tells standard error from standard output.
  std::function<void(const std::string& line, bool error)> on_line{};
};

/// A running program, its input, and the lines that it has printed so far. The destructor kills and reaps it.
/// Not thread-safe, except that lines arrive by themselves.
class Child {
 public:
  /// Throws std::system_error when the program cannot be started.
  explicit Child(const Command& command);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// Writes the line and a line end to the program's standard input.
  void send_line(std::string_view line);
  void close_input();

  /// How many lines there are: a position for the calls below. Standard output and standard error in order of
  /// arrival.
  [[nodiscard]] std::size_t mark() const;
  [[nodiscard]] std::vector<std::string> lines(std::size_t from = 0) const;
  /// All lines as one text, for a failure's message.
  [[nodiscard]] std::string transcript() const;

  /// The first line at or after `from` that holds `text`; empty when none came in time or the program ended
  /// without.
  [[nodiscard]] std::optional<std::string> wait_for(std::string_view text, std::chrono::milliseconds limit,
                                                    std::size_t from = 0) const;
  [[nodiscard]] std::optional<std::string> wait_for(const std::function<bool(const std::string&)>& wanted,
                                                    std::chrono::milliseconds limit,
                                                    std::size_t from = 0) const;

  /// SIGKILL, SIGSTOP, SIGCONT, ...; nothing when it has ended.
  void signal(int number) const;
  /// Waits for the end: the exit code, or minus the signal's number. Empty when it still runs then.
  [[nodiscard]] std::optional<int> wait_exit(std::chrono::milliseconds limit);

 private:
  void start(const Command& command, int input, int output, int error);
  void read_lines(int output, int error);
  void add_text(std::string& rest, std::string_view text, bool error);

  pid_t pid_ = -1;
  int input_ = -1;
  std::optional<int> exit_code_;
  std::function<void(const std::string&, bool)> on_line_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::string> lines_;
  bool ended_ = false;
  std::thread reader_;
};

}  // namespace barrel::test
