#pragma once

#include "barrel/process/functions.hpp"

namespace barrel::node {

/// Exposes what reads and changes nothing of the original's module barrel_p2p, with its result shapes, the
/// relay of its service proxy, and the functions of erlang that tools ask for: node/0, nodes/0, whereis/1,
/// is_process_alive/1.
void expose_api(Functions& functions);

}  // namespace barrel::node
