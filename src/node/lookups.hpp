#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "barrel/base/metrics.hpp"
#include "barrel/process/runtime.hpp"
#include "services/route.hpp"

namespace barrel::node {

/// Names that are not known here, asked for from neighbour to neighbour: as nodes of the original do, and for
/// them. Each lookup has a process of its own, which asks all neighbours that have not been asked yet.
class Lookups {
 public:
  /// Lookups of others that run at once; more are answered as if there was nobody to ask. The original's.
  static constexpr std::uint32_t passed_on_max = 256;

  Lookups(Runtime& runtime, Metrics& metrics);

  /// From now on there may be names that only a lookup finds: Barrel nodes tell each other all they know.
  void beside_originals() { beside_originals_.store(true, std::memory_order_relaxed); }
  /// For a process. Errc::not_found at once when it makes no sense to ask.
  [[nodiscard]] Task<Result<Pid>> find(Self self, Term name) const;
  /// Answers the lookup of another node with what the neighbours say; false when too many run.
  [[nodiscard]] bool pass_on(const RouteQuery& query);

 private:
  Runtime& runtime_;
  std::atomic<bool> beside_originals_{false};
  std::shared_ptr<std::atomic<std::uint32_t>> running_;
  Counter& dropped_;
};

}  // namespace barrel::node
