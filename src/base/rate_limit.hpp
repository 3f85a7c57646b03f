#pragma once

#include <algorithm>
#include <cstdint>

#include "barrel/base/time.hpp"

namespace barrel {

/// A bucket that gains `per_second` permissions a second and holds a second's worth.
class RateLimit {
 public:
  explicit RateLimit(std::uint64_t per_second) : per_second_(per_second), permissions_(per_second) {}

  /// Takes one permission, if there is one.
  [[nodiscard]] bool allow(Instant now) {
    if (now > refilled_) {
      const auto elapsed = std::min<Duration>(now - refilled_, std::chrono::seconds(1));
      const auto gained = static_cast<std::uint64_t>(elapsed.count()) * per_second_ / 1'000'000'000U;
      // A gain of nothing must not use up the time in which it would have come.
      if (gained > 0 || elapsed >= std::chrono::seconds(1)) {
        permissions_ = std::min(per_second_, permissions_ + gained);
        refilled_ = now;
      }
    }
    if (permissions_ == 0) return false;
    --permissions_;
    return true;
  }

 private:
  std::uint64_t per_second_;
  std::uint64_t permissions_;
  Instant refilled_{};
};

}  // namespace barrel
