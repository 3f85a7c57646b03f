#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>
#include <variant>
#include <vector>

#include "barrel/base/time.hpp"

namespace barrel::detail {

/// What is to happen when. Ordered by time, then by the order of starting, so that a deterministic runtime
/// fires in the same order every time. Thread-safe.
class Timers {
 public:
  /// Wake this process: its wait's deadline may have come.
  struct WakeUp {
    std::uint32_t id;
    std::uint32_t serial;
  };
  using Action = std::function<void()>;
  using What = std::variant<WakeUp, Action>;
  struct Due {
    Instant due;
    What what;
  };

  /// The key to cancel by. `earliest`: no other timer is due before it.
  struct Started {
    std::uint64_t id;
    bool earliest;
  };
  Started start(Instant due, What what);
  /// One wake-up per process and time; cancelled by the same values. True: no other timer is due before it.
  bool start_wake_up(Instant due, WakeUp process);
  [[nodiscard]] bool cancel(Instant due, std::uint64_t id);
  void cancel_wake_up(Instant due, WakeUp process);

  [[nodiscard]] std::optional<Instant> next() const;
  [[nodiscard]] std::size_t size() const;
  /// Takes out the first timer that is due by `now`.
  [[nodiscard]] std::optional<Due> take(Instant now);

 private:
  /// Time, whether it is a wake-up, and its number or process.
  using Key = std::tuple<Instant, bool, std::uint64_t>;
  static Key wake_up_key(Instant due, WakeUp process) {
    return {due, true, std::uint64_t{process.serial} << 32 | process.id};
  }
  bool insert(Key key, What what);

  mutable std::mutex mutex_;
  std::map<Key, What> timers_;
  std::uint64_t next_id_ = 1;
};

}  // namespace barrel::detail
