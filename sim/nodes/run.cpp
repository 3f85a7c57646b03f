#include "sim/nodes/run.hpp"

#include <exception>
#include <utility>

namespace barrel::sim {

NodesReport run_plan(Plan plan, const IdentityPool& identities) {
  try {
    return NodesScenario(std::move(plan), identities).run();
  } catch (const std::exception& error) {
    NodesReport report;
    report.faults.push_back(error.what());
    return report;
  }
}

NodesReport run_seed(std::uint64_t seed, const IdentityPool& identities) {
  NodesReport report = run_plan(plan_of(seed), identities);
  report.seed = seed;
  return report;
}

std::string replay_command(std::uint64_t seed, bool first) {
  return "barrel-sim-nodes --verbose " + std::string(first ? "--first-plans " : "") + "--seed " +
         std::to_string(seed);
}

}  // namespace barrel::sim
