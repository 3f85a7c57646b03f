#include "crdt/or_map.hpp"

#include <algorithm>

namespace barrel {
namespace {

bool value_less(const Term& a, const Term& b) {
  return (a <=> b) < 0;
}

/// Keeps each node's greatest dot, drops those that `removed_at` outdates and those beyond the bound.
void normalise(std::vector<Dot>& dots, const std::optional<Timestamp>& removed_at) {
  std::ranges::sort(dots, std::greater<>{});
  std::vector<Dot> kept;
  kept.reserve(std::min(dots.size(), OrMapEntry::dots_max));
  for (const Dot& dot : dots) {
    if (removed_at && *removed_at > dot.at) break;
    if (kept.size() == OrMapEntry::dots_max) break;
    if (std::ranges::none_of(kept, [&](const Dot& k) { return k.node == dot.node; })) kept.push_back(dot);
  }
  dots = std::move(kept);
}

/// Whether dots_max has left out a dot of `part` that counts.
bool was_cut(const OrMapEntry& merged, const OrMapEntry& part) {
  if (merged.dots.size() < OrMapEntry::dots_max) return false;
  return std::ranges::any_of(part.dots, [&](const Dot& dot) {
    if (merged.removed_at && *merged.removed_at > dot.at) return false;
    return std::ranges::find(merged.dots, dot.node, &Dot::node) == merged.dots.end();
  });
}

}  // namespace

Timestamp OrMapEntry::stamp() const {
  if (!dots.empty()) return dots.front().at;
  return removed_at.value_or(Timestamp{});
}

OrMapEntry live_entry(Term value, const Dot& dot) {
  return {{dot}, std::move(value), std::nullopt};
}

OrMapEntry removed_entry(const Timestamp& at) {
  return {{}, {}, at};
}

OrMapEntry merge(const OrMapEntry& a, const OrMapEntry& b) {
  OrMapEntry merged;
  merged.removed_at = std::max(a.removed_at, b.removed_at);
  merged.dots = a.dots;
  merged.dots.insert(merged.dots.end(), b.dots.begin(), b.dots.end());
  normalise(merged.dots, merged.removed_at);
  if (!merged.is_live()) return merged;

  const Dot& winner = merged.dots.front();
  const bool a_has = a.is_live() && a.dots.front() == winner;
  const bool b_has = b.is_live() && b.dots.front() == winner;
  if (a_has && b_has) merged.value = value_less(a.value, b.value) ? b.value : a.value;
  else merged.value = a_has ? a.value : b.value;
  return merged;
}

const OrMapEntry* OrMap::find(const Term& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

OrMap::Applied OrMap::apply(const Term& key, const OrMapEntry& incoming) {
  const auto [place, fresh] = entries_.try_emplace(key);
  if (fresh) {
    place->second = incoming;
    index(key, place->second, true);
    return {.changed = true};
  }
  OrMapEntry merged = merge_(place->second, incoming);
  const bool dots_full = was_cut(merged, place->second) || was_cut(merged, incoming);
  if (merged == place->second) return {.dots_full = dots_full};
  index(key, place->second, false);
  place->second = std::move(merged);
  index(key, place->second, true);
  return {.changed = true, .dots_full = dots_full};
}

void OrMap::forget(const Term& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  index(key, found->second, false);
  entries_.erase(found);
}

void OrMap::index(const Term& key, const OrMapEntry& entry, bool add) {
  if (entry.is_live() || !entry.removed_at) return;
  if (add) tombstones_.emplace(*entry.removed_at, key);
  else tombstones_.erase({*entry.removed_at, key});
}

}  // namespace barrel
