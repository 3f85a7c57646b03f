#pragma once

#include <cstddef>

namespace barrel::carrier {

/// Whether the messages that come from a peer are large.
class MessageSizes {
 public:
  void add(std::size_t bytes) {
    bytes_ += bytes;
    ++messages_;
  }
  /// Of every 4 MiB once: whether they came as large messages. False until then.
  [[nodiscard]] bool are_large() {
    if (bytes_ < sample_bytes) return false;
    const bool large = bytes_ / messages_ >= large_bytes;
    *this = {};
    return large;
  }

 private:
  static constexpr std::size_t sample_bytes = std::size_t{4} << 20;
  /// Measured with bench_erlang: an Erlang node that is held back sends more messages of 64 and 256 bytes
  /// than one that is not, and fewer of 512.
  static constexpr std::size_t large_bytes = 400;

  std::size_t bytes_ = 0;
  std::size_t messages_ = 0;
};

}  // namespace barrel::carrier
