#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// How often something has happened. Thread-safe, never blocks.
class Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// How much there is of something now. Thread-safe, never blocks.
class Gauge {
 public:
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  void subtract(std::uint64_t amount = 1) { value_.fetch_sub(amount, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// How values are distributed: their number, their sum, and how many are at most each bound. Thread-safe,
/// never blocks; what is read while others record may lack the latest.
class Histogram {
 public:
  /// Of durations in milliseconds.
  static constexpr std::array<std::uint64_t, 13> bounds{1,   2,   5,    10,   20,   50,    100,
                                                        200, 500, 1000, 2000, 5000, 10'000};

  void record(std::uint64_t value);
  [[nodiscard]] std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t sum() const { return sum_.load(std::memory_order_relaxed); }
  /// How many values were at most `bounds[index]`.
  [[nodiscard]] std::uint64_t at_most(std::size_t index) const;
  /// The smallest bound that `percent` of the values do not exceed; twice the last bound when there is none.
  [[nodiscard]] std::uint64_t percentile(unsigned percent) const;

 private:
  std::array<std::atomic<std::uint64_t>, bounds.size() + 1> buckets_{};
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> sum_{0};
};

/// The metrics of one node by name. What the original (barrel_p2p 0.1) counts has its name there
/// (`barrel_p2p.plumtree.gossip.sent`), attributes in braces (`...{role=incoming,outcome=ok}`); the rest is
/// `<layer>.<what>`. docs/metrics.md lists them all. Components look theirs up once when they are built and
/// keep the reference, which stays valid as long as the Metrics. A name has one kind; using it with another
/// is a programming error and aborts. Thread-safe.
class Metrics {
 public:
  /// The metric of that name, made on first use.
  [[nodiscard]] Counter& counter(std::string_view name) { return find_or_make<Counter>(name); }
  [[nodiscard]] Gauge& gauge(std::string_view name) { return find_or_make<Gauge>(name); }
  [[nodiscard]] Histogram& histogram(std::string_view name) { return find_or_make<Histogram>(name); }

  /// All values now; of a histogram `<name>.count`, `.sum`, `.p50` and `.p99`.
  [[nodiscard]] std::map<std::string, std::uint64_t> snapshot() const;

 private:
  using Metric = std::variant<Counter, Gauge, Histogram>;
  template <class Kind>
  Kind& find_or_make(std::string_view name);

  mutable std::mutex mutex_;
  std::map<std::string, Metric, std::less<>> metrics_;
};

}  // namespace barrel
#pragma GCC visibility pop
