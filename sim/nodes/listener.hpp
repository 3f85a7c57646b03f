#pragma once

#include <cstddef>

#include "barrel/process/self.hpp"
#include "sim/nodes/stage.hpp"

namespace barrel::sim {

/// The body of a process that hears every event of its node's registry: each must be a change of what it was
/// told before. What it has been told comes to be what look-ups give.
Task<> run_listener(Self self, Stage* stage, std::size_t node);

}  // namespace barrel::sim
