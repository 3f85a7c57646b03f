#include "gossip/plumtree.hpp"

#include <algorithm>
#include <utility>

#include "barrel/term/term_size.hpp"

namespace barrel {
namespace {

NodeName sender_of(const plumtree::Message& message) {
  return std::visit([](const auto& m) { return m.sender; }, message);
}

}  // namespace

Plumtree::Plumtree(NodeName self, PlumtreeConfig config, Random random, Metrics& metrics)
    : self_(self),
      config_(config),
      ids_(random),
      cache_(config, metrics),
      malformed_(metrics.counter("gossip.malformed")),
      spoofed_(metrics.counter("gossip.spoofed")),
      payload_limit_(metrics.counter("gossip.payloads_over_limit")),
      duplicates_(metrics.counter("gossip.duplicates")),
      delivered_(metrics.counter("gossip.delivered")),
      sent_(metrics.counter("barrel_p2p.plumtree.gossip.sent")),
      received_(metrics.counter("barrel_p2p.plumtree.gossip.received")),
      ihaves_sent_(metrics.counter("barrel_p2p.plumtree.ihave.sent")),
      grafts_sent_(metrics.counter("barrel_p2p.plumtree.graft.sent")),
      prunes_sent_(metrics.counter("barrel_p2p.plumtree.prune.sent")),
      missing_full_(metrics.counter("gossip.missing_full")),
      given_up_(metrics.counter("gossip.given_up")),
      announcers_full_(metrics.counter("gossip.announcers_full")),
      grafts_unanswered_(metrics.counter("gossip.grafts_unanswered")) {}

void Plumtree::peer_up(NodeName peer) {
  lazy_.erase(peer);
  eager_.insert(peer);
}

void Plumtree::peer_down(NodeName peer) {
  lazy_.erase(peer);
  eager_.erase(peer);
}

void Plumtree::make_eager(NodeName peer) {
  if (lazy_.erase(peer) > 0) eager_.insert(peer);
}

void Plumtree::make_lazy(NodeName peer) {
  if (eager_.erase(peer) > 0) lazy_.insert(peer);
}

void Plumtree::broadcast(const Term& tag, const Term& payload, Instant now, Effects& out) {
  const plumtree::MessageId id = ids_.next();
  const MessageCache::Body body{tag, payload};
  push(id, body, self_, out);
  cache_.insert(id, body, self_, now);
}

void Plumtree::push(const plumtree::MessageId& id, const MessageCache::Body& body, NodeName except,
                    Effects& out) {
  const bool to_all = body.tag == flooded_;
  // One term for all: copies share it.
  const Term gossip = encode(plumtree::Gossip{id, body.tag, body.payload, self_});
  for (const auto* peers : {&eager_, to_all ? &lazy_ : nullptr}) {
    if (peers == nullptr) continue;
    for (const NodeName peer : *peers) {
      if (peer == except) continue;
      sent_.add();
      out.push_back(SendTo{peer, gossip});
    }
  }
  if (!lazy_.empty() && !to_all) {
    const Term ihave = encode(plumtree::Ihave{id, self_});
    for (const NodeName peer : lazy_) {
      if (peer == except) continue;
      ihaves_sent_.add();
      out.push_back(SendTo{peer, ihave});
    }
  }
}

void Plumtree::message(NodeName from, const Term& message, Instant now, Effects& out) {
  auto decoded = plumtree::decode(message);
  if (!decoded) return malformed_.add();
  if (sender_of(*decoded) != from) return spoofed_.add();
  std::visit([&](auto& m) { handle(from, std::move(m), now, out); }, *decoded);
}

void Plumtree::handle(NodeName from, plumtree::Gossip message, Instant now, Effects& out) {
  received_.add();
  if (estimate_bytes(message.payload, config_.payload_bytes_max) > config_.payload_bytes_max) {
    return payload_limit_.add();
  }
  if (cache_.contains(message.id)) {
    duplicates_.add();
    if (!eager_.contains(from) || message.tag == flooded_) return;
    // The first copy came over another edge, unless this is the only one there is.
    if (eager_.size() == 1) return;
    make_lazy(from);
    prunes_sent_.add();
    out.push_back(SendTo{from, encode(plumtree::Prune{self_})});
    return;
  }
  found(message.id);
  delivered_.add();
  if (message.tag != flooded_) make_eager(from);
  const MessageCache::Body body{std::move(message.tag), std::move(message.payload)};
  push(message.id, body, from, out);
  cache_.insert(message.id, body, from, now);
  out.push_back(Deliver{from, body.tag, body.payload});
}

void Plumtree::handle(NodeName from, const plumtree::Ihave& message, Instant now, Effects&) {
  if (cache_.contains(message.id)) return;
  if (const auto waiting = missing_.find(message.id); waiting != missing_.end()) {
    auto& announcers = waiting->second.announcers;
    if (std::ranges::find(announcers, from) != announcers.end()) return;
    if (announcers.size() >= Missing::announcers_max) return announcers_full_.add();
    announcers.push_back(from);
    return;
  }
  std::size_t& share = missing_of_[from];
  if (missing_.size() >= config_.missing_max || share >= config_.missing_per_peer_max) {
    if (share == 0) missing_of_.erase(from);
    return missing_full_.add();
  }
  ++share;
  const Instant ask_at = now + config_.graft_delay;
  missing_.emplace(message.id, Missing{{from}, from, ask_at});
  asks_.emplace(ask_at, message.id);
}

void Plumtree::handle(NodeName from, const plumtree::Graft& message, Instant, Effects& out) {
  make_eager(from);
  const auto* body = cache_.find(message.id);
  if (body == nullptr) return grafts_unanswered_.add();
  sent_.add();
  out.push_back(SendTo{from, encode(plumtree::Gossip{message.id, body->tag, body->payload, self_})});
}

void Plumtree::handle(NodeName from, const plumtree::Prune&, Instant, Effects&) {
  make_lazy(from);
}

void Plumtree::found(const plumtree::MessageId& id) {
  const auto waiting = missing_.find(id);
  if (waiting == missing_.end()) return;
  asks_.erase({waiting->second.ask_at, id});
  const auto share = missing_of_.find(waiting->second.first_announcer);
  if (share != missing_of_.end() && --share->second == 0) missing_of_.erase(share);
  missing_.erase(waiting);
}

void Plumtree::advance(Instant now, Effects& out) {
  cache_.expire(now);
  while (!asks_.empty() && asks_.begin()->first <= now) {
    const plumtree::MessageId id = asks_.begin()->second;
    asks_.erase(asks_.begin());
    Missing& waiting = missing_.at(id);
    auto& announcers = waiting.announcers;
    // Peers that have left the view since cannot be asked.
    std::erase_if(announcers, [&](NodeName peer) { return !eager_.contains(peer) && !lazy_.contains(peer); });
    if (announcers.empty()) {
      given_up_.add();
      found(id);
      continue;
    }
    const NodeName peer = announcers.front();
    announcers.erase(announcers.begin());
    grafts_sent_.add();
    make_eager(peer);
    out.push_back(SendTo{peer, encode(plumtree::Graft{id, self_})});
    waiting.ask_at = now + config_.graft_retry;
    asks_.emplace(waiting.ask_at, id);
  }
}

std::optional<Instant> Plumtree::next_deadline() const {
  std::optional<Instant> next = cache_.next_expiry();
  if (!asks_.empty() && (!next || asks_.begin()->first < *next)) next = asks_.begin()->first;
  return next;
}

}  // namespace barrel
