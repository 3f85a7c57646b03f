#pragma once

#include "barrel/process/functions.hpp"

namespace barrel::node {

/// Exposes barrel_p2p_service_proxy:relay/3 and /4: a node of the original that has no link to the node of a
/// service lets a neighbour call it. The original passes the call on through its overlay, hop by hop; a node
/// of ours connects to whom it needs, so that every such way ends here.
void expose_service_relay(Functions& functions);

}  // namespace barrel::node
