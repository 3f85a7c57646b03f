#include "crdt/or_map_wire.hpp"

#include <algorithm>

#include "barrel/term/node_term.hpp"

namespace barrel {
namespace {

Error malformed() {
  return Error{Errc::malformed, Atom("or_map_entry")};
}

Result<Dot> dot_from_term(const Term& term) {
  if (!term.is_tuple(2)) return malformed();
  const auto node = node_from_term(term.elements()[0]);
  auto at = timestamp_from_term(term.elements()[1]);
  if (!node || !at) return malformed();
  return Dot{*at, *node};
}

}  // namespace

Term to_term(const OrMapEntry& entry) {
  static const Atom value("value");
  static const Atom tombstone("tombstone");
  if (!entry.is_live()) return Term::tuple_of(tombstone, to_term(entry.stamp()));
  std::vector<Term::MapEntry> dots;
  dots.reserve(entry.dots.size());
  for (const Dot& dot : entry.dots) dots.push_back({Term::tuple_of(dot.node, to_term(dot.at)), Term(true)});
  return Term::tuple_of(value, entry.value, Term::map(std::move(dots)));
}

Result<OrMapEntry> entry_from_term(const Term& term) {
  if (term.is_tagged("tombstone", 2)) {
    auto at = timestamp_from_term(term.elements()[1]);
    if (!at) return malformed();
    return removed_entry(*at);
  }
  if (!term.is_tagged("value", 3)) return malformed();
  const Term& dots = term.elements()[2];
  if (!dots.is_map() || dots.entries().empty()) return malformed();
  // An original unites dots without bound; the greatest are enough (merge() keeps no more).
  std::vector<Dot> read;
  read.reserve(std::min<std::size_t>(dots.entries().size(), 2 * OrMapEntry::dots_max));
  for (const auto& [key, present] : dots.entries()) {
    auto dot = dot_from_term(key);
    if (!dot) return malformed();
    read.push_back(*dot);
    if (read.size() < 2 * OrMapEntry::dots_max) continue;
    std::ranges::sort(read, std::greater<>{});
    read.resize(OrMapEntry::dots_max);
  }
  OrMapEntry entry{std::move(read), term.elements()[1], std::nullopt};
  const OrMapEntry nothing;
  std::ranges::sort(entry.dots, std::greater<>{});
  return merge(entry, nothing);
}

bool is_from_future(const OrMapEntry& entry, std::int64_t wall_ms, Duration skew_max) {
  const std::int64_t limit =
      wall_ms + std::chrono::duration_cast<std::chrono::milliseconds>(skew_max).count();
  return entry.stamp().wall_ms > limit;
}

}  // namespace barrel
