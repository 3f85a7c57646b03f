#include "sim/nodes/run.hpp"

#include <exception>

namespace barrel::sim {

NodesReport run_seed(std::uint64_t seed, const IdentityPool& identities, bool verbose) {
  NodesReport report;
  try {
    Plan plan = plan_of(seed);
    plan.world.verbose = verbose;
    report = NodesScenario(std::move(plan), identities).run();
  } catch (const std::exception& error) {
    report.faults.push_back(error.what());
  }
  report.seed = seed;
  return report;
}

std::string replay_command(std::uint64_t seed) {
  return "barrel-sim-nodes --verbose --seed " + std::to_string(seed);
}

}  // namespace barrel::sim
