#include "node/service_relay.hpp"

#include <algorithm>
#include <optional>

#include "barrel/node/node.hpp"

namespace barrel::node {

namespace {

/// The original's limit for each hop.
constexpr Duration call_limit = std::chrono::seconds(10);

Term failed(const Term& reason) {
  return Term::tuple_of(Atom("error"), reason);
}

/// The process that holds the name on that node. Whoever asks speaks in our name, so that nothing can be
/// reached but services: not `rex`, by which another node might do for us what it does not do for the asker.
std::optional<Pid> holder_of(Self self, const Term& name, NodeName target) {
  const Registry& registry = self.node().registry();
  if (const auto first = registry.find(name); first && first->node() == target) return *first;
  const auto entries = registry.lookup(name);
  const auto entry = std::ranges::find(entries, target, &ServiceEntry::node);
  if (entry == entries.end()) return std::nullopt;
  return entry->pid;
}

/// The reasons are the original's.
Term reason_of(const Error& error) {
  switch (error.code) {
    case Errc::no_process: return Atom("service_not_found");
    case Errc::no_connection: return Atom("node_down");
    case Errc::timeout: return Atom("timeout");
    default: return error.reason;
  }
}

Task<Term> relay(Self self, Term name, NodeName target, Term request, Term context) {
  if (!name.is_atom() && !name.is_binary()) throw detail::WrongArguments();
  const auto hops_left = context.get<int>("ttl");
  if (!hops_left) throw detail::WrongArguments();
  if (*hops_left <= 0) co_return failed(Atom("ttl_expired"));
  const auto service = holder_of(self, name, target);
  if (!service) co_return failed(Atom("service_not_found"));
  auto answer = co_await self.call<Term>(*service, request, call_limit);
  if (!answer) co_return failed(reason_of(answer.error()));
  co_return *std::move(answer);
}
Task<Term> relay_first(Self self, Term name, NodeName target, Term request) {
  return relay(self, std::move(name), target, std::move(request), Term::map({{Atom("ttl"), 1}}));
}

}  // namespace

void expose_service_relay(Functions& functions) {
  functions.expose("barrel_p2p_service_proxy", "relay", relay_first);
  functions.expose("barrel_p2p_service_proxy", "relay", relay);
}

}  // namespace barrel::node
