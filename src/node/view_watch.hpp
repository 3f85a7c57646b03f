#pragma once

#include "barrel/process/runtime.hpp"
#include "node/membership_service.hpp"

namespace barrel::node {

/// Notices that a neighbour that runs the original has lost its views: its membership process crashes and
/// begins anew, while its links and its gossip go on as before. A process of this node monitors that process
/// of each such neighbour, and joins again once it is back.
void start_view_watch(Runtime& runtime, MembershipService& membership);

}  // namespace barrel::node
