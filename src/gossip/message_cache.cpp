#include "gossip/message_cache.hpp"

#include "barrel/term/term_size.hpp"

namespace barrel {

MessageCache::MessageCache(const PlumtreeConfig& config, Metrics& metrics)
    : config_(config),
      full_(metrics.counter("gossip.ids_full")),
      bodies_full_(metrics.counter("gossip.messages_full")) {}

const MessageCache::Body* MessageCache::find(const plumtree::MessageId& id) const {
  const auto found = messages_.find(id);
  return found != messages_.end() && found->second.body ? &*found->second.body : nullptr;
}

void MessageCache::insert(const plumtree::MessageId& id, Body body, NodeName from, Instant now) {
  const std::size_t bytes =
      id.size() + estimate_bytes(body.payload, config_.bytes_max) + memory_of(body.payload);
  const auto [place, fresh] = messages_.try_emplace(id);
  if (!fresh) return;
  place->second = Message{std::move(body), bytes};
  Share& share = shares_[from];
  share.seen.push_back({id, now + config_.message_ttl});
  share.bytes += bytes;
  bytes_ += bytes;
  ++body_count_;
  while (body_count_ > config_.messages_max || bytes_ > config_.bytes_max) {
    bodies_full_.add();
    drop_body(largest(true)->second);
  }
  while (messages_.size() > config_.ids_max) {
    full_.add();
    const auto most = largest(false);
    drop_oldest(most->first, most->second);
  }
}

void MessageCache::drop_body(Share& share) {
  Message& message = messages_.at(share.seen[share.first_body++].id);
  message.body.reset();
  share.bytes -= message.bytes;
  bytes_ -= message.bytes;
  --body_count_;
}

void MessageCache::drop_oldest(NodeName from, Share& share) {
  if (share.first_body == 0) drop_body(share);
  messages_.erase(share.seen.front().id);
  share.seen.pop_front();
  --share.first_body;
  if (share.seen.empty()) shares_.erase(from);
}

std::map<NodeName, MessageCache::Share>::iterator MessageCache::largest(bool by_bodies) {
  // A handful of shares: the active peers of the last minutes and this node.
  auto most = shares_.begin();
  for (auto share = shares_.begin(); share != shares_.end(); ++share) {
    const auto size = [&](const Share& s) { return by_bodies ? s.bytes : s.seen.size(); };
    if (size(share->second) > size(most->second)) most = share;
  }
  return most;
}

void MessageCache::expire(Instant now) {
  for (auto share = shares_.begin(); share != shares_.end();) {
    const auto current = share++;
    while (!current->second.seen.empty() && current->second.seen.front().expires <= now) {
      const bool last = current->second.seen.size() == 1;
      drop_oldest(current->first, current->second);
      if (last) break;
    }
  }
}

std::optional<Instant> MessageCache::next_expiry() const {
  std::optional<Instant> next;
  for (const auto& [from, share] : shares_) {
    const Instant expires = share.seen.front().expires;
    if (!next || expires < *next) next = expires;
  }
  return next;
}

}  // namespace barrel
