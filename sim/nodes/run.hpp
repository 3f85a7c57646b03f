#pragma once

#include <cstdint>
#include <string>

#include "sim/nodes/identity_pool.hpp"
#include "sim/nodes/scenario.hpp"

namespace barrel::sim {

/// Runs the plan that the seed gives. Exceptions become faults.
[[nodiscard]] NodesReport run_seed(std::uint64_t seed, const IdentityPool& identities, bool verbose = false);

/// What to type to see a seed again.
[[nodiscard]] std::string replay_command(std::uint64_t seed);

}  // namespace barrel::sim
