#include "barrel/base/metrics.hpp"

namespace barrel {

Counter& Metrics::counter(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  auto found = counters_.find(name);
  if (found == counters_.end()) found = counters_.try_emplace(std::string(name)).first;
  return found->second;
}

std::map<std::string, std::uint64_t> Metrics::snapshot() const {
  const std::scoped_lock lock(mutex_);
  std::map<std::string, std::uint64_t> values;
  for (const auto& [name, counter] : counters_) values.emplace(name, counter.value());
  return values;
}

}  // namespace barrel
