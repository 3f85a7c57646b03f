#include "loop/system_clock.hpp"

namespace barrel::loop {

Instant SystemClock::now() const {
  return Instant(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

SystemTime SystemClock::system_now() const {
  return std::chrono::time_point_cast<SystemTime::duration>(std::chrono::system_clock::now());
}

}  // namespace barrel::loop
