#include "barrel/process/events.hpp"

namespace barrel {

namespace {
Error wrong_shape(const char* expected) {
  return {Errc::malformed, Term(expected)};
}
}  // namespace

Term Down::to_term() const {
  Term what = name ? Term::tuple_of(name->name, name->node) : Term(pid);
  return Term::tuple_of(Atom("DOWN"), ref, type, std::move(what), reason);
}

Result<Down> Down::from_term(const Term& term) {
  const char* expected = "{'DOWN', Ref, process, Pid | {Name, Node}, Reason}";
  if (!term.is_tagged("DOWN", 5)) return wrong_shape(expected);
  const auto fields = term.elements();
  const auto ref = fields[1].as_ref();
  const auto type = fields[2].as_atom();
  if (!ref || !type) return wrong_shape(expected);
  Down down;
  down.ref = *ref;
  down.type = *type;
  down.reason = fields[4];
  if (const auto pid = fields[3].as_pid()) {
    down.pid = *pid;
    return down;
  }
  if (!fields[3].is_tuple(2)) return wrong_shape(expected);
  const auto name = fields[3].elements()[0].as_atom();
  const auto node = fields[3].elements()[1].as_atom();
  if (!name || !node) return wrong_shape(expected);
  down.name = NodeLocalName{*name, NodeName(*node)};
  return down;
}

Term Exit::to_term() const {
  return Term::tuple_of(Atom("EXIT"), from, reason);
}

Result<Exit> Exit::from_term(const Term& term) {
  if (term.is_tagged("EXIT", 3)) {
    if (const auto from = term.elements()[1].as_pid()) return Exit(*from, term.elements()[2]);
  }
  return wrong_shape("{'EXIT', Pid, Reason}");
}

}  // namespace barrel
