#include "barrel/base/metrics.hpp"

#include <algorithm>

#include "barrel/base/assert.hpp"

namespace barrel {

void Histogram::record(std::uint64_t value) {
  const auto bound = std::ranges::lower_bound(bounds, value);
  buckets_[static_cast<std::size_t>(bound - bounds.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
  count_.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t Histogram::at_most(std::size_t index) const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i <= index; ++i) sum += buckets_[i].load(std::memory_order_relaxed);
  return sum;
}

std::uint64_t Histogram::percentile(unsigned percent) const {
  const std::uint64_t all = count();
  if (all == 0) return 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (at_most(i) * 100 >= all * percent) return bounds[i];
  }
  return 2 * bounds.back();
}

template <class Kind>
Kind& Metrics::find_or_make(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  auto found = metrics_.find(name);
  if (found == metrics_.end())
    found = metrics_.try_emplace(std::string(name), std::in_place_type<Kind>).first;
  Kind* metric = std::get_if<Kind>(&found->second);
  BARREL_ASSERT(metric != nullptr);
  return *metric;
}

template Counter& Metrics::find_or_make(std::string_view);
template Gauge& Metrics::find_or_make(std::string_view);
template Histogram& Metrics::find_or_make(std::string_view);

std::map<std::string, std::uint64_t> Metrics::snapshot() const {
  const std::scoped_lock lock(mutex_);
  std::map<std::string, std::uint64_t> values;
  for (const auto& [name, metric] : metrics_) {
    if (const auto* counter = std::get_if<Counter>(&metric)) {
      values.emplace(name, counter->value());
    } else if (const auto* gauge = std::get_if<Gauge>(&metric)) {
      values.emplace(name, gauge->value());
    } else if (const auto* histogram = std::get_if<Histogram>(&metric)) {
      values.emplace(name + ".count", histogram->count());
      values.emplace(name + ".sum", histogram->sum());
      values.emplace(name + ".p50", histogram->percentile(50));
      values.emplace(name + ".p99", histogram->percentile(99));
    }
  }
  return values;
}

}  // namespace barrel
