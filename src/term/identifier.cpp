#include "term/identifier.hpp"

#include "term/term_node.hpp"

namespace barrel::detail {

std::optional<Identifier> identifier_of(const Term& term) noexcept {
  switch (term.kind()) {
    case Term::Kind::pid: {
      const auto& pid = TermAccess::node<PidNode>(term);
      return Identifier{pid.node.atom_text(), pid.creation, std::uint64_t{pid.id} << 32 | pid.serial, {}};
    }
    case Term::Kind::port: {
      const auto& port = TermAccess::node<PortNode>(term);
      return Identifier{port.node.atom_text(), port.creation, port.id, {}};
    }
    case Term::Kind::reference: {
      const auto& ref = TermAccess::node<RefNode>(term);
      return Identifier{ref.node.atom_text(), ref.creation, 0, std::span(ref.words).first(ref.size)};
    }
    default: return std::nullopt;
  }
}

}  // namespace barrel::detail
