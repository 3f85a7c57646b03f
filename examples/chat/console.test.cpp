#include "console.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

namespace chat {
namespace {

/// A user at a terminal: a child process with a Console on a pseudo-terminal. It shows what it is sent
/// through a pipe as arriving lines, and says `got <line>` for what was typed, `ended` at the end.
class Terminal {
 public:
  Terminal() {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) ::abort();
    const winsize size{24, 80, 0, 0};
    pid_ = ::forkpty(&screen_, nullptr, nullptr, &size);
    if (pid_ == 0) run_console(ends[0]);
    ::close(ends[0]);
    arriving_ = ends[1];
  }
  ~Terminal() {
    ::close(arriving_);
    ::close(screen_);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(std::string_view keys) const {
    EXPECT_EQ(::write(screen_, keys.data(), keys.size()), ssize_t(keys.size()));
  }
  void arrive(std::string_view line) const {
    const std::string text = std::string(line) + "\n";
    EXPECT_EQ(::write(arriving_, text.data(), text.size()), ssize_t(text.size()));
  }
  void interrupt() const { ::kill(pid_, SIGINT); }

  /// Reads the screen until `text` appears after what was seen before; false after 10 s.
  bool shows(std::string_view text) {
    for (;;) {
      if (const std::size_t at = unseen_.find(text); at != std::string::npos) {
        unseen_.erase(0, at + text.size());
        return true;
      }
      pollfd fd{screen_, POLLIN, 0};
      std::array<char, 4096> buffer{};
      if (::poll(&fd, 1, 10'000) <= 0) return false;
      const ssize_t n = ::read(screen_, buffer.data(), buffer.size());
      if (n <= 0) return false;
      unseen_.append(buffer.data(), static_cast<std::size_t>(n));
    }
  }
  [[nodiscard]] const std::string& unseen() const { return unseen_; }

 private:
  [[noreturn]] static void run_console(int arriving) {
    ::setenv("TERM", "xterm", 1);  // NOLINT(concurrency-mt-unsafe)
    Console console("> ");
    std::thread reader([&console, arriving] {
      std::string line;
      for (char c = 0; ::read(arriving, &c, 1) == 1;) {
        if (c != '\n') line += c;
        else console.print(std::exchange(line, {}));
      }
    });
    reader.detach();
    while (const auto line = console.read_line()) console.print("got " + *line);
    (void)!::write(STDOUT_FILENO, "ended\n", 6);
    ::_exit(0);
  }

  pid_t pid_ = -1;
  int screen_ = -1;
  int arriving_ = -1;
  std::string unseen_;
};

TEST(Console, AnArrivingLineDoesNotBreakTheLineBeingTyped) {
  Terminal terminal;
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("send general hel");
  ASSERT_TRUE(terminal.shows("hel"));
  terminal.arrive("[general] <node1@127.0.0.1> good morning");
  EXPECT_TRUE(terminal.shows("\r\x1b[J[general] <node1@127.0.0.1> good morning\r\n")) << terminal.unseen();
  EXPECT_TRUE(terminal.shows("> send general hel")) << terminal.unseen();
  terminal.type("lo\r");
  EXPECT_TRUE(terminal.shows("got send general hello")) << terminal.unseen();
}

TEST(Console, HistoryAndEditing) {
  Terminal terminal;
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("rooms\r");
  ASSERT_TRUE(terminal.shows("got rooms"));
  terminal.type("\x1b[A\x7f\r");  // up, backspace
  EXPECT_TRUE(terminal.shows("got room")) << terminal.unseen();
}

TEST(Console, ControlDAndControlCEndIt) {
  Terminal with_d;
  ASSERT_TRUE(with_d.shows("> "));
  with_d.type("\x04");
  EXPECT_TRUE(with_d.shows("ended"));
  Terminal with_c;
  ASSERT_TRUE(with_c.shows("> "));
  with_c.type("half a line\x03");
  EXPECT_TRUE(with_c.shows("ended"));
}

TEST(Console, WhatIsTypedBeforeThePromptCounts) {
  Terminal with_d;
  with_d.type("\x04");
  EXPECT_TRUE(with_d.shows("ended"));
  Terminal with_text;
  with_text.type("rooms\rmem");
  EXPECT_TRUE(with_text.shows("got rooms"));
  with_text.type("bers\r");
  EXPECT_TRUE(with_text.shows("got members"));
}

TEST(Console, WhatOthersWroteCannotControlTheTerminal) {
  Terminal terminal;
  ASSERT_TRUE(terminal.shows("> "));
  terminal.arrive("a\x1b[2Jb");
  EXPECT_TRUE(terminal.shows("a [2Jb")) << terminal.unseen();
}

TEST(Console, TextBeyondAsciiIsKept) {
  Terminal terminal;
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("gr\xc3\xbc\xc3\x9f\x65\r");
  EXPECT_TRUE(terminal.shows("got gr\xc3\xbc\xc3\x9f\x65")) << terminal.unseen();
}

}  // namespace
}  // namespace chat
