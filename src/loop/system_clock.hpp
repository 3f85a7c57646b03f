#pragma once

#include "barrel/base/time.hpp"

namespace barrel::loop {

/// The real clocks: CLOCK_MONOTONIC and the wall. Thread-safe. Only for code without a loop; what has one
/// asks the loop.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override;
  [[nodiscard]] SystemTime system_now() const override;
};

}  // namespace barrel::loop
