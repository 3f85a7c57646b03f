#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

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
  /// ... for one neighbour, so that it leaves places for the others. A guess.
  static constexpr std::uint32_t passed_on_per_asker_max = 64;

  Lookups(Runtime& runtime, Metrics& metrics);

  /// From now on there may be names that only a lookup finds: Barrel nodes tell each other all they know.
  void beside_originals() { beside_originals_.store(true, std::memory_order_relaxed); }
  /// For a process. Errc::not_found at once when it makes no sense to ask.
  [[nodiscard]] Task<Result<Pid>> find(Self self, Term name) const;
  /// Answers the lookup that came from `asker` with what the neighbours say; false when too many run, of all
  /// or of this asker.
  [[nodiscard]] bool pass_on(NodeName asker, const RouteQuery& query);

  /// Those that run, by asker. Taken by the cluster thread, given back by the threads of processes.
  class Places {
   public:
    enum class Taken : std::uint8_t { yes, all_full, asker_full };
    [[nodiscard]] Taken take(NodeName asker);
    void give_back(NodeName asker);

   private:
    std::mutex mutex_;
    std::map<NodeName, std::uint32_t> of_;
    std::uint32_t all_ = 0;
  };

 private:
  Runtime& runtime_;
  std::atomic<bool> beside_originals_{false};
  std::shared_ptr<Places> running_;
  Counter& dropped_;
  Counter& asker_full_;
};

}  // namespace barrel::node
