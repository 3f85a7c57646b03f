#pragma once

#include <chrono>
#include <cstdint>

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// A span of time, in nanoseconds.
using Duration = std::chrono::nanoseconds;

/// Names the monotonic time line of a Clock; never read directly, which is why it has no now().
struct MonotonicTimeline {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicTimeline>;
  static constexpr bool is_steady = true;
};

/// A point on the monotonic time line. Differences are meaningful, the origin is not.
using Instant = MonotonicTimeline::time_point;

/// Wall-clock time with the resolution of erlang:timestamp/0.
using SystemTime = std::chrono::sys_time<std::chrono::microseconds>;

/// The only source of time for everything above `loop`; virtual in simulation.
/// Implementations are thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const = 0;
  [[nodiscard]] virtual SystemTime system_now() const = 0;
};

/// Milliseconds since the Unix epoch.
[[nodiscard]] inline std::int64_t unix_ms(SystemTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace barrel
#pragma GCC visibility pop
