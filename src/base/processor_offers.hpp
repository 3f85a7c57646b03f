#pragma once

#include <chrono>

#include "barrel/base/time.hpp"

namespace barrel {

/// Whether a thread that has nothing to do may spin. Between two looks it offers the processor to others
/// (sched_yield). Where they compute, an offer costs their whole time slice, while a thread that sleeps is
/// let in at once when it is woken: after such an offer the thread should sleep for a while instead. Not
/// thread-safe: one for each thread.
class ProcessorOffers {
 public:
  [[nodiscard]] bool may_spin(Instant now) const { return now >= rests_until_; }
  /// What an offer took, until `now`.
  void took(Duration time, Instant now) {
    if (time >= dear) rests_until_ = now + rest;
  }

 private:
  /// Below Linux's time slice on two processors and more (1.4 ms), above what threads that serve messages
  /// need (measured: a benchmark of two nodes on two processors met it 7 times in 10 s).
  static constexpr Duration dear = std::chrono::milliseconds(1);
  /// So that what the tries cost is a few percent. In one run beside two programs that compute, 10 ms gave
  /// 0.6 of the rate of one sender and 0.2 of that of large messages.
  static constexpr Duration rest = std::chrono::milliseconds(50);

  Instant rests_until_{};
};

}  // namespace barrel
