#include "console.hpp"

#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cwchar>
#include <utility>

namespace chat {

namespace {

constexpr char control_d = '\x04';

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0 && errno != EINTR) return;
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

/// The line editor of a terminal.
struct Console::Editor {
  Console& console;
  std::string prompt;
  EditLine* line;
  History* history = ::history_init();
  HistEvent event{};

  Editor(Console& owner, std::string text)
      : console(owner), prompt(std::move(text)), line(::el_init("chat", stdin, stdout, stderr)) {
    ::history(history, &event, H_SETSIZE, 1000);
    ::el_set(line, EL_CLIENTDATA, this);
    ::el_set(line, EL_PROMPT, &Editor::prompt_of);
    ::el_set(line, EL_EDITOR, "emacs");
    ::el_set(line, EL_HIST, ::history, history);
    ::el_set(line, EL_GETCFN, &Editor::next_character);
  }
  ~Editor() {
    ::el_end(line);
    ::history_end(history);
  }
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;

  static Editor& of(EditLine* line) {
    void* self = nullptr;
    ::el_get(line, EL_CLIENTDATA, &self);
    return *static_cast<Editor*>(self);
  }
  static char* prompt_of(EditLine* line) { return of(line).prompt.data(); }

  // libedit asks here for every key: what arrives is shown while it waits.
  static int next_character(EditLine* line, wchar_t* out) {
    std::mbstate_t state{};
    for (;;) {
      if (of(line).console.wait_for_input() == Wait::end) return 0;
      char byte = 0;
      const ssize_t n = ::read(STDIN_FILENO, &byte, 1);
      if (n == 0) return 0;
      if (n < 0) return errno == EINTR ? 0 : -1;
      // A Ctrl-D typed before the terminal left line mode is read as this (Linux n_tty).
      if (byte == '\0') byte = control_d;
      // NOLINTNEXTLINE(concurrency-mt-unsafe): the state is ours
      const std::size_t length = std::mbrtowc(out, &byte, 1, &state);
      if (length == static_cast<std::size_t>(-1)) state = std::mbstate_t{};
      if (length <= 1) return 1;
    }
  }

  std::optional<std::string> read_line() {
    int count = 0;
    const char* text = ::el_gets(line, &count);
    if (text == nullptr || count <= 0) {
      write_all("\n");
      return std::nullopt;
    }
    std::string entered(text, static_cast<std::size_t>(count));
    if (entered != "\n") ::history(history, &event, H_ENTER, text);
    if (!entered.empty() && entered.back() == '\n') entered.pop_back();
    return entered;
  }

  // Puts the lines in the place of the prompt and draws the prompt and what was typed so far below them.
  void show_above(const std::string& lines) const {
    const LineInfo* typed = ::el_line(line);
    const std::size_t cursor = prompt.size() + static_cast<std::size_t>(typed->cursor - typed->buffer);
    const std::size_t rows_up = cursor / terminal_columns();
    std::string text = rows_up > 0 ? "\x1b[" + std::to_string(rows_up) + "A" : "";
    text += "\r\x1b[J" + lines;
    write_all(text);
    ::el_set(line, EL_REFRESH);
    std::fflush(stdout);
  }
};

Console::Console(std::string prompt) {
  // Rooms and texts are UTF-8 whatever the environment says.
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before the program has other threads
  if (::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) ::setlocale(LC_CTYPE, "");
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGINT);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGHUP);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0) {
    editor_ = std::make_unique<Editor>(*this, std::move(prompt));
  }
}

Console::~Console() {
  show_arrived();
  editor_.reset();
  ::close(wake_);
  ::close(signals_);
}

void Console::print(std::string line) {
  // What others wrote must not move the cursor or change the terminal's state.
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  line += '\n';
  if (!editor_) {
    const std::lock_guard lock(mutex_);
    write_all(line);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    arrived_.push_back(std::move(line));
  }
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
}

std::optional<std::string> Console::read_line() {
  return editor_ ? editor_->read_line() : read_plain_line();
}

Console::Wait Console::wait_for_input() {
  for (;;) {
    show_arrived();
    std::array<pollfd, 3> fds{pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{wake_, POLLIN, 0},
                              pollfd{signals_, POLLIN, 0}};
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[2].revents != 0) return Wait::end;
    if (fds[1].revents != 0) {
      std::uint64_t count = 0;
      (void)!::read(wake_, &count, sizeof count);
      continue;
    }
    if (fds[0].revents != 0) return Wait::input;
  }
}

void Console::show_arrived() {
  std::string lines;
  {
    const std::lock_guard lock(mutex_);
    for (const std::string& line : arrived_) lines += line;
    arrived_.clear();
  }
  if (!lines.empty()) editor_->show_above(lines);
}

std::optional<std::string> Console::read_plain_line() {
  for (;;) {
    if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    if (wait_for_input() == Wait::end) return std::nullopt;
    std::array<char, 4096> buffer{};
    const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      return unread_.empty() ? std::nullopt : std::optional(std::exchange(unread_, std::string()));
    }
    unread_.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

}  // namespace chat
