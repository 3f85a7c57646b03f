#include <algorithm>
#include <chrono>

#include "barrel/term/term_size.hpp"
#include "crdt/or_map_wire.hpp"
#include "services/registry.hpp"

// What the registry tells others and learns from them.

namespace barrel {

using registry::Item;
using registry::MapBuilder;

namespace {

/// Names warned about once each; beyond it silence. Guess. Not counted: only lines of the log are left out,
/// and who has read a thousand of them knows.
constexpr std::size_t warned_max = 1'000;

/// What an answer with all that is held counts for, in entries: a large one as several of this size, which is
/// about that of a short name without metadata.
constexpr std::size_t entry_bytes = 256;
std::size_t answer_size(const OrMap& map, const RegistryShares& shares) {
  return std::max(map.size(), shares.bytes() / entry_bytes);
}

}  // namespace

void RegistryCore::gossip(NodeName from, const Term& payload, Instant now, std::int64_t wall_ms,
                          Effects& out) {
  const auto delta = registry::read_delta(payload);
  if (!delta) return malformed_.add();
  // Only the owner of a key tells of it by gossip.
  ingest(registry::read_map(delta->map, bounds()), from, delta->origin, now, wall_ms, out);
}

void RegistryCore::message(NodeName from, bool is_barrel, const Term& message, Instant now,
                           std::int64_t wall_ms, Effects& out) {
  if (const auto number = registry::audit_answer(message)) return end_audit(from, *number, out);
  const auto decoded = registry::decode(message);
  if (!decoded) return malformed_.add();
  if (std::visit([](const auto& m) { return m.sender; }, *decoded) != from) return spoofed_.add();
  if (const auto* full = std::get_if<registry::FullSync>(&*decoded)) {
    // The original tells only its own entries and is asked for no others.
    const auto only_of = is_barrel ? std::nullopt : std::optional(from);
    const registry::Items told = registry::read_map(full->map, bounds());
    const Learned news = is_barrel ? news_of_originals(told) : Learned();
    if (ingest(told, from, only_of, now, wall_ms, out)) learned_ = true;
    if (is_barrel) audit_news(news, out);
    else audit_map(from, told);
    return;
  }
  ask(from, {is_barrel, *decoded}, now, out);
}

void RegistryCore::ask(NodeName from, const Question& question, Instant now, Effects& out) {
  if (!needs_answer(question)) return;
  if (turns_.admit(from, question, answer_size(map_, shares_), now)) return answer(from, question, out);
  answers_put_off_.add();
}

bool RegistryCore::needs_answer(const Question& question) const {
  const auto* theirs = std::get_if<registry::SyncDigest>(&question.message);
  return theirs == nullptr || (question.is_barrel && theirs->digests != digests_);
}

void RegistryCore::answer(NodeName to, const Question& question, Effects& out) {
  const auto* theirs = std::get_if<registry::SyncDigest>(&question.message);
  if (theirs == nullptr) return send_map(to, !question.is_barrel, nullptr, out);
  send_map(to, false, &theirs->digests, out);
  if (!theirs->is_reply) out.push_back(SendTo{to, encode(registry::SyncDigest{self_, digests_, true})});
}

void RegistryCore::advance(Instant now, Effects& out) {
  for (const auto& [from, question] : turns_.take_due(answer_size(map_, shares_), now)) {
    if (needs_answer(question)) answer(from, question, out);
  }
  doubt_one(now, out);
  if (reassert_at_ && *reassert_at_ <= now) reassert(now, out);
}

std::optional<Instant> RegistryCore::next_deadline() const {
  std::optional<Instant> next = turns_.next_deadline();
  if (!doubts_.empty() && (!next || doubt_at_ < *next)) next = doubt_at_;
  if (reassert_at_ && (!next || *reassert_at_ < *next)) next = reassert_at_;
  return next;
}

void RegistryCore::peer_down(NodeName node) {
  peers_.erase(node);
  erlang_peers_.erase(node);
  audits_.erase(node);
}

std::size_t RegistryCore::tell_unheard(Effects& out) {
  MapBuilder delta;
  std::size_t bytes = 0;
  for (const Term& name : unheard_) {
    const Term key = registry::key_term(name, self_);
    const OrMapEntry* entry = map_.find(key);
    if (entry == nullptr) continue;
    const auto reason = reasons_.find(key);
    delta.add(key, *entry, reason == reasons_.end() ? nullptr : &reason->second);
    bytes += estimate_bytes(key) + estimate_bytes(entry->value);
    if (delta.size() >= config_.sync_entries_max) broadcast(delta, out);
  }
  unheard_.clear();
  broadcast(delta, out);
  return bytes;
}

void RegistryCore::reassert(Instant now, Effects& out) {
  reassert_at_.reset();
  if (peers_.empty()) return;  // the next one is told
  if (now < reassert_from_) {
    reassertions_put_off_.add();
    reassert_at_ = reassert_from_;
    return;
  }
  const std::chrono::duration<double> pause(static_cast<double>(tell_unheard(out)) /
                                            static_cast<double>(config_.reassert_bytes_per_second));
  reassert_from_ = now + config_.reassert_period + std::chrono::duration_cast<Duration>(pause);
}

void RegistryCore::peer_up(NodeName node, bool is_barrel, Instant now, Effects& out) {
  peers_.insert(node);
  tell_unheard(out);
  if (is_barrel) {
    // Both ends see the edge; one of them is enough to start.
    if (self_ < node) sync(node, out);
    return;
  }
  erlang_peers_.insert(node);
  // As if it had asked: it may come and go as often as it likes.
  ask(node, {false, registry::RequestSync{node}}, now, out);
  out.push_back(SendTo{node, encode(registry::RequestSync{self_})});
  start_audit(node, out);
  for (const auto& [name, local] : local_) warn_of_name(name);
}

void RegistryCore::sync(NodeName node, Effects& out) {
  syncs_.add();
  out.push_back(SendTo{node, encode(registry::SyncDigest{self_, digests_, false})});
}

void RegistryCore::send_map(NodeName to, bool local_only, const registry::Digests* theirs, Effects& out) {
  MapBuilder map;
  bool any_live = false;
  const auto flush = [&] {
    if (map.size() > 0) out.push_back(SendTo{to, encode(registry::FullSync{self_, map.take()})});
  };
  const auto add = [&](const Term& key, const OrMapEntry& entry) {
    if (theirs != nullptr) {
      const std::size_t part = registry::part_of(key);
      if ((*theirs)[part] == digests_[part]) return;
    }
    any_live = any_live || entry.is_live();
    const auto reason = reasons_.find(key);
    map.add(key, entry, reason == reasons_.end() ? nullptr : &reason->second);
    if (map.size() >= config_.sync_entries_max) flush();
  };
  if (local_only) {
    const auto* share = shares_.find(self_);
    if (share == nullptr) return;
    for (const Term& name : share->names) {
      const Term key = registry::key_term(name, self_);
      add(key, *map_.find(key));
    }
    // The original calls a map without live entries empty and does not send it.
    if (!any_live) return;
  } else {
    for (const auto& [key, entry] : map_.entries()) add(key, entry);
  }
  flush();
}

bool RegistryCore::ingest(const registry::Items& read, NodeName teller, std::optional<NodeName> only_of,
                          Instant now, std::int64_t wall_ms, Effects& out) {
  if (read.malformed > 0) malformed_.add(read.malformed);
  bool learned = false;
  bool contradicted = false;
  for (const Item& item : read.items) {
    if (only_of && item.key.node != *only_of) {
      foreign_.add();
      continue;
    }
    if (is_from_future(item.entry, wall_ms, config_.clock_skew_max)) {
      from_future_.add();
      continue;
    }
    clock_.update(item.entry.stamp(), wall_ms);
    if (item.key.node == self_) contradicted = store_own(item, wall_ms, out) || contradicted;
    else learned = store(item, teller, out) || learned;
  }
  trim_tombstones();
  if (contradicted) {
    reasserted_.add();
    reassert(now, out);
  }
  return learned;
}

bool RegistryCore::store(const Item& item, NodeName teller, Effects& out) {
  if (!has_room(item, teller, out)) return false;
  if (!apply(item.key_term, item.key, item.entry, teller, item.cut)) return false;
  const OrMapEntry* held = map_.find(item.key_term);
  if (item.reason && !held->is_live() && held->stamp() == item.entry.stamp()) {
    reasons_.insert_or_assign(item.key_term, *item.reason);
  }
  refresh(item.key_term, item.key, out);
  return true;
}

bool RegistryCore::store_own(const Item& item, std::int64_t wall_ms, Effects& out) {
  // What others hold of ours is only ever a copy. One that is newer than what we wrote comes from our former
  // self or from a fault; the present is written over it.
  const OrMapEntry* mine = map_.find(item.key_term);
  const auto local = local_.find(item.key.name);
  if (local != local_.end()) {
    if (mine != nullptr && merge(*mine, item.entry) == *mine) return false;
    const ServiceEntry entry{item.key.name, local->second.pid, self_, local->second.meta};
    put(item.key.name, live_entry(registry::entry_value(entry), {clock_.now(wall_ms), self_}), nullptr, out);
  } else if (item.entry.is_live()) {
    if (mine != nullptr && !merge(*mine, item.entry).is_live()) return false;
    Item removal = item;
    removal.entry = removed_entry(clock_.now(wall_ms));
    if (!has_room(removal, self_, out)) return false;
    put(item.key.name, removal.entry, nullptr, out);
  } else {
    // A removal by our former self, or a made-up one: kept as those of others are, so that digests agree.
    if (has_room(item, self_, out)) apply(item.key_term, item.key, item.entry, self_, item.cut);
    return false;
  }
  unheard_.insert(item.key.name);
  return true;
}

void RegistryCore::warn_of_name(const Term& name) {
  if (name.is_atom() || name.is_binary() || warned_.size() >= warned_max || !warned_.insert(name).second)
    return;
  log_.warning("a service name that is neither atom nor binary reaches Erlang nodes only by lookup",
               {{"name", to_string(name, self_)}});
}

}  // namespace barrel
