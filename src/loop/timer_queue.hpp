#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "loop/loop.hpp"

namespace barrel::loop {

/// Pending one-shot timers in the order in which they are due. For one thread; also what a simulated loop
/// needs.
class TimerQueue {
 public:
  TimerId add(Instant when, Task task) {
    const TimerId id{when, next_sequence_++};
    timers_.emplace(id, std::move(task));
    return id;
  }
  void cancel(const TimerId& id) { timers_.erase(id); }
  [[nodiscard]] std::optional<Instant> next() const {
    if (timers_.empty()) return {};
    return timers_.begin()->first.when;
  }
  [[nodiscard]] std::size_t size() const { return timers_.size(); }

  /// Runs what is due at `now`, except timers that are made meanwhile. Gives how many ran.
  std::size_t run_due(Instant now) {
    const std::uint64_t end = next_sequence_;
    std::size_t count = 0;
    auto at = timers_.begin();
    while (at != timers_.end() && at->first.when <= now) {
      if (at->first.sequence >= end) {
        ++at;
        continue;
      }
      auto node = timers_.extract(at);
      node.mapped()();
      ++count;
      // The task may have changed everything; what is younger is skipped again.
      at = timers_.begin();
    }
    return count;
  }

 private:
  std::map<TimerId, Task> timers_;
  std::uint64_t next_sequence_ = 1;
};

}  // namespace barrel::loop
