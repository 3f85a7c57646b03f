#pragma once

#include <optional>

#include "barrel/term/pid.hpp"
#include "barrel/term/term.hpp"
#include "services/registry_snapshot.hpp"

namespace barrel {

/// The answer to an overlay lookup: `{Ref, {found, Node, Pid}}` or `{Ref, {error, Reason}}`, for the asking
/// process.
struct RouteAnswer {
  Pid to;
  Term message;
};

/// Answers `{'$barrel_p2p_route', {route_request, {route_req, Name, TTL, Origin, Visited}, {CallerPid,
/// Ref}}}` (wire-membership-gossip §4.6). The original asks its peers in turn; we know the merged map of all
/// Barrel nodes and of the Erlang nodes beside them, and answer from it. Empty: malformed.
[[nodiscard]] std::optional<RouteAnswer> answer_route(const Term& request, const RegistrySnapshot& known);

}  // namespace barrel
