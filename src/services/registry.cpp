#include "services/registry.hpp"

#include <algorithm>

#include "barrel/term/term_size.hpp"

// What this node registers, and what of the map is visible. Exchange with others is in registry_sync.cpp,
// what there is room for in registry_room.cpp.

namespace barrel {

using registry::Key;
using registry::MapBuilder;

RegistryCore::RegistryCore(NodeName self, std::uint32_t creation, RegistryConfig config,
                           VisibilityOf visibility_of, Random random, Metrics& metrics, Log log)
    : self_(self),
      creation_(creation),
      config_(config),
      visibility_of_(std::move(visibility_of)),
      log_(log),
      map_(random.next(), config.merge),
      reasons_(0, TermHash{random.next()}),
      local_(0, TermHash{random.next()}),
      visible_(random.next()),
      unheard_(0, TermHash{random.next()}),
      warned_(0, TermHash{random.next()}),
      seed_(random.next()),
      shares_(seed_),
      malformed_(metrics.counter("registry.malformed")),
      spoofed_(metrics.counter("registry.spoofed")),
      foreign_(metrics.counter("registry.foreign")),
      from_future_(metrics.counter("registry.from_future")),
      keys_full_(metrics.counter("registry.keys_full")),
      bytes_full_(metrics.counter("registry.bytes_full")),
      displaced_(metrics.counter("registry.displaced")),
      answers_put_off_(metrics.counter("registry.answers_put_off")),
      tombstones_full_(metrics.counter("registry.tombstones_full")),
      reasserted_(metrics.counter("registry.reasserted")),
      reassertions_put_off_(metrics.counter("registry.reassertions_put_off")),
      ghosts_removed_(metrics.counter("registry.ghosts_removed")),
      syncs_(metrics.counter("registry.syncs")),
      registrations_refused_(metrics.counter("registry.registrations_refused")),
      writers_full_(metrics.counter("registry.writers_full")),
      visible_gauge_(metrics.gauge("registry.visible")) {}

registry::Bounds RegistryCore::bounds() const {
  return {config_.name_bytes_max, config_.meta_bytes_max, config_.reason_bytes_max};
}

std::shared_ptr<const RegistrySnapshot> RegistryCore::snapshot() const {
  return std::make_shared<const RegistrySnapshot>(self_, visible_, visible_count_);
}

Result<void> RegistryCore::check_new(const Term& name, const Pid& pid, const Term& meta) const {
  if (!meta.is_map()) return Error{Errc::invalid_argument, Atom("metadata")};
  if (pid.node() != self_ || pid.creation != creation_) return Error{Errc::invalid_argument, Atom("pid")};
  if (estimate_bytes(name, config_.name_bytes_max) > config_.name_bytes_max) {
    registrations_refused_.add();
    return Error{Errc::limit_exceeded, Atom("name_bytes_max")};
  }
  if (estimate_bytes(meta, config_.meta_bytes_max) > config_.meta_bytes_max) {
    registrations_refused_.add();
    return Error{Errc::limit_exceeded, Atom("meta_bytes_max")};
  }
  const auto holder = local_.find(name);
  if (holder != local_.end() && holder->second.pid != pid) return Error{Errc::already_registered};
  return {};
}

Result<void> RegistryCore::register_service(const Term& name, const Pid& pid, const Term& meta,
                                            std::int64_t wall_ms, Effects& out) {
  if (auto checked = check_new(name, pid, meta); !checked) return checked;
  const auto [place, fresh] = local_.try_emplace(name, Local{pid, meta});
  if (!fresh && place->second.meta == meta) return {};
  if (fresh && map_.find(registry::key_term(name, self_)) == nullptr) {
    // Registered in any case: the limit is for what others tell, and the holder was told already that it is.
    (void)make_room(self_, self_, RegistryShares::Scarce::keys, 1, out);
  }
  place->second.meta = meta;
  if (fresh) names_of_pid_[pid].push_back(name);
  MapBuilder delta;
  write(name, live_entry(registry::entry_value({name, pid, self_, meta}), {clock_.now(wall_ms), self_}),
        nullptr, delta, out);
  broadcast(delta, out);
  if (!erlang_peers_.empty()) warn_of_name(name);
  return {};
}

Result<void> RegistryCore::unregister_service(const Term& name, const Pid& pid, std::int64_t wall_ms,
                                              Effects& out) {
  const auto held = local_.find(name);
  if (held == local_.end() || held->second.pid != pid) return Error{Errc::not_found};
  const auto names = names_of_pid_.find(pid);
  std::erase_if(names->second, [&](const Term& n) { return n == name; });
  if (names->second.empty()) names_of_pid_.erase(names);
  MapBuilder delta;
  drop_local(name, nullptr, wall_ms, delta, out);
  broadcast(delta, out);
  return {};
}

void RegistryCore::process_died(const Pid& pid, const Term& reason, std::int64_t wall_ms, Effects& out) {
  const auto found = names_of_pid_.find(pid);
  if (found == names_of_pid_.end()) return;
  const std::vector<Term> names = std::move(found->second);
  names_of_pid_.erase(found);
  const bool fits = estimate_bytes(reason, config_.reason_bytes_max) <= config_.reason_bytes_max;
  const Term told = fits ? reason : Term(Atom("too_large"));
  MapBuilder delta;
  for (const Term& name : names) {
    drop_local(name, &told, wall_ms, delta, out);
    if (delta.size() >= config_.sync_entries_max) broadcast(delta, out);
  }
  broadcast(delta, out);
}

void RegistryCore::unregister_all(std::int64_t wall_ms, Effects& out) {
  std::vector<Term> names;
  for (const auto& [name, local] : local_) names.push_back(name);
  names_of_pid_.clear();
  MapBuilder delta;
  for (const Term& name : names) {
    drop_local(name, nullptr, wall_ms, delta, out);
    if (delta.size() >= config_.sync_entries_max) broadcast(delta, out);
  }
  broadcast(delta, out);
}

void RegistryCore::drop_local(const Term& name, const Term* reason, std::int64_t wall_ms, MapBuilder& delta,
                              Effects& out) {
  local_.erase(name);
  write(name, removed_entry(clock_.now(wall_ms)), reason, delta, out);
}

void RegistryCore::put(const Term& name, const OrMapEntry& entry, const Term* reason, Effects& out) {
  const Key parts{name, self_};
  const Term key = registry::key_term(name, self_);
  apply(key, parts, entry, self_);
  if (reason != nullptr) reasons_.insert_or_assign(key, *reason);
  refresh(key, parts, out);
}

void RegistryCore::write(const Term& name, const OrMapEntry& entry, const Term* reason, MapBuilder& delta,
                         Effects& out) {
  put(name, entry, reason, out);
  if (peers_.empty()) unheard_.insert(name);
  else delta.add(registry::key_term(name, self_), entry, reason);
  trim_tombstones();
}

void RegistryCore::broadcast(MapBuilder& delta, Effects& out) {
  if (delta.size() > 0) out.push_back(Broadcast{registry::delta_payload(self_, delta.take())});
}

std::optional<ServiceEntry> RegistryCore::visible_entry(const Term& key, const Key& parts) const {
  const OrMapEntry* held = map_.find(key);
  if (held == nullptr || !held->is_live()) return std::nullopt;
  auto entry = registry::read_value(held->value, parts, bounds());
  if (!entry) return std::nullopt;
  const NodeVisibility node = visibility_of_(parts.node);
  if (!node.alive || (node.creation != 0 && node.creation != entry->pid.creation)) return std::nullopt;
  return entry;
}

void RegistryCore::refresh(const Term& key, const Key& parts, Effects& out) {
  const auto* holders = visible_.find(parts.name);
  const ServiceEntry* before = nullptr;
  if (holders != nullptr) {
    const auto found = std::ranges::find(**holders, parts.node, &ServiceEntry::node);
    if (found != (*holders)->end()) before = &*found;
  }
  const auto after = visible_entry(key, parts);
  if (after) {
    if (before != nullptr && *before == *after) return;
    out.push_back(Event{{ServiceRegistered{parts.name, parts.node}}});
    show(*after);
  } else if (before != nullptr) {
    const OrMapEntry* held = map_.find(key);
    const auto reason = reasons_.find(key);
    const bool removed = held != nullptr && !held->is_live();
    if (removed && reason == reasons_.end()) {
      out.push_back(Event{{ServiceUnregistered{parts.name, parts.node}}});
    } else {
      const Term why = removed ? reason->second : Term(Atom("noconnection"));
      out.push_back(Event{{ServiceDown{parts.name, parts.node, why}}});
    }
    hide(parts);
  }
}

void RegistryCore::show(const ServiceEntry& entry) {
  changed_ = true;
  const auto* holders = visible_.find(entry.name);
  auto changed = holders == nullptr ? std::make_shared<RegistrySnapshot::Entries>()
                                    : std::make_shared<RegistrySnapshot::Entries>(**holders);
  const auto place = std::ranges::lower_bound(*changed, entry.node, {}, &ServiceEntry::node);
  if (place != changed->end() && place->node == entry.node) {
    *place = entry;
  } else {
    changed->insert(place, entry);
    visible_gauge_.set(++visible_count_);
  }
  visible_ = visible_.set(entry.name, std::move(changed));
}

void RegistryCore::hide(const Key& parts) {
  changed_ = true;
  visible_gauge_.set(--visible_count_);
  const auto* holders = visible_.find(parts.name);
  if ((*holders)->size() == 1) {
    visible_ = visible_.erase(parts.name);
    return;
  }
  auto changed = std::make_shared<RegistrySnapshot::Entries>(**holders);
  std::erase_if(*changed, [&](const ServiceEntry& e) { return e.node == parts.node; });
  visible_ = visible_.set(parts.name, std::move(changed));
}

void RegistryCore::visibility_changed(NodeName node, Effects& out) {
  const auto* share = shares_.find(node);
  if (share == nullptr) return;
  for (const Term& name : share->names) refresh(registry::key_term(name, node), {name, node}, out);
}

}  // namespace barrel
