#include "term/exported_fun.hpp"

#include "term/term_node.hpp"

namespace barrel::detail {

std::optional<ExportedFun> exported_fun(const Term& term) {
  if (term.kind() != Term::Kind::fun || TermAccess::form(term) != Form::export_fun) return std::nullopt;
  const auto& node = TermAccess::node<ExportNode>(term);
  return ExportedFun{node.module, node.function, node.arity};
}

}  // namespace barrel::detail
