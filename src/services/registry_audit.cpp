#include <algorithm>

#include "crdt/or_map_wire.hpp"
#include "services/registry.hpp"

// Names that a node of the original has lost. It announces the same creation in every life and keeps its map
// in memory, so that after a restart nobody takes back what its former self has registered. It tells all its
// names when it is asked for them, but says nothing when it has none: behind the request goes a question
// that it answers in any case. What was known before the request and is not told until the answer is lost.

namespace barrel {

namespace {

Timestamp just_after(const Timestamp& stamp) {
  if (stamp.logical < Timestamp::logical_max) return {stamp.wall_ms, stamp.logical + 1};
  return {stamp.wall_ms + 1, 0};
}

}  // namespace

void RegistryCore::start_audit(NodeName node, Effects& out) {
  audits_.erase(node);
  const auto* share = shares_.find(node);
  if (share == nullptr) return;
  Suspects suspects(0, TermHash{seed_});
  for (const Term& name : share->names) {
    const OrMapEntry* held = map_.find(registry::key_term(name, node));
    if (held->is_live()) suspects.emplace(name, held->stamp());
  }
  if (!suspects.empty()) ask_about(node, std::move(suspects), out);
}

void RegistryCore::ask_about(NodeName node, Suspects suspects, Effects& out) {
  Audit audit{++audits_made_, std::move(suspects), Suspects(0, TermHash{seed_})};
  out.push_back(SendTo{node, registry::audit_request(self_, audit.number)});
  audits_.insert_or_assign(node, std::move(audit));
}

RegistryCore::Learned RegistryCore::news_of_originals(const registry::Items& told) const {
  Learned news;
  if (erlang_peers_.empty()) return news;
  for (const registry::Item& item : told.items) {
    if (!item.entry.is_live() || !erlang_peers_.contains(item.key.node)) continue;
    const OrMapEntry* held = map_.find(item.key_term);
    if (held == nullptr || held->stamp() < item.entry.stamp()) news.push_back(&item);
  }
  return news;
}

void RegistryCore::audit_news(const Learned& news, Effects& out) {
  std::map<NodeName, Suspects> fresh;
  for (const registry::Item* item : news) {
    const OrMapEntry* held = map_.find(item->key_term);
    if (held == nullptr || held->stamp() != item->entry.stamp()) continue;  // there was no room for it
    const NodeName node = item->key.node;
    if (const auto running = audits_.find(node); running != audits_.end()) {
      // Not known when it was asked; one question at a time, so that nobody can make it tell its names at
      // will.
      Suspects& later = running->second.later;
      if (later.size() < config_.keys_per_node_max) later.insert_or_assign(item->key.name, held->stamp());
    } else {
      fresh.try_emplace(node, Suspects(0, TermHash{seed_}))
          .first->second.emplace(item->key.name, held->stamp());
    }
  }
  for (auto& [node, suspects] : fresh) {
    out.push_back(SendTo{node, encode(registry::RequestSync{self_})});
    ask_about(node, std::move(suspects), out);
  }
}

void RegistryCore::audit_map(NodeName node, const registry::Items& told) {
  const auto found = audits_.find(node);
  if (found == audits_.end()) return;
  // Entries that we cannot read have names, too.
  if (told.malformed > 0) found->second.suspects.clear();
  for (const registry::Item& item : told.items) {
    if (item.key.node == node) found->second.suspects.erase(item.key.name);
  }
}

void RegistryCore::end_audit(NodeName node, std::uint64_t number, Effects& out) {
  const auto found = audits_.find(node);
  if (found == audits_.end() || found->second.number != number) return;
  Audit audit = std::move(found->second);
  audits_.erase(found);
  remove_lost(node, audit.suspects, out);
  if (audit.later.empty()) return;
  out.push_back(SendTo{node, encode(registry::RequestSync{self_})});
  ask_about(node, std::move(audit.later), out);
}

void RegistryCore::remove_lost(NodeName node, const Suspects& suspects, Effects& out) {
  registry::MapBuilder delta;
  const auto tell = [&] {
    if (delta.size() > 0) out.push_back(Broadcast{registry::delta_payload(node, delta.take())});
  };
  for (const auto& [name, stamp] : suspects) {
    const Term key = registry::key_term(name, node);
    const OrMapEntry* held = map_.find(key);
    // Written again since: by the present life, whatever the clocks of the two say.
    if (held == nullptr || !held->is_live() || held->stamp() != stamp) continue;
    // Just later than what it removes, so that whatever the node registers from now on wins.
    const OrMapEntry removed = removed_entry(just_after(stamp));
    apply(key, {name, node}, removed, node);
    refresh(key, {name, node}, out);
    ghosts_removed_.add();
    delta.add(key, removed, nullptr);
    if (delta.size() >= config_.sync_entries_max) tell();
  }
  tell();
  trim_tombstones();
}

}  // namespace barrel
