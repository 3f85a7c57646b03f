#include <algorithm>

#include "crdt/or_map_wire.hpp"
#include "services/registry.hpp"

// Names that a node of the original has lost. It announces the same creation in every life and keeps its map
// in memory, so that after a restart nobody takes back what its former self has registered. It tells all its
// names when it is asked for them, but says nothing when it has none: behind the request goes a question
// that it answers in any case.

namespace barrel {

namespace {

Timestamp just_after(const Timestamp& stamp) {
  if (stamp.logical < Timestamp::logical_max) return {stamp.wall_ms, stamp.logical + 1};
  return {stamp.wall_ms + 1, 0};
}

}  // namespace

void Registry::start_audit(NodeName node, Effects& out) {
  const auto share = shares_.find(node);
  if (share == shares_.end()) return;
  Audit audit;
  audit.number = ++audits_made_;
  for (const Term& name : share->second.names) {
    audit.before = std::max(audit.before, map_.find(registry::key_term(name, node))->stamp());
  }
  audits_.insert_or_assign(node, audit);
  out.push_back(SendTo{node, registry::audit_request(self_, audit.number)});
}

void Registry::audit_map(NodeName node, const registry::Items& told, Effects& out) {
  if (const auto audit = audits_.find(node); audit != audits_.end()) {
    audit->second.was_told = true;
    return remove_untold(node, told, audit->second.before, out);
  }
  // Unasked, as when we entered its view: what it has written meanwhile is newer than all that it tells.
  Timestamp newest;
  for (const registry::Item& item : told.items) {
    if (item.key.node == node) newest = std::max(newest, item.entry.stamp());
  }
  remove_untold(node, told, newest, out);
}

void Registry::end_audit(NodeName node, std::uint64_t number, Effects& out) {
  const auto found = audits_.find(node);
  if (found == audits_.end() || found->second.number != number) return;
  const Audit audit = found->second;
  audits_.erase(found);
  if (!audit.was_told) remove_untold(node, {}, audit.before, out);
}

void Registry::remove_untold(NodeName node, const registry::Items& told, const Timestamp& before,
                             Effects& out) {
  const auto share = shares_.find(node);
  if (share == shares_.end() || told.malformed > 0) return;
  std::unordered_set<Term, TermHash> keys(0, TermHash{seed_});
  for (const registry::Item& item : told.items) keys.insert(item.key_term);
  registry::MapBuilder delta;
  const auto tell = [&] {
    if (delta.size() > 0) out.push_back(Broadcast{registry::delta_payload(node, delta.take())});
  };
  const std::vector<Term> names(share->second.names.begin(), share->second.names.end());
  for (const Term& name : names) {
    const Term key = registry::key_term(name, node);
    const OrMapEntry* held = map_.find(key);
    const Timestamp stamp = held->stamp();
    if (!held->is_live() || stamp > before || keys.contains(key)) continue;
    // Just later than what it removes, so that whatever the node registers from now on wins.
    const OrMapEntry removed = removed_entry(just_after(stamp));
    apply(key, {name, node}, removed);
    refresh(key, {name, node}, out);
    ghosts_removed_.add();
    delta.add(key, removed, nullptr);
    if (delta.size() >= config_.sync_entries_max) tell();
  }
  tell();
  trim_tombstones();
}

}  // namespace barrel
