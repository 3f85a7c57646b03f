#include "barrel/otp/sys.hpp"

#include <string>
#include <utility>
#include <vector>

#include "barrel/process/exit.hpp"
#include "barrel/process/matching.hpp"
#include "barrel/process/runtime.hpp"

namespace barrel::detail {

namespace {

Term error(Term reason) {
  return Term::tuple_of(Atom("error"), std::move(reason));
}

Term item(const char* label, Term value) {
  return Term::tuple_of(Term::charlist(label), std::move(value));
}

Term data(std::vector<Term> items) {
  return Term::tuple_of(Atom("data"), Term::list(std::move(items)));
}

/// {status, Pid, {module, gen_server}, [PDict, SysState, Parent, Debug, Misc]}, with Misc as gen_server's
/// format_status makes it, which is what observer and crash reports read.
Term status(const SysServer& server, const Term& state) {
  const Self& self = server.self;
  const Pid pid = self.pid();
  const auto name = registered_name(self.process());
  const std::string shown = name ? std::string(name->text()) : to_string(pid, self.runtime().node_name());
  const Term sys_state = Atom(server.suspended ? "suspended" : "running");
  Term header = Term::tuple_of(Atom("header"), Term::charlist("Status for generic server " + shown));
  Term facts =
      data({item("Status", sys_state), item("Parent", server.parent), item("Logged events", Term::list({}))});
  Term misc = Term::list({std::move(header), std::move(facts), data({item("State", state)})});
  const Term ancestors = Term::tuple_of(Atom("$ancestors"), Term::list({Term(server.parent)}));
  return Term::tuple_of(
      Atom("status"), pid, Term::tuple_of(Atom("module"), Atom("gen_server")),
      Term::list({Term::list({ancestors}), sys_state, server.parent, Term::list({}), std::move(misc)}));
}

/// There is no code of Erlang here; so it says of a function that a module lacks.
Term undefined_function(const Term& module, const char* name, std::vector<Term> arguments) {
  const Term frame = Term::tuple_of(module, Atom(name), Term::list(std::move(arguments)), Term::list({}));
  return Term::tuple_of(Atom("EXIT"), Term::tuple_of(Atom("undef"), Term::list({frame})));
}

Term change_code(const SysServer& server, const Term& request, const Term& state) {
  const auto parts = request.elements();
  if (!server.suspended) return error(Term::tuple_of(Atom("unknown_system_msg"), request));
  return error(undefined_function(parts[1], "code_change", {parts[2], state, parts[3]}));
}

Term replace_state() {
  return error(Term::tuple_of(Atom("callback_failed"),
                              Term::tuple_of(Atom("gen_server"), Atom("system_replace_state")),
                              Term::tuple_of(Atom("error"), Atom("undef"))));
}

/// Nothing is logged, traced or counted; to switch that off, or to ask for what there is, is understood.
Term debug(const Term& what) {
  const Atom ok("ok");
  if (what.is_atom("no_debug") || what.is_tagged("remove", 2)) return ok;
  if (!what.is_tuple(2)) return Atom("unknown_debug");
  const Term& flag = what.elements()[1];
  if (flag.is_atom("false")) return ok;
  if (what.is_tagged("log", 2) && flag.is_atom("print")) return ok;
  if (what.is_tagged("log", 2) && flag.is_atom("get")) return Term::tuple_of(ok, Term::list({}));
  if (what.is_tagged("statistics", 2) && flag.is_atom("get"))
    return Term::tuple_of(ok, Atom("no_statistics"));
  return Atom("unknown_debug");
}

}  // namespace

void answer_sys(SysServer& server, const Term& request, const std::optional<Term>& state, Caller caller) {
  const Term shown = state.value_or(Atom("undefined"));
  if (request.is_tagged("terminate", 2)) {
    caller.reply<Term>(Atom("ok"));
    barrel::exit(request.elements()[1]);
  }
  if (request.is_atom("suspend") || request.is_atom("resume")) {
    server.suspended = request.is_atom("suspend");
    return caller.reply<Term>(Atom("ok"));
  }
  if (request.is_atom("get_state")) return caller.reply<Term>(shown);
  if (request.is_atom("get_status")) return caller.reply<Term>(status(server, shown));
  if (request.is_tagged("replace_state", 2)) return caller.reply<Term>(replace_state());
  if (request.is_tagged("change_code", 4)) return caller.reply<Term>(change_code(server, request, shown));
  if (request.is_tagged("debug", 2)) return caller.reply<Term>(debug(request.elements()[1]));
  caller.reply<Term>(error(Term::tuple_of(Atom("unknown_system_msg"), request)));
}

Match ReceiveSuspended::match(MessageWait& wait, Envelope*& envelope) {
  auto& me = static_cast<ReceiveSuspended&>(wait);
  if (envelope->type == &TypeInfo<Exit>::type) {
    return static_cast<const TypedMessage<Exit>&>(*envelope).value.from == me.parent_ ? Match::yes
                                                                                      : Match::no;
  }
  if (envelope->type->kind == MessageType::Kind::encoded) {
    const auto tag = encoded_tag(encoded_bytes(*envelope));
    if (tag != "system" && tag != "EXIT") return Match::no;
    if (!decode_in_place(*me.process_, envelope)) return Match::drop;
  }
  if (envelope->type != &TypeInfo<Term>::type) return Match::no;
  const Term& term = static_cast<const TypedMessage<Term>&>(*envelope).value;
  if (term.is_tagged("system", 3)) return parse_call_from(term.elements()[1]) ? Match::yes : Match::no;
  const auto exit = Exit::from_term(term);
  return exit && exit->from == me.parent_ ? Match::yes : Match::no;
}

}  // namespace barrel::detail
