#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "barrel/term/node_name.hpp"
#include "barrel/term/pid.hpp"
#include "barrel/term/result.hpp"
#include "barrel/term/term.hpp"
#include "services/registry_snapshot.hpp"

// Overlay lookups: a node of the original tells its names to its neighbours and
// to those who are there when it registers them. Who came later, and is further away, asks from neighbour to
// neighbour.

namespace barrel {

/// `{'$barrel_p2p_route', {route_request, {route_req, Name, TTL, Origin, Visited}, {CallerPid, Ref}}}`.
struct RouteQuery {
  /// Hops of a lookup; the original's.
  static constexpr std::int64_t ttl_first = 5;
  /// Nodes that one may have asked: as many as a lookup of ttl_first hops passes, and room.
  static constexpr std::size_t visited_max = 64;

  /// Bytes of the external form of the name, as in RegistryConfig, and of what the caller tells answers apart
  /// by: both are copied to each neighbour.
  static constexpr std::size_t name_bytes_max = 1'024;
  static constexpr std::size_t ref_bytes_max = 1'024;

  Term name;
  std::int64_t ttl = ttl_first;
  NodeName origin;
  /// Who has been asked already, and is not asked again.
  std::vector<NodeName> visited;
  /// Who wants the answer, {Ref, Result}.
  Pid caller;
  Term ref;
};

/// Empty: malformed.
[[nodiscard]] std::optional<RouteQuery> read_route_query(const Term& request);
[[nodiscard]] Term to_term(const RouteQuery& query);

/// `{found, Node, Pid}`.
[[nodiscard]] Term route_found(const Pid& pid);
/// `{error, Reason}`.
[[nodiscard]] Term route_error(Atom reason);
/// The pid of `{found, Node, Pid}`.
[[nodiscard]] std::optional<Pid> read_route_found(const Term& result);

/// The result as far as it is known here; empty when others have to be asked. We know the merged map of all
/// Barrel nodes and of the Erlang nodes beside them.
[[nodiscard]] std::optional<Term> answer_route(const RouteQuery& query, const RegistrySnapshot& known);

}  // namespace barrel
