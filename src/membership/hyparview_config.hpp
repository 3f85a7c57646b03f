#pragma once

#include <cstddef>
#include <cstdint>

#include "barrel/base/time.hpp"

namespace barrel {

/// Settings of HyParView. Names and defaults are the original's (disk-and-config) unless said otherwise.
struct HyParViewConfig {
  /// Peers kept linked for gossip; at least 1. HyParView paper: log10(n) + 1.
  std::size_t active_size = 5;
  /// Peers remembered as replacements.
  std::size_t passive_size = 30;
  /// Hops a join walks through the active views.
  std::int64_t arwl = 6;
  /// The hop of that walk that puts the new node into the passive view.
  std::int64_t prwl = 3;
  /// Peers told in one shuffle.
  std::size_t shuffle_length = 8;
  /// Longest regular time between shuffles; after a join or churn they come faster, from shuffle_period_min
  /// on, doubling up to this.
  Duration shuffle_period = std::chrono::seconds(10);
  /// Guess: fills the passive view of a new node within seconds and is gone from the traffic soon.
  Duration shuffle_period_min = std::chrono::seconds(1);
  /// How long a dial or a neighbor request may take before its slot is given to another candidate.
  Duration pending_timeout = std::chrono::seconds(30);
  /// How long an unanswered neighbor request over an existing link holds its slot; our own (guess: 40 times a
  /// slow round trip).
  Duration neighbor_timeout = std::chrono::seconds(4);
  /// Between attempts to reach a contact while the active view is empty.
  Duration contact_retry = std::chrono::seconds(5);
  /// First back-off after a failed dial; doubles with each failure up to backoff_max.
  Duration backoff_min = std::chrono::seconds(1);
  Duration backoff_max = std::chrono::seconds(300);
  /// Failures in a row after which a passive peer is forgotten.
  std::uint32_t fail_count_max = 5;
};

}  // namespace barrel
