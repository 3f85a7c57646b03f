#pragma once

#include <compare>
#include <cstdint>

#include "barrel/term/result.hpp"
#include "barrel/term/term.hpp"

namespace barrel {

/// A point of hybrid logical time: `{timestamp, WallMs, Logical}` (Kulkarni et al. 2014),
/// as the original has it. Ordered by wall, then logical.
struct Timestamp {
  /// The original's clock process crashes at 2^31 - 1.
  static constexpr std::int64_t logical_max = (std::int64_t{1} << 31) - 2;

  /// Milliseconds since the Unix epoch.
  std::int64_t wall_ms = 0;
  std::int64_t logical = 0;

  friend bool operator==(const Timestamp&, const Timestamp&) noexcept = default;
  friend std::strong_ordering operator<=>(const Timestamp&, const Timestamp&) noexcept = default;
};

[[nodiscard]] Term to_term(const Timestamp& timestamp);
/// Errc::malformed unless it is the tuple with two non-negative integers within their limits.
[[nodiscard]] Result<Timestamp> timestamp_from_term(const Term& term);

/// A node's hybrid logical clock. Every now() is greater than all before it and than everything update() was
/// given.
class HybridClock {
 public:
  /// For an event of our own at the wall-clock time `wall_ms`.
  [[nodiscard]] Timestamp now(std::int64_t wall_ms);
  /// After an event of another node. The caller refuses timestamps too far in the future first: they would
  /// drag this clock, and through it every clock of the cluster, forward for good.
  void update(const Timestamp& remote, std::int64_t wall_ms);
  [[nodiscard]] const Timestamp& last() const { return last_; }

 private:
  void advance_logical(std::int64_t logical);

  Timestamp last_;
};

}  // namespace barrel
