#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace barrel {

/// A number that only grows, or a gauge that is set. Thread-safe, never blocks.
class Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// The counters and gauges of one node, by name (`quic.packets_dropped`). Components look theirs up once
/// when they are built and keep the reference, which stays valid as long as the Metrics. Thread-safe.
class Metrics {
 public:
  /// The counter of that name, made on first use.
  [[nodiscard]] Counter& counter(std::string_view name);
  /// A copy of all values.
  [[nodiscard]] std::map<std::string, std::uint64_t> snapshot() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Counter, std::less<>> counters_;
};

}  // namespace barrel
