#pragma once

#include <optional>

#include "barrel/term/node_name.hpp"
#include "barrel/term/term.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// The node name in a term from a peer; empty when it is no atom, not a valid name, or the peer's atom quota
/// is used up.
[[nodiscard]] inline std::optional<NodeName> node_from_term(const Term& term) {
  if (!term.is_atom() || !NodeName::valid(term.atom_text())) return std::nullopt;
  const auto atom = term.as_atom();
  return atom ? std::optional(NodeName(*atom)) : std::nullopt;
}

}  // namespace barrel
#pragma GCC visibility pop
