#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "barrel/base/time.hpp"

namespace barrel::node {

/// Tells when a peer has stopped to take what is sent to it although it is alive, which parks everybody who
/// sends to it. Cluster thread.
class StallWatch {
 public:
  /// As long as a silent Erlang node counts as alive (net_ticktime).
  static constexpr Duration stalled_after = std::chrono::seconds(60);
  /// What the slowest link that is of any use takes meanwhile, a kilobyte a second. A guess.
  static constexpr std::uint64_t least_bytes = 60'000;

  /// A new connection.
  void restart() { behind_ = false; }
  /// `busy`: senders wait for the peer; `taken_bytes`: what it has taken so far. True when it is to be given
  /// up. To be asked now and then.
  [[nodiscard]] bool look(bool busy, std::uint64_t taken_bytes, Instant now) {
    if (!busy) {
      behind_ = false;
      return false;
    }
    if (!behind_ || taken_bytes - taken_before_ >= least_bytes) {
      behind_ = true;
      taken_before_ = taken_bytes;
      since_ = now;
      return false;
    }
    return now - since_ >= stalled_after;
  }

 private:
  bool behind_ = false;
  std::uint64_t taken_before_ = 0;
  Instant since_{};
};

}  // namespace barrel::node
