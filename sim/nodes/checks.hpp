#pragma once

#include <string>
#include <vector>

#include "sim/nodes/world.hpp"

namespace barrel::sim {

/// Each gives what is wrong now.

/// Every node sees exactly what live processes have registered, metadata included.
[[nodiscard]] std::vector<std::string> check_registry(World& world);
/// Active views are of running nodes, symmetric, and connect all.
[[nodiscard]] std::vector<std::string> check_views(World& world);
/// At all times: views, queues and tables within their limits, nothing of an honest peer taken for malformed.
[[nodiscard]] std::vector<std::string> check_limits(World& world);
/// No process is left that nobody knows of.
[[nodiscard]] std::vector<std::string> check_processes(World& world);

}  // namespace barrel::sim
