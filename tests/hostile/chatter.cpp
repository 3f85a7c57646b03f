#include "hostile/chatter.hpp"

#include <algorithm>

namespace barrel::hostile {

namespace {

/// Between two words: the chat is not to be a load of its own.
constexpr std::chrono::milliseconds pause{50};

}  // namespace

Chatter::Chatter(test::ChatNode& speaker, test::ChatNode& listener)
    : speaker_(speaker),
      listener_(listener),
      thread_([this](const std::stop_token& stop) { speak_and_listen(stop); }) {}

Chatter::~Chatter() {
  thread_.request_stop();
}

Chatter::Outcome Chatter::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  return outcome_;
}

std::string Chatter::unheard(const std::string& word) {
  const auto started = std::chrono::steady_clock::now();
  const std::size_t mark = listener_.child().mark();
  for (const char* room : {"lobby", "cellar"}) speaker_.send("send " + std::string(room) + " " + word);
  for (const char* room : {"lobby", "cellar"}) {
    const std::string line = "[" + std::string(room) + "] <" + speaker_.full_name() + "> " + word;
    const auto passed =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
    if (!listener_.prints(line, std::max(chat_limit - passed, std::chrono::milliseconds(0)), mark))
      return room;
  }
  outcome_.slowest = std::max(outcome_.slowest, std::chrono::duration_cast<std::chrono::milliseconds>(
                                                    std::chrono::steady_clock::now() - started));
  return {};
}

void Chatter::speak_and_listen(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  do {
    const std::string word = "meanwhile" + std::to_string(outcome_.words + 1) + ".";
    if (const std::string room = unheard(word); !room.empty()) {
      outcome_.missing = word + " in " + room;
      return;
    }
    ++outcome_.words;
  } while (!stopped_.wait_for(lock, stop, pause, [&] { return stop.stop_requested(); }));
}

}  // namespace barrel::hostile
