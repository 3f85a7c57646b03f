#pragma once

#include "sim/nodes/run.hpp"

namespace barrel::sim {

/// One for the test program.
[[nodiscard]] inline const IdentityPool& identities() {
  static const IdentityPool pool;
  return pool;
}

}  // namespace barrel::sim
