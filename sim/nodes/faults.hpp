#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "sim/event_queue.hpp"

namespace barrel::sim {

/// What was found wrong in a run, with the virtual time. The first few say it.
class Faults {
 public:
  static constexpr std::size_t kept_max = 20;

  explicit Faults(const EventQueue& queue) : queue_(queue) {}

  void add(const std::string& text) {
    ++count_;
    if (texts_.size() >= kept_max) return;
    const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(queue_.now().time_since_epoch());
    texts_.push_back("at " + std::to_string(time.count()) + " ms: " + text);
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::vector<std::string> take() { return std::exchange(texts_, {}); }

 private:
  const EventQueue& queue_;
  std::vector<std::string> texts_;
  std::size_t count_ = 0;
};

}  // namespace barrel::sim
