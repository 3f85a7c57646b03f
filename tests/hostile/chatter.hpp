#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "support/chat_node.hpp"
#include "support/sanitized.hpp"

namespace barrel::hostile {

/// In time: long before a node would be given up for dead. On an idle machine a word takes some milliseconds.
inline constexpr std::chrono::milliseconds chat_limit{4'000 * test::slowdown};

/// Speaks in both rooms on a thread of its own, one word after the other, each after the last has been heard.
class Chatter {
 public:
  Chatter(test::ChatNode& speaker, test::ChatNode& listener);
  ~Chatter();
  Chatter(const Chatter&) = delete;
  Chatter& operator=(const Chatter&) = delete;

  struct Outcome {
    int words = 0;  ///< Heard in both rooms.
    std::chrono::milliseconds slowest{0};
    std::string missing{};  ///< The first that was not heard within chat_limit, and where; it was the last.
  };
  /// After the word that is on its way.
  [[nodiscard]] Outcome stop();

 private:
  void speak_and_listen(const std::stop_token& stop);
  /// The room in which the word is not heard in time; empty when it is heard in both.
  [[nodiscard]] std::string unheard(const std::string& word);

  test::ChatNode& speaker_;
  test::ChatNode& listener_;
  Outcome outcome_;
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;
};

}  // namespace barrel::hostile
