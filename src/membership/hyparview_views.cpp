#include <algorithm>

#include "membership/hyparview.hpp"

// The views themselves, the search for candidates and the timers of HyParView.

namespace barrel {
namespace {

/// Holes are filled together and a little later: a victim's new peer is on its way, and nodes that lost one
/// peer at the same moment should not all ask at once. Guess.
constexpr Duration fill_delay = std::chrono::milliseconds(40);
/// A node that lacks two peers or more and is refused everywhere asks with high priority this often: it takes
/// a place in the middle of an existing edge, which costs nobody a peer.
constexpr Duration insist_interval = std::chrono::milliseconds(500);
/// Shuffles to one peer whose answers we wait for; others may be lost. A guess: what a busy peer passes on.
constexpr std::uint32_t shuffles_unanswered_max = 16;
/// A full passive view has room for this many tellers with as much to tell. A guess: a liar can hide a third
/// of the cluster.
constexpr std::uint64_t tellers = 3;
/// The original adapts its shuffling to the churn of this window.
constexpr Duration churn_window = std::chrono::seconds(30);
constexpr std::size_t churn_high = 10;
constexpr std::size_t churn_some = 5;
constexpr Duration shuffle_period_high_churn = std::chrono::seconds(2);
/// A peer running the original gossips a heartbeat every 2 s; after this much silence it may have forgotten
/// us.
constexpr Duration forgetful_after = std::chrono::seconds(20);

}  // namespace

std::vector<NodeName> HyParView::active() const {
  std::vector<NodeName> names;
  for (const auto& [peer, state] : active_) names.push_back(peer);
  return names;
}

std::vector<NodeName> HyParView::passive() const {
  std::vector<NodeName> names;
  for (const auto& [peer, state] : passive_) names.push_back(peer);
  return names;
}

std::size_t HyParView::taken() const {
  const auto promised = [](const auto& pending) { return pending.second.goal != Goal::rejoin; };
  return active_.size() + static_cast<std::size_t>(std::ranges::count_if(pending_, promised));
}

bool HyParView::is_barrel(NodeName peer) const {
  const auto link = links_.find(peer);
  return link != links_.end() && link->second.kind == PeerKind::barrel;
}

Duration HyParView::jittered(Duration base) {
  return Duration(random_.between(base.count() * 3 / 4, base.count() * 5 / 4));
}

void HyParView::add_active(NodeName peer, Instant now, Effects& out) {
  passive_.erase(peer);
  pending_.erase(peer);
  active_.insert_or_assign(peer, ActivePeer{now});
  if (Contact* through = contact(peer); through != nullptr && !through->joined) {
    through->joined = true;
    through->attempts = 0;
    through->retry_at.reset();
    out.push_back(Joined{peer});
  }
  note_churn(now);
  if (!shuffle_at_) shuffle_at_ = now + jittered(config_.shuffle_period_min / 4);
  fill_soon(now);
  out.push_back(PeerUp{peer});
}

void HyParView::remove_active(NodeName peer, Removal reason, Instant now, Effects& out) {
  active_.erase(peer);
  if (!left_) add_passive(peer);
  note_churn(now);
  if (active_.empty()) {
    for (Contact& through : contacts_) {
      through.joined = false;
      through.attempts = 0;
      // A contact that gave our place to another is not fought for it: it told us of the other.
      const bool has_dropped_us = through.node == peer && reason == Removal::graceful;
      through.retry_at = now + jittered(has_dropped_us ? rest_after_removal : fill_delay);
    }
  }
  out.push_back(PeerDown{peer, reason});
  if (reason != Removal::nodedown) out.push_back(Release{peer});
}

void HyParView::evict_for(NodeName newcomer, Instant now, Effects& out) {
  // Erlang peers cannot be told, so they go only when there is nobody else.
  std::vector<NodeName> victims;
  for (const bool barrel_only : {true, false}) {
    for (const auto& [peer, state] : active_) {
      if (peer != newcomer && (!barrel_only || is_barrel(peer))) victims.push_back(peer);
    }
    if (!victims.empty()) break;
  }
  if (victims.empty()) return;
  const NodeName victim = victims[random_.below(victims.size())];
  evicted_.add();
  if (is_barrel(victim)) {
    send(victim, hyparview::Disconnect{me()}, out);
    send(victim, hyparview::ForwardJoin{{newcomer, true}, 1, me()}, out);
  }
  remove_active(victim, Removal::dropped, now, out);
  if (const auto passive = passive_.find(victim); passive != passive_.end()) {
    passive->second.not_before = now + jittered(rest_after_removal);
  }
}

std::map<NodeName, HyParView::PassivePeer>::iterator HyParView::passive_victim(NodeName teller) {
  const auto has_failed = [](const auto& peer) { return peer.second.fail_count > 0; };
  const auto failed = std::ranges::find_if(passive_, has_failed);
  if (failed != passive_.end()) return failed;
  // Whoever tells of many only replaces what it told itself.
  const auto is_told = [&](const auto& peer) { return peer.second.teller == teller; };
  const auto told = static_cast<std::uint64_t>(std::ranges::count_if(passive_, is_told));
  const bool has_its_share = teller != self_ && told >= std::max<std::uint64_t>(1, passive_.size() / tellers);
  auto left = random_.below(has_its_share ? told : passive_.size());
  auto victim = passive_.begin();
  for (;; ++victim) {
    if (has_its_share && !is_told(*victim)) continue;
    if (left-- == 0) return victim;
  }
}

void HyParView::add_passive(NodeName peer, std::optional<NodeName> teller) {
  if (peer == self_ || active_.contains(peer) || passive_.contains(peer)) return;
  if (config_.passive_size == 0) return;
  while (passive_.size() >= config_.passive_size) {
    passive_full_.add();
    passive_.erase(passive_victim(teller.value_or(self_)));
  }
  passive_.emplace(peer, PassivePeer{.not_before = {}, .teller = teller.value_or(self_)});
}

void HyParView::note_failure(NodeName peer, Instant now) {
  const auto passive = passive_.find(peer);
  if (passive == passive_.end()) return;
  if (++passive->second.fail_count >= config_.fail_count_max) {
    candidates_given_up_.add();
    passive_.erase(passive);
    return;
  }
  const std::int64_t doublings = std::min<std::int64_t>(passive->second.fail_count - 1, 20);
  passive->second.not_before =
      now + jittered(std::min(config_.backoff_min * (std::int64_t{1} << doublings), config_.backoff_max));
}

void HyParView::fill_soon(Instant now) {
  if (left_ || fill_at_ || !has_room()) return;
  fill_at_ = now + jittered(fill_delay);
}

std::vector<NodeName> HyParView::candidates(Instant now) const {
  std::vector<NodeName> found;
  for (const auto& [peer, state] : passive_) {
    if (!pending_.contains(peer) && (!state.not_before || *state.not_before <= now)) found.push_back(peer);
  }
  return found;
}

void HyParView::fill(Instant now, Effects& out) {
  auto ready = candidates(now);
  while (!ready.empty() && taken() < config_.active_size) {
    const std::size_t at = random_.below(ready.size());
    // One request with high priority is enough to end an isolation.
    const bool high = active_.empty() && pending_.empty();
    refills_.add();
    reach(ready[at], Goal::neighbor, high ? hyparview::Priority::high : hyparview::Priority::low, now, out);
    ready.erase(ready.begin() + static_cast<std::ptrdiff_t>(at));
  }
  const bool lacks_two = taken() + 2 <= config_.active_size;
  const bool is_alone = active_.empty();
  if ((lacks_two || is_alone) && !passive_.empty() && !insist_at_)
    insist_at_ = now + jittered(insist_interval);
}

void HyParView::insist(Instant now, Effects& out) {
  if (taken() + 2 > config_.active_size && !active_.empty()) return;
  std::vector<NodeName> refusers;
  for (const auto& [peer, state] : passive_) {
    if (!pending_.contains(peer) && state.fail_count == 0) refusers.push_back(peer);
  }
  if (!refusers.empty()) {
    refills_.add();
    reach(refusers[random_.below(refusers.size())], Goal::neighbor, hyparview::Priority::high, now, out);
  }
  fill_soon(now);
}

void HyParView::expire_pending(Instant now, Effects&) {
  std::vector<NodeName> expired;
  for (const auto& [peer, pending] : pending_) {
    if (pending.deadline <= now) expired.push_back(peer);
  }
  for (const NodeName peer : expired) {
    pending_timeouts_.add();
    pending_.erase(peer);
    note_failure(peer, now);
    fill_soon(now);
  }
}

HyParView::Contact* HyParView::contact(NodeName node) {
  const auto found = std::ranges::find(contacts_, node, &Contact::node);
  return found == contacts_.end() ? nullptr : &*found;
}

void HyParView::reach_contact(Contact& through, Instant now, Effects& out) {
  // Without any peer as often as the original; with some, less and less often, as it may be gone for good.
  const auto doublings = active_.empty() ? 0 : std::min<std::uint32_t>(through.attempts, 10);
  ++through.attempts;
  const Duration pause = config_.contact_retry * (std::int64_t{1} << doublings);
  through.retry_at = now + jittered(std::min(pause, std::max(config_.backoff_max, config_.contact_retry)));
  // reach() may end in add_active(), which changes `through`.
  reach(through.node, Goal::contact, hyparview::Priority::high, now, out);
}

void HyParView::retry_contacts(Instant now, Effects& out) {
  for (std::size_t i = 0; i < contacts_.size(); ++i) {
    Contact& through = contacts_[i];
    if (!through.retry_at || *through.retry_at > now) continue;
    if (through.joined) {
      through.retry_at.reset();
      continue;
    }
    contact_retries_.add();
    reach_contact(through, now, out);
  }
}

void HyParView::note_churn(Instant now) {
  std::erase_if(churn_, [&](Instant at) { return at + churn_window < now; });
  // What counts is only whether it is many.
  if (churn_.size() <= churn_high) churn_.push_back(now);
  shuffle_period_ = std::min(shuffle_period_, shuffle_period_cap());
}

Duration HyParView::shuffle_period_cap() const {
  if (churn_.size() > churn_high) return std::min(shuffle_period_high_churn, config_.shuffle_period);
  if (churn_.size() > churn_some) return config_.shuffle_period / 2;
  return config_.shuffle_period;
}

void HyParView::shuffle(Instant now, Effects& out) {
  shuffle_at_.reset();
  const auto partner = random_active(self_, self_);
  if (!partner) return;
  std::erase_if(churn_, [&](Instant at) { return at + churn_window < now; });
  shuffle_at_ = now + jittered(shuffle_period_);
  shuffle_period_ = std::min(shuffle_period_ * 2, shuffle_period_cap());
  shuffles_.add();
  auto peers = sample(config_.shuffle_length > 0 ? config_.shuffle_length - 1 : 0, *partner);
  peers.insert(peers.begin(), me());
  ask(*partner, hyparview::Shuffle{std::max<std::int64_t>(config_.prwl, 0), std::move(peers), me()}, out);
}

void HyParView::ask(NodeName peer, const hyparview::Shuffle& shuffle, Effects& out) {
  if (const auto link = links_.find(peer); link != links_.end()) {
    auto& unanswered = link->second.shuffles_unanswered;
    if (unanswered < shuffles_unanswered_max) ++unanswered;
    else shuffles_unanswered_limit_.add();
  }
  send(peer, shuffle, out);
}

bool HyParView::relies_on_us(NodeName peer, Instant now) const {
  const auto link = links_.find(peer);
  return link != links_.end() && link->second.gossiped_at &&
         now < *link->second.gossiped_at + forgetful_after;
}

void HyParView::remind(NodeName peer, Instant now, Effects& out) {
  const auto active = active_.find(peer);
  if (active == active_.end() || is_barrel(peer)) return;
  active->second.heard_at = now;
  send(peer, hyparview::Join{me()}, out);
}

void HyParView::remind_forgetful(Instant now, Effects& out) {
  for (const auto& [peer, state] : active_) {
    if (now >= state.heard_at + forgetful_after) remind(peer, now, out);
  }
}

std::optional<NodeName> HyParView::random_active(NodeName except, NodeName also_except) {
  std::vector<NodeName> peers;
  for (const auto& [peer, state] : active_) {
    if (peer != except && peer != also_except) peers.push_back(peer);
  }
  if (peers.empty()) return std::nullopt;
  return peers[random_.below(peers.size())];
}

std::vector<hyparview::PeerRecord> HyParView::sample(std::size_t count, NodeName except) {
  std::vector<hyparview::PeerRecord> all;
  for (const auto& [peer, state] : active_) {
    if (peer != except) all.push_back({peer, true});
  }
  for (const auto& [peer, state] : passive_) {
    if (peer != except && state.fail_count == 0) all.push_back({peer, false});
  }
  random_.shuffle(all);
  if (all.size() > count) all.erase(all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
  return all;
}

void HyParView::advance(Instant now, Effects& out) {
  const auto due = [&](std::optional<Instant>& at) {
    if (!at || *at > now) return false;
    at.reset();
    return true;
  };
  expire_pending(now, out);
  retry_contacts(now, out);
  if (due(insist_at_)) insist(now, out);
  if (due(fill_at_)) fill(now, out);
  else if (taken() < config_.active_size && !candidates(now).empty()) fill_soon(now);
  if (due(shuffle_at_)) shuffle(now, out);
  remind_forgetful(now, out);
}

std::optional<Instant> HyParView::next_deadline() const {
  std::optional<Instant> next;
  const auto consider = [&](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  for (const Contact& through : contacts_) consider(through.retry_at);
  consider(shuffle_at_);
  consider(fill_at_);
  consider(insist_at_);
  for (const auto& [peer, pending] : pending_) consider(pending.deadline);
  if (!fill_at_ && !left_ && taken() < config_.active_size) {
    for (const auto& [peer, state] : passive_) {
      if (!pending_.contains(peer)) consider(state.not_before);
    }
  }
  for (const auto& [peer, state] : active_) {
    if (!is_barrel(peer)) consider(state.heard_at + forgetful_after);
  }
  return next;
}

}  // namespace barrel
