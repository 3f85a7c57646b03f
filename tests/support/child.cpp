#include "support/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

extern char** environ;

namespace barrel::test {

namespace {

using SteadyClock = std::chrono::steady_clock;

void check(int error, const std::string& what) {
  if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

struct Pipe {
  int read = -1;
  int write = -1;

  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) check(errno, "pipe2");
    read = ends[0];
    write = ends[1];
  }
};

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& text : strings) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!added.contains(std::string(text.substr(0, text.find('='))))) out.emplace_back(text);
  }
  for (const auto& [key, value] : added) out.push_back(key + "=" + value);
  return out;
}

}  // namespace

Child::Child(const Command& command) : on_line_(command.on_line) {
  // A program that ended must not end us with SIGPIPE.
  ::signal(SIGPIPE, SIG_IGN);
  const Pipe input;
  const Pipe output;
  const Pipe error;
  input_ = input.write;
  start(command, input.read, output.write, error.write);
  ::close(input.read);
  ::close(output.write);
  ::close(error.write);
  reader_ = std::thread([this, out = output.read, err = error.read] { read_lines(out, err); });
}

void Child::start(const Command& command, int input, int output, int error) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, error, STDERR_FILENO);
  if (!command.directory.empty()) {
    ::posix_spawn_file_actions_addchdir_np(&actions, command.directory.c_str());
  }
  std::vector<std::string> arguments = command.argv;
  std::vector<std::string> environment = merged_environment(command.environment);
  const int failed = ::posix_spawnp(&pid_, arguments.at(0).c_str(), &actions, nullptr,
                                    pointers(arguments).data(), pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  check(failed, arguments.at(0));
}

Child::~Child() {
  signal(SIGKILL);
  close_input();
  if (!exit_code_) {
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
  }
  reader_.join();
}

void Child::send_line(std::string_view line) {
  const std::string text = std::string(line) + "\n";
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t n = ::write(input_, text.data() + sent, text.size() - sent);
    if (n < 0 && errno != EINTR) return;  // It has ended; whoever waits for its lines will see that.
    if (n > 0) sent += static_cast<std::size_t>(n);
  }
}

void Child::close_input() {
  if (const int fd = std::exchange(input_, -1); fd >= 0) ::close(fd);
}

std::size_t Child::mark() const {
  const std::lock_guard lock(mutex_);
  return lines_.size();
}

std::vector<std::string> Child::lines(std::size_t from) const {
  const std::lock_guard lock(mutex_);
  if (from >= lines_.size()) return {};
  return {lines_.begin() + static_cast<std::ptrdiff_t>(from), lines_.end()};
}

std::string Child::transcript() const {
  std::string text;
  for (const std::string& line : lines()) text += line + "\n";
  return text;
}

std::optional<std::string> Child::wait_for(std::string_view text, std::chrono::milliseconds limit,
                                           std::size_t from) const {
  const std::string wanted(text);
  return wait_for([&wanted](const std::string& line) { return line.find(wanted) != std::string::npos; },
                  limit, from);
}

std::optional<std::string> Child::wait_for(const std::function<bool(const std::string&)>& wanted,
                                           std::chrono::milliseconds limit, std::size_t from) const {
  const auto deadline = SteadyClock::now() + limit;
  std::unique_lock lock(mutex_);
  for (;;) {
    for (; from < lines_.size(); ++from) {
      if (wanted(lines_[from])) return lines_[from];
    }
    if (ended_ || changed_.wait_until(lock, deadline) == std::cv_status::timeout) {
      for (; from < lines_.size(); ++from) {
        if (wanted(lines_[from])) return lines_[from];
      }
      return std::nullopt;
    }
  }
}

void Child::signal(int number) const {
  if (!exit_code_) ::kill(pid_, number);
}

std::optional<int> Child::wait_exit(std::chrono::milliseconds limit) {
  const auto deadline = SteadyClock::now() + limit;
  while (!exit_code_) {
    int status = 0;
    const pid_t reaped = ::waitpid(pid_, &status, WNOHANG);
    if (reaped == pid_) {
      exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    } else if (SteadyClock::now() >= deadline) {
      return std::nullopt;
    } else {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, 5ms);
    }
  }
  return exit_code_;
}

void Child::read_lines(int output, int error) {
  std::array<pollfd, 2> fds{pollfd{output, POLLIN, 0}, pollfd{error, POLLIN, 0}};
  std::array<std::string, 2> rests;
  std::array<char, 65536> buffer{};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      const ssize_t n = ::read(fds[i].fd, buffer.data(), buffer.size());
      if (n > 0) {
        add_text(rests[i], {buffer.data(), static_cast<std::size_t>(n)}, i == 1);
      } else if (n == 0 || errno != EINTR) {
        ::close(std::exchange(fds[i].fd, -1));
      }
    }
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void Child::add_text(std::string& rest, std::string_view text, bool error) {
  rest += text;
  for (std::size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
    const std::string line = rest.substr(0, end);
    rest.erase(0, end + 1);
    if (on_line_) on_line_(line, error);
    const std::lock_guard lock(mutex_);
    lines_.push_back(line);
    changed_.notify_all();
  }
}

}  // namespace barrel::test
