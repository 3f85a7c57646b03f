#pragma once

#include <chrono>
#include <cstddef>

#include "barrel/base/time.hpp"

namespace barrel::loop {

/// Tells when a peer floods us with small pieces that we do not answer, so that it is better to read them in
/// gulps: read at once, each is a packet of its own, and a writer that is never made to wait gathers nothing
/// (an Erlang node spends twice the time on each message then). Whatever we write ends that, since the peer
/// may be waiting for it and then answer.
class FloodGate {
 public:
  /// How long to leave what arrives alone during a flood, and so what it costs at most. Measured with
  /// bench_erlang: with less an Erlang node does not begin to gather.
  static constexpr Duration rest = std::chrono::milliseconds(2);

  /// So many bytes were read: whether to rest now.
  [[nodiscard]] bool is_flood(std::size_t bytes, Instant now) {
    if (flood_) {
      flood_ = bytes >= gulp_bytes_min && bytes < gulp_bytes_max;
      reads_ = 0;
      return flood_;
    }
    if (bytes >= piece_bytes_max || now - since_ > rest) {
      reads_ = 0;
      since_ = now;
    }
    flood_ = bytes < piece_bytes_max && ++reads_ >= pieces_min;
    return flood_;
  }
  /// Something was written.
  void answered() {
    flood_ = false;
    reads_ = 0;
  }

 private:
  // Guesses: many more pieces within a rest than a conversation has, and gulps that rests may well end with.
  // More than that at once is no small pieces.
  static constexpr int pieces_min = 32;
  static constexpr std::size_t piece_bytes_max = std::size_t{4} << 10;
  static constexpr std::size_t gulp_bytes_min = std::size_t{1} << 10;
  static constexpr std::size_t gulp_bytes_max = std::size_t{192} << 10;

  bool flood_ = false;
  int reads_ = 0;  // small ones since `since_`
  Instant since_{};
};

}  // namespace barrel::loop
