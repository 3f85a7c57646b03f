#include "dist/capabilities.hpp"

#include <algorithm>

#include "barrel/base/assert.hpp"
#include "barrel/term/etf.hpp"

namespace barrel::dist {
namespace {

bool printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

Error malformed(std::string_view what) {
  return {Errc::malformed, Term(what)};
}

const Term* find_key(const Term& map, std::string_view key) {
  for (const Term::MapEntry& entry : map.entries()) {
    if (entry.key.is_atom(key)) return &entry.value;
  }
  return nullptr;
}

/// Feature names are atoms that are never interned: this side compares texts.
void read_features(const Term& list, Capabilities& result) {
  std::vector<std::string>& out = result.features;
  for (const Term& item : list.elements()) {
    if (!item.is_atom()) continue;
    if (item.atom_text().size() > Capabilities::feature_bytes_max ||
        out.size() == Capabilities::features_max) {
      ++result.features_left_out;
      continue;
    }
    out.emplace_back(item.atom_text());
  }
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
}

}  // namespace

bool Capabilities::has(std::string_view feature) const {
  return std::ranges::find(features, feature) != features.end();
}

Bytes encode_capabilities(const Capabilities& capabilities) {
  BARREL_ASSERT(capabilities.features.size() <= Capabilities::features_max);
  BARREL_ASSERT(printable(capabilities.implementation));
  std::vector<Term> features;
  for (const std::string& feature : capabilities.features) {
    BARREL_ASSERT(feature.size() <= Capabilities::feature_bytes_max);
    features.emplace_back(Atom(std::string_view(feature)));
  }
  std::vector<Term::MapEntry> entries;
  entries.push_back({Atom("version"), capabilities.version});
  entries.push_back({Atom("implementation"), capabilities.implementation});
  entries.push_back({Atom("frame_bytes_max"), capabilities.frame_bytes_max});
  entries.push_back({Atom("features"), Term::list(std::move(features))});
  Bytes out = encode_etf(Term::map(std::move(entries)));
  BARREL_ASSERT(out.size() <= Capabilities::bytes_max);
  return out;
}

Result<Capabilities> decode_capabilities(BytesView etf) {
  if (etf.size() > Capabilities::bytes_max) return Error{Errc::limit_exceeded, "capabilities bytes_max"};
  EtfLimits limits;
  limits.depth_max = 16;
  limits.uncompressed_bytes_max = 0;
  auto term = decode_etf(etf, limits);
  if (!term) return std::move(term).error();
  if (!term->is_map()) return malformed("the capability term is no map");

  Capabilities result;
  const Term* version = find_key(*term, "version");
  const auto number = version != nullptr ? version->as_uint64() : std::nullopt;
  if (!number || *number == 0 || *number > UINT32_MAX) {
    return malformed("the capability term has no version");
  }
  result.version = static_cast<std::uint32_t>(*number);
  if (const Term* text = find_key(*term, "implementation"); text != nullptr) {
    const auto name = text->as_text();
    if (!name || !printable(*name)) return malformed("implementation is no printable text");
    result.implementation = *name;
  }
  if (const Term* bytes = find_key(*term, "frame_bytes_max"); bytes != nullptr) {
    const auto value = bytes->as_uint64();
    if (!value || *value < Capabilities::bytes_max) return malformed("frame_bytes_max is too small");
    result.frame_bytes_max = *value;
  }
  if (const Term* features = find_key(*term, "features"); features != nullptr) {
    if (!features->is_proper_list()) return malformed("features is no list");
    read_features(*features, result);
  }
  return result;
}

}  // namespace barrel::dist
