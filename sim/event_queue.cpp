#include "sim/event_queue.hpp"

#include <algorithm>
#include <utility>

namespace barrel::sim {

void EventQueue::at(Instant when, Action action) {
  events_.push({std::max(when, now_), next_order_++, std::move(action)});
}

void EventQueue::run_until(Instant end) {
  while (!events_.empty() && events_.top().when <= end) {
    now_ = events_.top().when;
    // top() is const; the event is popped before its action runs, so that nobody sees it moved from.
    const Action action = std::move(const_cast<Event&>(events_.top()).action);
    events_.pop();
    ++executed_;
    action();
  }
  now_ = std::max(now_, end);
}

}  // namespace barrel::sim
