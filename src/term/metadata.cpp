#include "barrel/term/metadata.hpp"

namespace barrel {

Metadata::Metadata(std::initializer_list<Entry> entries) {
  std::vector<Term::MapEntry> map;
  map.reserve(entries.size());
  for (const Entry& entry : entries) map.push_back({entry.key, entry.value});
  map_ = Term::map(std::move(map));
}

Result<Metadata> Metadata::from_term(const Term& term) {
  if (!term.is_map()) return Error{Errc::malformed, "expected a map as metadata"};
  Metadata metadata;
  metadata.map_ = term;
  return metadata;
}

}  // namespace barrel
