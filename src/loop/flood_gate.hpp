#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "barrel/base/time.hpp"

namespace barrel::loop {

/// Tells when a peer floods us with pieces that we do not answer, so that it is better to read them in gulps:
/// read at once, each is a packet and a wake-up of its own, which both ends pay for. With small pieces there
/// is more to it: a writer that is never made to wait gathers nothing (an Erlang node spends twice the time
/// on each message then). Whatever we write ends a flood, since the peer may be waiting for it and then
/// answer.
class FloodGate {
 public:
  /// How long to leave small pieces alone during a flood, and so what it costs at most. Measured with
  /// bench_erlang: with less an Erlang node does not begin to gather.
  static constexpr Duration rest = std::chrono::milliseconds(2);
  /// The same for large ones: as network cards wait before they tell of packets, and some 10 of 64 KiB at
  /// 2 GB/s. Measured with bench_erlang.
  static constexpr Duration bulk_rest = std::chrono::microseconds(200);

  /// So many bytes were read, after which there were no more if `is_drained`: how long to rest now.
  [[nodiscard]] Duration rest_after(std::size_t bytes, bool is_drained, Instant now) {
    gulp_ += bytes;
    if (!is_drained) return Duration::zero();
    const std::size_t gulp = std::exchange(gulp_, 0);
    if (gulp == 0) return Duration::zero();
    if (now - std::exchange(last_, now) > over) answered();
    if (flood_ == Flood::none) begin(gulp, now);
    else if (!is_worth_it(gulp)) answered();
    switch (flood_) {
      case Flood::none: return Duration::zero();
      case Flood::small: return rest;
      case Flood::bulk: return bulk_rest;
    }
    return Duration::zero();
  }
  /// Something was written.
  void answered() {
    flood_ = Flood::none;
    small_ = 0;
    large_ = 0;
  }

 private:
  enum class Flood : std::uint8_t { none, small, bulk };

  /// A flood from which nothing came for so long is over.
  static constexpr Duration over = 2 * rest;
  // Guesses: many more pieces within a rest than a conversation has, and gulps that rests may well end with.
  // More than that at once is no small pieces.
  static constexpr int small_min = 32;
  static constexpr int large_min = 8;
  static constexpr std::size_t small_bytes_max = std::size_t{4} << 10;
  static constexpr std::size_t gulp_bytes_min = std::size_t{1} << 10;
  static constexpr std::size_t gulp_bytes_max = std::size_t{192} << 10;
  static constexpr std::size_t bulk_bytes_min = std::size_t{32} << 10;

  void begin(std::size_t piece, Instant now) {
    if (now - since_ > rest) {
      answered();
      since_ = now;
    }
    if (piece < small_bytes_max) {
      if (++small_ >= small_min) flood_ = Flood::small;
    } else {
      small_ = 0;
      if (++large_ >= large_min) flood_ = Flood::bulk;
    }
  }
  [[nodiscard]] bool is_worth_it(std::size_t gulp) const {
    if (flood_ == Flood::bulk) return gulp >= bulk_bytes_min;
    return gulp >= gulp_bytes_min && gulp < gulp_bytes_max;
  }

  Flood flood_ = Flood::none;
  std::size_t gulp_ = 0;
  int small_ = 0;  // pieces since `since_`, or the last large one
  int large_ = 0;  // since `since_`
  Instant since_{};
  Instant last_{};
};

}  // namespace barrel::loop
