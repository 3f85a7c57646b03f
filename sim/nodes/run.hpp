#pragma once

#include <cstdint>
#include <string>

#include "sim/nodes/identity_pool.hpp"
#include "sim/nodes/scenario.hpp"

namespace barrel::sim {

/// Runs the plan. Exceptions become faults.
[[nodiscard]] NodesReport run_plan(Plan plan, const IdentityPool& identities);

/// Runs the plan that the seed gives.
[[nodiscard]] NodesReport run_seed(std::uint64_t seed, const IdentityPool& identities);

/// What to type to see a seed again; `first`: with its first plan.
[[nodiscard]] std::string replay_command(std::uint64_t seed, bool first = false);

}  // namespace barrel::sim
