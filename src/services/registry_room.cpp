#include <algorithm>
#include <vector>

#include "barrel/term/term_size.hpp"
#include "services/registry.hpp"

// Room in the registry: whoever is charged with most gives way (docs/adr/0010-invented-nodes.md).

namespace barrel {

using registry::Key;
using Scarce = RegistryShares::Scarce;

namespace {

/// Between two dials to nodes whose entries found no room. Guess: finds a few honest ones among many invented
/// ones within minutes, and costs nothing.
constexpr Duration doubt_period = std::chrono::seconds(1);
/// Of all removals this part goes at once when there are too many, since all are looked at to find them.
constexpr std::size_t trimmed_part = 64;

/// About what an entry takes on the wire, which is what a peer has to send for it.
std::size_t bytes_of(const Term& key, const OrMapEntry& entry) {
  constexpr std::size_t dot_bytes = 32;
  return estimate_bytes(key) + estimate_bytes(entry.value) + dot_bytes * (entry.dots.size() + 1);
}

/// What `key` counts for with this entry, or with none.
RegistryShares::Change count_of(const Term& key, const OrMapEntry* entry) {
  if (entry == nullptr) return {};
  return {static_cast<std::ptrdiff_t>(bytes_of(key, *entry)), entry->is_live() ? 0 : 1};
}

RegistryShares::Change difference(const RegistryShares::Change& before, const RegistryShares::Change& after) {
  return {after.bytes - before.bytes, after.removals - before.removals};
}

}  // namespace

std::optional<NodeName> RegistryCore::voucher_of(NodeName owner, NodeName teller) const {
  const bool exists = owner == self_ || owner == teller || visibility_of_(owner).met;
  return exists ? std::nullopt : std::optional(teller);
}

void RegistryCore::met(NodeName node) {
  shares_.met(node);
}

bool RegistryCore::apply(const Term& key, const Key& parts, const OrMapEntry& entry, NodeName teller,
                         bool cut) {
  const OrMapEntry* held = map_.find(key);
  const std::uint64_t before = held == nullptr ? 0 : registry::hash_of(key, *held);
  const auto count_before = count_of(key, held);
  const OrMap::Applied applied = map_.apply(key, entry);
  writers_full_.add(cut || applied.dots_full ? 1 : 0);
  if (!applied.changed) return false;
  held = map_.find(key);
  digests_[registry::part_of(key)] ^= before ^ registry::hash_of(key, *held);
  reasons_.erase(key);
  const bool is_fresh = shares_.find(parts.node) == nullptr;
  shares_.put(parts.node, is_fresh ? voucher_of(parts.node, teller) : std::nullopt, parts.name,
              difference(count_before, count_of(key, held)));
  if (parts.node == teller) shares_.met(teller);
  return true;
}

void RegistryCore::forget(const Term& key, const Key& parts) {
  const OrMapEntry* held = map_.find(key);
  digests_[registry::part_of(key)] ^= registry::hash_of(key, *held);
  shares_.drop(parts.node, parts.name, difference(count_of(key, held), {}));
  if (parts.node == self_) unheard_.erase(parts.name);
  reasons_.erase(key);
  map_.forget(key);
}

bool RegistryCore::has_room(const registry::Item& item, NodeName teller, Effects& out) {
  const OrMapEntry* held = map_.find(item.key_term);
  const NodeName owner = item.key.node;
  const std::ptrdiff_t more =
      difference(count_of(item.key_term, held), count_of(item.key_term, &item.entry)).bytes;
  if (item.entry.is_live())
    trim_removals_for(item, held == nullptr ? 1 : 0,
                      static_cast<std::size_t>(std::max<std::ptrdiff_t>(more, 0)));
  const RegistryShares::Share* share = shares_.find(owner);
  if (held == nullptr) {
    if ((share != nullptr && share->names.size() >= config_.keys_per_node_max) ||
        !make_room(owner, teller, Scarce::keys, 1, out)) {
      keys_full_.add();
      return false;
    }
  }
  if (more <= 0) return true;
  const auto bytes = static_cast<std::size_t>(more);
  const std::size_t of_owner = share == nullptr ? 0 : share->bytes;
  if (of_owner + bytes <= config_.bytes_per_node_max && make_room(owner, teller, Scarce::bytes, bytes, out)) {
    return true;
  }
  bytes_full_.add();
  return false;
}

void RegistryCore::trim_removals_for(const registry::Item& item, std::size_t keys, std::size_t bytes) {
  const NodeName owner = item.key.node;
  const RegistryShares::Share* share = shares_.find(owner);
  if (share == nullptr || share->removals == 0) return;
  const std::size_t keys_after = share->names.size() + keys;
  const std::size_t bytes_after = share->bytes + bytes;
  if (keys_after <= config_.keys_per_node_max && bytes_after <= config_.bytes_per_node_max) return;
  const auto level = [](std::size_t max) { return max - max / trimmed_part; };
  std::size_t keys_left = keys_after;
  std::size_t bytes_left = bytes_after;
  std::vector<Term> trimmed;
  for (const auto& [at, key] : map_.tombstones()) {
    if (keys_left <= level(config_.keys_per_node_max) && bytes_left <= level(config_.bytes_per_node_max))
      break;
    if (*key.elements()[1].as_atom() != owner.atom() || key == item.key_term) continue;
    --keys_left;
    bytes_left -= std::min(bytes_left, bytes_of(key, *map_.find(key)));
    trimmed.push_back(key);
  }
  for (const Term& key : trimmed) {
    tombstones_full_.add();
    forget(key, {key.elements()[0], owner});
  }
}

bool RegistryCore::make_room(NodeName owner, NodeName teller, Scarce scarce, std::size_t amount,
                             Effects& out) {
  const auto fits = [&] {
    return scarce == Scarce::keys ? map_.size() + amount <= config_.keys_max
                                  : shares_.bytes() + amount <= config_.bytes_max;
  };
  if (fits()) return true;
  const std::optional<NodeName> voucher = voucher_of(owner, teller);
  while (!fits()) {
    const auto displaced = shares_.displaced_by(owner, voucher, scarce);
    if (!displaced) {
      if (voucher) doubts_.insert_or_assign(teller, owner);
      return false;
    }
    displace(*displaced, out);
  }
  return true;
}

void RegistryCore::displace(NodeName owner, Effects& out) {
  const RegistryShares::Share& share = *shares_.find(owner);
  const std::vector<Term> names(share.names.begin(), share.names.end());
  displaced_.add(names.size());
  for (const Term& name : names) {
    const Term key = registry::key_term(name, owner);
    forget(key, {name, owner});
    refresh(key, {name, owner}, out);
  }
}

void RegistryCore::doubt_one(Instant now, Effects& out) {
  if (doubts_.empty() || now < doubt_at_) return;
  // In turn of those who told, so that one of them cannot keep the others' from being tried.
  auto next = doubts_.upper_bound(last_doubted_);
  if (next == doubts_.end()) next = doubts_.begin();
  last_doubted_ = next->first;
  doubt_at_ = now + doubt_period;
  out.push_back(Doubt{next->second});
  doubts_.erase(next);
}

void RegistryCore::trim_tombstones() {
  if (map_.tombstone_count() <= config_.tombstones_max) return;
  const std::size_t kept = config_.tombstones_max - config_.tombstones_max / trimmed_part;
  auto amounts = shares_.removals_by_charged();
  const std::size_t level = fair_level(amounts, kept);
  std::size_t surplus = map_.tombstone_count() - kept;
  std::vector<Term> trimmed;
  for (const auto& [at, key] : map_.tombstones()) {
    if (trimmed.size() == surplus) break;
    std::size_t& amount = amounts[shares_.charged_for(NodeName(*key.elements()[1].as_atom()))];
    if (amount <= level) continue;
    --amount;
    trimmed.push_back(key);
  }
  for (const Term& key : trimmed) {
    tombstones_full_.add();
    forget(key, {key.elements()[0], NodeName(*key.elements()[1].as_atom())});
  }
}

}  // namespace barrel
