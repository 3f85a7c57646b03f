#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "barrel/base/time.hpp"

namespace barrel::sim {

/// Virtual time: what shall happen, in the order of time and, at one time, in the order it was asked for. One
/// thread.
class EventQueue {
 public:
  using Action = std::function<void()>;

  [[nodiscard]] Instant now() const { return now_; }
  void at(Instant when, Action action);
  void after(Duration delay, Action action) { at(now_ + delay, std::move(action)); }
  /// Runs what is due up to and including `end`; the time is `end` afterwards.
  void run_until(Instant end);
  [[nodiscard]] std::uint64_t executed() const { return executed_; }

 private:
  struct Event {
    Instant when;
    std::uint64_t order;
    Action action;
    friend bool operator<(const Event& a, const Event& b) {
      return a.when != b.when ? a.when > b.when : a.order > b.order;
    }
  };

  std::priority_queue<Event> events_;
  Instant now_{};
  std::uint64_t next_order_ = 0;
  std::uint64_t executed_ = 0;
};

}  // namespace barrel::sim
