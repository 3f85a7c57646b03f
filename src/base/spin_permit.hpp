#pragma once

#include <algorithm>
#include <chrono>

#include "barrel/base/time.hpp"

namespace barrel {

/// Whether a thread that has nothing to do may spin before it sleeps. Who spins offers the processor to
/// others again and again; when somebody takes it for long, the machine has other work, and whoever spins
/// loses its turn just when it is needed. Then it is better to sleep: a sleeper that wakes up soon gets the
/// processor back.
///
/// Drive it so: spin only while allowed(); after each offer tell what it took. Not thread-safe.
class SpinPermit {
 public:
  /// An offer that takes so long went to somebody who computes. Far above what a message takes, and below the
  /// shortest time slice (0.7 ms; 2.8 ms on Linux with two processors or more).
  static constexpr Duration lost_turn = std::chrono::microseconds(400);
  /// How long to do without afterwards: twice as long each time, so that a machine that stays busy takes a
  /// turn from us once a second at most. Guesses.
  static constexpr Duration pause_min = std::chrono::milliseconds(10);
  static constexpr Duration pause_max = std::chrono::seconds(1);

  [[nodiscard]] bool allowed(Instant now) const { return now >= not_before_; }

  /// The processor was offered at `before`; it is `now`.
  void offered(Instant before, Instant now) {
    if (now - before < lost_turn) return;
    // Without a loss for a while the machine counts as quiet again.
    const bool again = now < not_before_ + 4 * pause_;
    pause_ = again ? std::min(2 * pause_, pause_max) : pause_min;
    not_before_ = now + pause_;
  }

 private:
  Instant not_before_{};
  Duration pause_{};
};

}  // namespace barrel
