#include "node/api_functions.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "barrel/node/node.hpp"
#include "node/service_relay.hpp"

namespace barrel::node {

namespace {

/// As in the original: three more attempts, the first after about a tenth of a second.
constexpr int whereis_retries = 3;
constexpr int whereis_retries_max = 10;
constexpr Duration whereis_pause = std::chrono::milliseconds(100);

Term not_found() {
  return Term::tuple_of(Atom("error"), Atom("not_found"));
}

/// {ok, Pid} for a process of this node, {ok, Node, Pid} for another's.
Term found(Self self, const Pid& pid) {
  if (pid.node() == self.node().name()) return Term::tuple_of(Atom("ok"), pid);
  return Term::tuple_of(Atom("ok"), pid.node(), pid);
}

Task<Term> whereis_with(Self self, Term name, int retries) {
  WhereisOptions options;
  options.retries = retries;
  options.first_pause = whereis_pause;
  Task<Result<Pid>> search = self.node().registry().whereis(self, name, options);
  const Result<Pid> pid = co_await std::move(search);
  co_return pid ? found(self, *pid) : not_found();
}
Task<Term> whereis_service(Self self, Term name) {
  return whereis_with(self, std::move(name), whereis_retries);
}
// NOLINTNEXTLINE(performance-unnecessary-value-param): as bodies of processes have them
Task<Term> whereis_service_options(Self self, Term name, Term options) {
  if (!options.is_map()) throw detail::WrongArguments();
  const int retries = options.get<int>("retries").value_or(whereis_retries);
  return whereis_with(self, std::move(name), std::clamp(retries, 0, whereis_retries_max));
}

Term lookup(Self self, const Term& name) {
  const auto entries = self.node().registry().lookup(name);
  if (entries.empty()) return not_found();
  return Term::tuple_of(Atom("ok"), to_term(entries));
}
Term lookup_local(Self self, const Term& name) {
  const auto entry = self.node().registry().lookup_local(name);
  return entry ? Term::tuple_of(Atom("ok"), entry->pid) : not_found();
}
std::vector<Term> list_services(Self self) {
  return self.node().registry().list();
}
/// For {via, barrel_p2p, Name}.
Term whereis_name(Self self, const Term& name) {
  const auto pid = self.node().registry().find(name);
  return pid ? Term(*pid) : Term(Atom("undefined"));
}
std::vector<NodeName> active_view(Self self) {
  return self.node().membership().active_view();
}
std::vector<NodeName> passive_view(Self self) {
  return self.node().membership().passive_view();
}

std::vector<NodeName> members(Self self) {
  return self.node().membership().members();
}

NodeName own_name(Self self) {
  return self.node().name();
}
std::vector<NodeName> nodes(Self self) {
  return self.node().nodes();
}
Term whereis(Self self, Atom name) {
  const auto pid = self.whereis(name);
  return pid ? Term(*pid) : Term(Atom("undefined"));
}
bool is_process_alive(Self self, const Pid& pid) {
  if (pid.node() != self.node().name()) throw detail::WrongArguments();
  return self.runtime().is_alive(pid);
}

}  // namespace

void expose_api(Functions& functions) {
  functions.expose("barrel_p2p", "whereis_service", whereis_service);
  functions.expose("barrel_p2p", "whereis_service", whereis_service_options);
  functions.expose("barrel_p2p", "lookup", lookup);
  functions.expose("barrel_p2p", "lookup_local", lookup_local);
  functions.expose("barrel_p2p", "list_services", list_services);
  functions.expose("barrel_p2p", "whereis_name", whereis_name);
  functions.expose("barrel_p2p", "active_view", active_view);
  functions.expose("barrel_p2p", "passive_view", passive_view);
  functions.expose("barrel_p2p", "members", members);
  expose_service_relay(functions);
  functions.expose("erlang", "node", own_name);
  functions.expose("erlang", "nodes", nodes);
  functions.expose("erlang", "whereis", whereis);
  functions.expose("erlang", "is_process_alive", is_process_alive);
}

}  // namespace barrel::node
