#include "services/route.hpp"

namespace barrel {

std::optional<RouteAnswer> answer_route(const Term& request, const RegistrySnapshot& known) {
  if (!request.is_tagged("$barrel_p2p_route", 2)) return std::nullopt;
  const Term& content = request.elements()[1];
  if (!content.is_tagged("route_request", 3)) return std::nullopt;
  const Term& query = content.elements()[1];
  const Term& caller = content.elements()[2];
  if (!query.is_tagged("route_req", 5) || !caller.is_tuple(2)) return std::nullopt;
  const auto to = caller.elements()[0].as_pid();
  const auto ttl = query.elements()[2].as_int64();
  if (!to || !ttl) return std::nullopt;

  const auto answer = [&](Term result) {
    return RouteAnswer{*to, Term::tuple_of(caller.elements()[1], std::move(result))};
  };
  if (*ttl <= 0) return answer(Term::tuple_of(Atom("error"), Atom("ttl_expired")));
  const ServiceEntry* entry = known.whereis(query.elements()[1]);
  if (entry == nullptr) return answer(Term::tuple_of(Atom("error"), Atom("not_found")));
  return answer(Term::tuple_of(Atom("found"), entry->node, entry->pid));
}

}  // namespace barrel
