#include "services/route.hpp"

#include <algorithm>

#include "barrel/term/node_term.hpp"
#include "barrel/term/term_size.hpp"

namespace barrel {

namespace {

bool is_longer(const Term& term, std::size_t bytes_max) {
  return estimate_bytes(term, bytes_max) > bytes_max;
}

}  // namespace

std::optional<RouteQuery> read_route_query(const Term& request) {
  if (!request.is_tagged("$barrel_p2p_route", 2)) return std::nullopt;
  const Term& content = request.elements()[1];
  if (!content.is_tagged("route_request", 3)) return std::nullopt;
  const Term& record = content.elements()[1];
  const Term& caller = content.elements()[2];
  if (!record.is_tagged("route_req", 5) || !caller.is_tuple(2)) return std::nullopt;
  const auto to = caller.elements()[0].as_pid();
  const auto ttl = record.elements()[2].as_int64();
  const auto origin = node_from_term(record.elements()[3]);
  const Term& visited = record.elements()[4];
  if (!to || !ttl || !origin || !visited.is_proper_list()) return std::nullopt;
  if (visited.elements().size() > RouteQuery::visited_max) return std::nullopt;
  if (is_longer(record.elements()[1], RouteQuery::name_bytes_max)) return std::nullopt;
  if (is_longer(caller.elements()[1], RouteQuery::ref_bytes_max)) return std::nullopt;
  RouteQuery query{record.elements()[1], std::min(*ttl, RouteQuery::ttl_first), *origin, {}, *to,
                   caller.elements()[1]};
  for (const Term& element : visited.elements()) {
    const auto node = node_from_term(element);
    if (!node) return std::nullopt;
    query.visited.push_back(*node);
  }
  return query;
}

Term to_term(const RouteQuery& query) {
  std::vector<Term> visited;
  for (const NodeName node : query.visited) visited.emplace_back(node);
  const Term record =
      Term::tuple_of(Atom("route_req"), query.name, query.ttl, query.origin, Term::list(std::move(visited)));
  return Term::tuple_of(Atom("$barrel_p2p_route"), Term::tuple_of(Atom("route_request"), record,
                                                                  Term::tuple_of(query.caller, query.ref)));
}

Term route_found(const Pid& pid) {
  return Term::tuple_of(Atom("found"), pid.node(), pid);
}
Term route_error(Atom reason) {
  return Term::tuple_of(Atom("error"), reason);
}

std::optional<Pid> read_route_found(const Term& result) {
  if (!result.is_tagged("found", 3)) return std::nullopt;
  return result.elements()[2].as_pid();
}

std::optional<Term> answer_route(const RouteQuery& query, const RegistrySnapshot& known) {
  if (query.ttl <= 0) return route_error("ttl_expired");
  const ServiceEntry* entry = known.whereis(query.name);
  if (entry == nullptr) return std::nullopt;
  return Term::tuple_of(Atom("found"), entry->node, entry->pid);
}

}  // namespace barrel
