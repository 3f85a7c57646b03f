#pragma once

#include <chrono>

#include "barrel/base/metrics.hpp"
#include "barrel/base/time.hpp"

namespace barrel {

/// Whether a thread that has nothing to do may spin. Between two looks it offers the processor to others
/// (sched_yield). Where they compute, an offer costs their whole time slice, while a thread that sleeps is
/// let in at once when it is woken; and where they serve messages without a break, each look is time that
/// they wait for. Then the thread should sleep for a while instead. Not thread-safe: one for each thread.
class ProcessorOffers {
 public:
  /// `dear_offers` counts the offers that ended the spinning.
  explicit ProcessorOffers(Counter& dear_offers) : dear_offers_(dear_offers) {}

  [[nodiscard]] bool may_spin(Instant now) const { return now >= rests_until_; }
  /// Makes an offer by `yield`, and tells the time after it. Nothing lies between the two: what came
  /// meanwhile must not hide that the offer was dear.
  template <class Yield>
  [[nodiscard]] Instant offer(const Clock& clock, Yield&& yield) {
    const Instant before = clock.now();
    yield();
    const Instant now = clock.now();
    taken_in_a_row_ = now - before >= taken ? taken_in_a_row_ + 1 : 0;
    if (now - before >= dear || taken_in_a_row_ >= taken_max) {
      taken_in_a_row_ = 0;
      dear_offers_.add();
      rests_until_ = now + rest;
    }
    return now;
  }

 private:
  /// Below Linux's time slice on two processors and more (1.4 ms), above what threads that serve messages
  /// need (measured: a benchmark of two nodes on two processors met it 7 times in 10 s).
  static constexpr Duration dear = std::chrono::milliseconds(1);
  /// So long an offer that another thread took lasts at least, and so many in a row tell that the processor
  /// is never free. Measured with bench_erlang: 64 calls at once between nodes that share two processors
  /// meet that and are a tenth faster for it; one at a time does not meet it, and needs the spinning.
  static constexpr Duration taken = std::chrono::microseconds(4);
  static constexpr int taken_max = 16;
  /// So that what the tries cost is a few percent. In one run beside two programs that compute, 10 ms gave
  /// 0.6 of the rate of one sender and 0.2 of that of large messages.
  static constexpr Duration rest = std::chrono::milliseconds(50);

  Counter& dear_offers_;
  int taken_in_a_row_ = 0;
  Instant rests_until_{};
};

}  // namespace barrel
