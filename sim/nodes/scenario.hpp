#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sim/nodes/plan.hpp"
#include "sim/nodes/trouble.hpp"
#include "sim/nodes/world.hpp"

namespace barrel::sim {

/// What one run showed.
struct NodesReport {
  std::uint64_t seed = 0;
  std::string plan;
  /// What was wrong; empty: all as it must be.
  std::vector<std::string> faults;
  std::uint64_t trace = 0;
  std::uint64_t datagrams = 0;
  std::uint64_t messages = 0;
  std::uint64_t downs = 0;
  std::uint64_t processes = 0;
  std::uint64_t names = 0;
  /// What the nodes that run at the end have counted, in all.
  std::map<std::string, std::uint64_t> counters;
  /// By node: how often it has started.
  std::vector<std::uint32_t> starts;
  /// From the end of all trouble until the cluster agreed.
  Duration settled{};
};
[[nodiscard]] std::string summary(const NodesReport& report);

/// Runs a plan: boot, workload and trouble, then calm; within `settle_max` the cluster must agree and
/// everything that is due must have come.
class NodesScenario {
 public:
  NodesScenario(Plan plan, const IdentityPool& identities);

  /// For planted faults: called each time before it is looked whether the cluster agrees.
  std::function<void(World&)> before_look;
  [[nodiscard]] World& world() { return world_; }
  [[nodiscard]] NodesReport run();

 private:
  void boot();
  void keep_populated(std::size_t index);
  void look_at_limits();
  void end_trouble();
  /// After the quiet start.
  [[nodiscard]] Duration latest_start(Trouble trouble) const;
  /// Runs until everything holds; adds what does not to the faults.
  [[nodiscard]] Duration settle();
  [[nodiscard]] std::vector<std::string> open_issues();
  Plan plan_;
  World world_;
  TroubleMaker troubles_;
  Instant calm_at_{};
};

}  // namespace barrel::sim
