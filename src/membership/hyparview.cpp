#include "membership/hyparview.hpp"

#include <algorithm>

// Inputs and messages. The views and the timers are in hyparview_views.cpp.

namespace barrel {
namespace {

/// How long a refused low-priority request rests; doubles up to 2^refusals_max of it.
constexpr Duration rest_after_refusal = std::chrono::seconds(1);
constexpr std::uint32_t refusals_max = 5;
/// A wrong belief about an edge is corrected at most this often for one peer.
constexpr Duration correction_interval = std::chrono::seconds(1);

}  // namespace

HyParView::HyParView(NodeName self, HyParViewConfig config, Random random, Metrics& metrics)
    : self_(self),
      config_(config),
      random_(random),
      shuffle_period_(config.shuffle_period_min),
      malformed_(metrics.counter("membership.malformed")),
      spoofed_(metrics.counter("membership.spoofed")),
      evicted_(metrics.counter("membership.evicted")),
      corrected_(metrics.counter("membership.corrected")),
      passive_full_(metrics.counter("membership.passive_full")),
      shuffles_(metrics.counter("barrel_p2p.hyparview.shuffle")),
      unasked_replies_(metrics.counter("membership.unasked_replies")),
      joins_received_(metrics.counter("membership.joins_received")),
      joins_refused_(metrics.counter("membership.joins_refused")),
      pending_timeouts_(metrics.counter("barrel_p2p.hyparview.pending_timeout")),
      walks_shortened_(metrics.counter("membership.walks_shortened")),
      shuffles_unanswered_limit_(metrics.counter("membership.shuffles_unanswered_limit")),
      shuffle_peers_limit_(metrics.counter("membership.shuffle_peers_limit")),
      refusals_sent_(metrics.counter("membership.refusals_sent")),
      refusals_received_(metrics.counter("membership.refusals_received")),
      contact_retries_(metrics.counter("membership.contact_retries")),
      refills_(metrics.counter("membership.refills")),
      candidates_given_up_(metrics.counter("membership.candidates_given_up")) {
  config_.active_size = std::max<std::size_t>(config_.active_size, 1);
}

void HyParView::join(NodeName node, Instant now, Effects& out) {
  left_ = false;
  if (node == self_) return;
  if (contact(node) == nullptr) contacts_.push_back(Contact{.node = node, .retry_at = std::nullopt});
  Contact& through = *contact(node);
  if (active_.contains(node)) {
    through.joined = true;
    out.push_back(Joined{node});
    return;
  }
  through.joined = false;
  through.attempts = 0;
  reach_contact(through, now, out);
}

void HyParView::rejoin(NodeName peer, Instant now, Effects& out) {
  if (left_ || peer == self_ || active_.contains(peer) || pending_.contains(peer)) return;
  reach(peer, Goal::rejoin, hyparview::Priority::high, now, out);
}

void HyParView::leave(Instant now, Effects& out) {
  while (!active_.empty()) {
    const NodeName peer = active_.begin()->first;
    send(peer, hyparview::Disconnect{me()}, out);
    remove_active(peer, Removal::graceful, now, out);
  }
  passive_.clear();
  pending_.clear();
  contacts_.clear();
  shuffle_at_.reset();
  fill_at_.reset();
  insist_at_.reset();
  if (!left_) out.push_back(Left{});
  left_ = true;
}

void HyParView::forget(NodeName peer) {
  passive_.erase(peer);
  pending_.erase(peer);
}

void HyParView::link_up(NodeName peer, PeerKind kind, Instant now, Effects& out) {
  if (peer == self_) return;
  links_.insert_or_assign(peer, Link{.kind = kind, .corrected_at = {}, .gossiped_at = {}});
  const auto pending = pending_.find(peer);
  if (pending != pending_.end()) {
    pursue(peer, pending->second, now, out);
  } else if (Contact* through = contact(peer); !left_ && through != nullptr && !through->joined) {
    reach_contact(*through, now, out);
  }
}

void HyParView::link_down(NodeName peer, bool lost, Instant now, Effects& out) {
  links_.erase(peer);
  const bool was_pending = pending_.erase(peer) > 0;
  if (active_.contains(peer)) remove_active(peer, Removal::nodedown, now, out);
  else if (!was_pending) return;
  if (lost || was_pending) note_failure(peer, now);
  fill_soon(now);
}

void HyParView::dial_failed(NodeName peer, Instant now, Effects&) {
  if (pending_.erase(peer) == 0) return;
  note_failure(peer, now);
  fill_soon(now);
}

void HyParView::message(NodeName from, const Term& message, Instant now, Effects& out) {
  const auto decoded = hyparview::decode(message);
  if (!decoded) return malformed_.add();
  if (decoded->first != from) return spoofed_.add();
  std::visit([&](const auto& m) { handle(from, m, now, out); }, decoded->second);
}

void HyParView::overlay_traffic(NodeName from, Instant now, Effects& out) {
  if (const auto linked = links_.find(from); linked != links_.end() && !is_barrel(from))
    linked->second.gossiped_at = now;
  if (const auto active = active_.find(from); active != active_.end()) {
    active->second.heard_at = now;
    return;
  }
  const auto link = links_.find(from);
  if (link == links_.end()) return;
  if (link->second.kind == PeerKind::barrel) return correct(from, now, out);
  // The original adds the far end of a connection it made without telling it.
  if (!left_ && has_room()) add_active(from, now, out);
}

void HyParView::handle(NodeName from, const hyparview::Join&, Instant now, Effects& out) {
  joins_received_.add();
  if (left_) return send(from, hyparview::Disconnect{me()}, out);
  const bool known = active_.contains(from);
  // A Barrel node repeats a join only by accident; the original does after it has lost its views.
  if (known && is_barrel(from)) return;
  // The peer, which believes in an edge now, is told with the next correction.
  if (!admits(from, now)) return correct(from, now, out);
  if (!known) {
    if (!has_room()) evict_for(from, now, out);
    add_active(from, now, out);
  }
  for (const auto& [peer, state] : active_) {
    if (peer != from) send(peer, hyparview::ForwardJoin{{from, true}, config_.arwl, me()}, out);
  }
}

void HyParView::handle(NodeName from, const hyparview::ForwardJoin& m, Instant now, Effects& out) {
  const NodeName peer = m.peer.node;
  if (left_ || peer == self_) return;
  const std::int64_t ttl = shortened(m.ttl, config_.arwl);
  if (!active_.contains(peer)) {
    if (ttl == 0 || ttl == config_.prwl) add_passive(peer, from);
    if (ttl == 0) return fill_soon(now);
    if (pending_.contains(peer)) return;
    if (taken() < config_.active_size) {
      return reach(peer, Goal::neighbor, hyparview::Priority::low, now, out);
    }
  }
  const auto next = random_active(from, peer);
  if (ttl > 0 && next) send(*next, hyparview::ForwardJoin{{peer, true}, ttl - 1, me()}, out);
}

std::int64_t HyParView::shortened(std::int64_t walk, std::int64_t own) {
  const std::int64_t most = std::max<std::int64_t>(own, 0);
  if (walk > most) walks_shortened_.add();
  return std::min(walk, most);
}

void HyParView::handle(NodeName from, const hyparview::Disconnect&, Instant now, Effects& out) {
  if (!active_.contains(from)) return;
  remove_active(from, Removal::graceful, now, out);
  if (const auto passive = passive_.find(from); passive != passive_.end()) {
    passive->second.not_before = now + jittered(rest_after_removal);
  }
  fill_soon(now);
}

void HyParView::handle(NodeName from, const hyparview::Neighbor& m, Instant now, Effects& out) {
  const bool known = active_.contains(from);
  const bool wanted = m.priority == hyparview::Priority::high || has_room();
  const bool accepted = !left_ && (known || (wanted && admits(from, now)));
  if (accepted && !known) {
    if (!has_room()) evict_for(from, now, out);
    add_active(from, now, out);
  }
  if (!accepted) refusals_sent_.add();
  send(from, hyparview::NeighborReply{accepted, me()}, out);
  if (!accepted && !left_) add_passive(from);
}

void HyParView::handle(NodeName from, const hyparview::NeighborReply& m, Instant now, Effects& out) {
  const bool was_asked = pending_.erase(from) > 0;
  if (active_.contains(from)) return;
  if (m.accepted) {
    if (!left_ && has_room()) return add_active(from, now, out);
    // The place was taken while the answer was under way, and the peer believes in the edge.
    return send(from, hyparview::Disconnect{me()}, out);
  }
  refusals_received_.add();
  if (!was_asked) return;
  add_passive(from);
  if (const auto passive = passive_.find(from); passive != passive_.end()) {
    PassivePeer& peer = passive->second;
    peer.not_before = now + jittered(rest_after_refusal * (std::int64_t{1} << peer.refusals));
    peer.refusals = std::min(peer.refusals + 1, refusals_max);
  }
  fill_soon(now);
}

void HyParView::handle(NodeName from, const hyparview::Shuffle& m, Instant now, Effects& out) {
  shuffle_peers_limit_.add(m.cut_off);
  if (left_) return;
  std::vector<hyparview::PeerRecord> others;
  for (const auto& peer : m.peers) {
    if (peer.node == self_) continue;
    others.push_back(peer);
    add_passive(peer.node, from);
  }
  send(from, hyparview::ShuffleReply{sample(others.size(), from), me()}, out);
  if (const auto ttl = shortened(m.ttl, config_.prwl); ttl > 0) {
    if (const auto next = random_active(from, from)) {
      ask(*next, hyparview::Shuffle{ttl - 1, std::move(others), me()}, out);
    }
  }
  if (!active_.contains(from)) correct(from, now, out);
  fill_soon(now);
}

void HyParView::handle(NodeName from, const hyparview::ShuffleReply& m, Instant now, Effects&) {
  shuffle_peers_limit_.add(m.cut_off);
  if (left_) return;
  const auto link = links_.find(from);
  if (link == links_.end() || link->second.shuffles_unanswered == 0) return unasked_replies_.add();
  --link->second.shuffles_unanswered;
  for (const auto& peer : m.peers) add_passive(peer.node, from);
  fill_soon(now);
}

bool HyParView::admits(NodeName from, Instant now) {
  const auto link = links_.find(from);
  if (link == links_.end() || link->second.places.allow(now)) return true;
  joins_refused_.add();
  return false;
}

void HyParView::send(NodeName to, const hyparview::Message& message, Effects& out) const {
  out.push_back(SendTo{to, hyparview::encode(self_, message)});
}

void HyParView::correct(NodeName peer, Instant now, Effects& out) {
  const auto link = links_.find(peer);
  if (link == links_.end() || link->second.kind != PeerKind::barrel || pending_.contains(peer)) return;
  auto& corrected_at = link->second.corrected_at;
  if (corrected_at && now < *corrected_at + correction_interval) return;
  corrected_at = now;
  corrected_.add();
  send(peer, hyparview::Disconnect{me()}, out);
}

void HyParView::reach(NodeName peer, Goal goal, hyparview::Priority priority, Instant now, Effects& out) {
  const auto place =
      pending_.insert_or_assign(peer, Pending{goal, priority, false, now + config_.pending_timeout});
  if (links_.contains(peer)) pursue(peer, place.first->second, now, out);
  else out.push_back(Dial{peer});
}

void HyParView::pursue(NodeName peer, Pending& pending, Instant now, Effects& out) {
  if (pending.goal == Goal::neighbor && is_barrel(peer)) {
    if (pending.asked) return;
    pending.asked = true;
    pending.deadline = now + config_.neighbor_timeout;
    return send(peer, hyparview::Neighbor{pending.priority, me()}, out);
  }
  const Goal goal = pending.goal;
  pending_.erase(peer);
  send_join(peer, goal, now, out);
}

void HyParView::send_join(NodeName peer, Goal goal, Instant now, Effects& out) {
  if (!active_.contains(peer)) {
    // Only a wish of ours is worth another's place; a mere candidate (an Erlang one: Barrel ones are asked)
    // is not.
    if (!has_room() && goal == Goal::neighbor) return;
    if (!has_room()) evict_for(peer, now, out);
    send(peer, hyparview::Join{me()}, out);
    add_active(peer, now, out);
  }
}

}  // namespace barrel
