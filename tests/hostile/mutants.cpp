#include "hostile/mutants.hpp"

#include <limits>
#include <string>
#include <utility>

#include "barrel/term/big_int.hpp"

namespace barrel::hostile {

namespace {

using Children = std::vector<Term>;

/// A container with other children; maps have keys and values in turn.
Term rebuilt(const Term& like, Children children) {
  if (like.is_tuple()) return Term::tuple(std::move(children));
  if (like.is_list()) return Term::list(std::move(children), like.tail());
  std::vector<Term::MapEntry> entries;
  for (std::size_t i = 0; i + 1 < children.size(); i += 2) entries.push_back({children[i], children[i + 1]});
  return Term::map(std::move(entries));
}

Children children_of(const Term& term) {
  Children children;
  for (const Term& element : term.elements()) children.push_back(element);
  for (const auto& [key, value] : term.entries()) {
    children.push_back(key);
    children.push_back(value);
  }
  return children;
}

void add_resized(const Term& whole, const Children& children, std::vector<Term>& out) {
  const std::size_t step = whole.is_map() ? 2 : 1;
  Children fewer = children;
  fewer.resize(children.size() - step);
  out.push_back(rebuilt(whole, std::move(fewer)));
  Children more = children;
  for (std::size_t i = 0; i < step; ++i) more.emplace_back(static_cast<int>(i));
  out.push_back(rebuilt(whole, std::move(more)));
}

}  // namespace

const std::vector<Term>& strange_values() {
  static const std::vector<Term> values = [] {
    Term deep = Atom("bottom");
    for (int i = 0; i < 120; ++i) deep = Term::tuple_of(Term::list({deep}));
    Term improper = Term::list({Term(1)}, Term(2));
    return std::vector<Term>{Term(-1),
                             Term(std::numeric_limits<std::int64_t>::max()),
                             Term(std::numeric_limits<std::uint64_t>::max()),
                             Term(1.5e300),
                             Term(Atom("")),
                             Term(Atom("no_node")),
                             Term(""),
                             Term(std::string(70'000, 'x')),
                             Term(),
                             Term::tuple({}),
                             Term::map({}),
                             std::move(improper),
                             std::move(deep),
                             Term::tuple_of(Atom("a"), Atom("b")),
                             Term(Pid{Atom("nobody@127.0.0.1"), ~0U, ~0U, ~0U}),
                             Term::list(std::vector<Term>(2'000, Term(7)))};
  }();
  return values;
}

std::vector<Term> mutants(const Term& whole, const std::vector<Term>& values) {
  std::vector<Term> found(values.begin(), values.end());
  const Children children = children_of(whole);
  if (children.empty()) return found;
  add_resized(whole, children, found);
  for (std::size_t i = 0; i < children.size(); ++i) {
    for (Term& changed : mutants(children[i], values)) {
      Children others = children;
      others[i] = std::move(changed);
      found.push_back(rebuilt(whole, std::move(others)));
    }
  }
  return found;
}

}  // namespace barrel::hostile
