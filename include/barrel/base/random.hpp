#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// Seeded pseudo-random numbers (xoshiro256**, seeded through splitmix64): the same seed gives the
/// same sequence on every platform. For decisions, not for secrets. Not thread-safe: each component
/// owns one, split from its parent's.
class Random {
 public:
  using result_type = std::uint64_t;

  explicit Random(std::uint64_t seed);

  [[nodiscard]] std::uint64_t next();
  /// Uniform in [0, bound); bound must not be 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);
  /// Uniform in [low, high], both included.
  [[nodiscard]] std::int64_t between(std::int64_t low, std::int64_t high);
  /// True in `per_million` of 1,000,000 cases.
  [[nodiscard]] bool chance(std::uint32_t per_million) { return below(1'000'000) < per_million; }
  void fill(std::span<std::uint8_t> out);
  /// An independent generator; advances this one.
  [[nodiscard]] Random split() { return Random(next()); }

  /// Fisher-Yates.
  template <class Range>
  void shuffle(Range& range) {
    for (std::uint64_t i = range.size(); i > 1; --i) std::swap(range[i - 1], range[below(i)]);
  }

  // What std::uniform_random_bit_generator asks for.
  static constexpr std::uint64_t min() { return 0; }
  static constexpr std::uint64_t max() { return ~std::uint64_t{0}; }
  std::uint64_t operator()() { return next(); }

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace barrel
#pragma GCC visibility pop
