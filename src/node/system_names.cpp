#include "node/system_names.hpp"

#include <algorithm>
#include <array>

namespace barrel::node {

namespace {

struct Names {
  Atom net_kernel{"net_kernel"};
  Atom rex{"rex"};
};

const Names& names() {
  static const Names instance;
  return instance;
}

/// The alias in a gen_server tag: `[alias|Ref]`, or `[[alias|Ref]|_]` of a multi-call.
std::optional<Ref> alias_of(const Term& tag) {
  if (!tag.is_list() || tag.elements().size() != 1) return std::nullopt;
  const Term& head = tag.elements()[0];
  if (head.is_atom("alias")) return tag.tail().as_ref();
  return head.is_list() ? alias_of(head) : std::nullopt;
}

/// `{'$gen_call', {Pid, Tag}, Request}` answered with `answer`.
std::optional<SystemReply> reply_to_call(const Term& from, Term answer) {
  if (!from.is_tuple(2)) return std::nullopt;
  const Term& tag = from.elements()[1];
  Term message = Term::tuple_of(tag, std::move(answer));
  if (const auto alias = alias_of(tag)) return SystemReply{*alias, std::move(message)};
  const auto pid = from.elements()[0].as_pid();
  if (!pid) return std::nullopt;
  return SystemReply{*pid, std::move(message)};
}

}  // namespace

bool is_system_name(Atom name) {
  return name == names().net_kernel || name == names().rex;
}

std::optional<SystemReply> answer_system(Atom name, const Term& message, NodeName self) {
  if (name == names().net_kernel && message.is_tagged("$gen_call", 3)) {
    const auto parts = message.elements();
    if (parts[2].is_tagged("is_auth", 2)) return reply_to_call(parts[1], Atom("yes"));
    return std::nullopt;
  }
  if (name == names().rex && message.is_tuple(2) && message.elements()[1].is_atom("features_request")) {
    const auto pid = message.elements()[0].as_pid();
    if (!pid) return std::nullopt;
    return SystemReply{*pid, Term::tuple_of(Atom("features_reply"), self, Term::list({Term(Atom("erpc"))}))};
  }
  return std::nullopt;
}

}  // namespace barrel::node
