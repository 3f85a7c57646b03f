// What the cluster thread does when links come, speak and go: carrier::LinkOwner.

#include "node/cluster.hpp"

#include <algorithm>

namespace barrel::node {

namespace {

LinkLoss loss_of(carrier::DownReason reason) {
  using carrier::DownReason;
  const bool in_order = reason == DownReason::closed_by_us || reason == DownReason::closed_by_peer;
  return in_order ? LinkLoss::closed : LinkLoss::lost;
}

}  // namespace

auth::Identity Cluster::identity() {
  // From disk, so that a rotated identity takes effect with the next handshake.
  auto present = load_identity(config_.key_dir());
  if (present) return *std::move(present);
  if (may_log_for_stranger()) {
    log_.warning("the identity on disk cannot be read; the one loaded at start is used",
                 {{"why", present.error().message()}});
  }
  return identity_;
}

auth::TrustDecision Cluster::check_trust(std::string_view claimed_name, const PublicKey& key) {
  const auto decided = trust_.decide(claimed_name, key);
  if (decided) return *decided;
  if (may_log_for_stranger()) {
    log_.error("pinned key unreadable, node refused",
               {{"node", std::string(claimed_name)}, {"error", decided.error().message()}});
  }
  return auth::TrustDecision::key_mismatch;
}

bool Cluster::may_log_for_stranger() {
  if (refusal_lines_.allow(loop_.now())) return true;
  refusals_not_logged_.add();
  return false;
}

bool Cluster::may_log_for(Channel& peer) {
  if (peer.log_lines.allow(loop_.now())) return true;
  refusals_not_logged_.add();
  return false;
}

bool Cluster::admits_unproven(std::string_view peer) {
  const auto pinned = trust_.find(peer);
  return pinned && !*pinned;  // a file that cannot be read may be a pin
}

bool Cluster::admits_new_name(bool proven) {
  return (proven ? names_with_key_ : names_without_key_).take(loop_.now());
}

carrier::Pinned Cluster::pin(carrier::Link& link, NodeName peer, const PublicKey& key) {
  using carrier::Pinned;
  const auto known = trust_.find(peer.text());
  if (known && *known) return **known == key ? Pinned::yes : Pinned::no;
  // Written, and safe on the disk, which takes its time, before the connection is used.
  const auto stored = std::make_shared<Result<auth::TrustDecision>>(Error(Errc::io));
  const bool queued =
      loop_.offload([&trust = trust_, stored, peer, key] { *stored = trust.store_if_new(peer.text(), key); },
                    [this, stored, peer, id = link.id()] { pin_stored(id, peer, *stored); });
  if (queued) return Pinned::later;
  log_.error("the key of a new node could not be stored",
             {{"node", std::string(peer.text())}, {"why", "too many lookups and files wait"}});
  return Pinned::no;
}

void Cluster::pin_stored(std::uint64_t link_id, NodeName peer, const Result<auth::TrustDecision>& stored) {
  if (!stored) {
    log_.error("the key of a new node could not be stored",
               {{"node", std::string(peer.text())}, {"why", stored.error().message()}});
  }
  carrier::Link* link = carrier_->find(link_id);
  if (link != nullptr) link->pinned(stored && auth::accepted(*stored), loop_.now());
}

void Cluster::on_authenticated(carrier::Link& link, std::string_view, const PublicKey&) {
  if (!link.dialed()) note_incoming(link);
}

void Cluster::note_incoming(carrier::Link& link) {
  // An older one stays: the newer may have no more than a key of its own, and a name that it has not met us
  // by.
  const auto [first, last] = incoming_.equal_range(link.name());
  const bool known = std::any_of(first, last, [&](const auto& entry) { return entry.second == &link; });
  if (!known) incoming_.emplace(std::string(link.name()), &link);
}

bool Cluster::forget_incoming(const carrier::Link& link) {
  const auto [first, last] = incoming_.equal_range(link.name());
  const auto found = std::find_if(first, last, [&](const auto& entry) { return entry.second == &link; });
  if (found == last) return false;
  incoming_.erase(found);
  return !incoming_.contains(link.name());
}

Channel* Cluster::channel_of(std::string_view name) {
  const auto atom = Atom::find(name);
  return atom ? channels_.find(*atom) : nullptr;
}

dist::Verdict Cluster::on_incoming(carrier::Link& link, std::string_view peer, std::uint32_t) {
  // Who has not shown the cookie makes no channel.
  Channel* channel = channel_of(peer);
  if (channel == nullptr) return dist::Verdict::accept;
  dist::PeerState state;
  state.live = channel->live_link != nullptr;
  if (channel->dial == Channel::Dial::locating) state.dial = dist::DialPhase::before_name;
  if (channel->dial_link != nullptr) state.dial = channel->dial_link->dial_phase();
  dist::Verdict verdict = dist::decide_incoming(link.dialect(), self_, channel->peer, state);
  // Over TCP an Erlang node understands the refusal, and keeps its messages for our dial.
  if (!is_member(link) && verdict == dist::Verdict::refuse_silently) verdict = dist::Verdict::refuse;
  if (dist::drops_dial(verdict)) {
    crossing_dials_.add();
    dialer_.yield(*channel);
    note_incoming(link);  // if it comes to nothing we dial again
    if (carrier::Link* own = std::exchange(channel->dial_link, nullptr))
      own->close("gives way to the peer's dial", loop_.now());
  } else if (dist::refuses(verdict)) {
    crossing_dials_.add();
  } else if (!is_member(link)) {
    // Nobody is dialed who is about to be connected: Erlang would see a crossing where there is none any
    // more.
    note_incoming(link);
  }
  return verdict;
}

void Cluster::drop_needless_dial(Channel& channel) {
  carrier::Link* own = channel.dial_link;
  if (own == nullptr || is_member(*own)) return;
  // Of two dials whose names are known on both sides Erlang keeps that of the greater name.
  if (own->dial_phase() == dist::DialPhase::name_sent && self_ > channel.peer) return;
  channel.dial_link = nullptr;
  own->close("the peer's own connection is up", loop_.now());
}

void Cluster::on_up(carrier::Link& link) {
  const carrier::Peer& peer = *link.peer();
  Channel* channel = channels_.find_or_make(peer.name.atom());
  if (channel == nullptr) return link.close("too many nodes", loop_.now());
  if (channel->live_link != nullptr) channel->live_link->close("replaced by a newer connection", loop_.now());
  forget_incoming(link);
  if (channel->dial_link == &link) channel->dial_link = nullptr;
  drop_needless_dial(*channel);
  dialer_.succeeded(*channel);
  channel->live_link = &link;
  channel->up_since = loop_.now();
  channel->stall.restart();
  channel->connected.store(true, std::memory_order_release);
  live_links_.push_back(&link);
  publish_peers();  // before anybody is told, so that who looks finds it
  links_up_.set(live_links_.size());
  if (may_log_for(*channel)) {
    log_.info("connected", {{"node", std::string(peer.name.text())},
                            {"creation", std::to_string(peer.creation)},
                            {"protocol", std::string(link.protocol())},
                            {"dialed", link.dialed() ? "true" : "false"}});
  }
  dispatcher_.link_up(link);
  // Erlang itself has no such limit.
  if (peer.dialect == dist::Dialect::barrel) channel->outbound.expect_depth(PeerLimits::depth_max);
  link.attach(channel->outbound, loop_.now());
  runtime_.node_up(peer.name, peer.visible());
  if (!is_member(link)) return;
  const PeerKind kind = peer.dialect == dist::Dialect::barrel ? PeerKind::barrel : PeerKind::erlang;
  overlay_->link_up(peer.name, kind, peer.creation, link.dialed(), moment());
}

void Cluster::on_message(carrier::Link& link, dist::Message& message, dist::Lane lane) {
  if (lane == dist::Lane::messages) {
    Channel& channel = *channels_.find(link.peer()->name.atom());
    channel.used.store(true, std::memory_order_relaxed);
  }
  dispatcher_.dispatch(link, message);
}

void Cluster::on_suspect(carrier::Link& link) {
  peers_changed_ = true;
  if (is_member(link)) overlay_->link_suspect(link.peer()->name, moment());
}

void Cluster::on_alive(carrier::Link& link) {
  peers_changed_ = true;
  if (is_member(link)) overlay_->link_recovered(link.peer()->name, moment());
}

void Cluster::on_drained(carrier::Link& link, dist::Lane lane) {
  if (lane != dist::Lane::messages || link.peer() == nullptr) return;
  if (Channel* channel = channels_.find(link.peer()->name.atom())) wake_waiters(*channel);
}

void Cluster::wake_waiters(Channel& channel) {
  for (const Pid& waiter : channel.take_waiters()) runtime_.drained(waiter, channel.peer);
}

void Cluster::on_down(carrier::Link& link, const carrier::Down& down) {
  Channel* channel = channel_of(link.name());
  if (channel != nullptr && channel->live_link == &link) {
    dispatcher_.link_down(link);
    std::erase(live_links_, &link);
    return live_link_down(*channel, down, is_member(link));
  }
  log_refusal(link, down);
  const bool was_incoming = forget_incoming(link);
  if (channel == nullptr) return;
  if (was_incoming) dialer_.incoming_down(*channel, down.text);
  if (channel->dial_link == &link) dialer_.link_down(*channel, down);
}

void Cluster::live_link_down(Channel& channel, const carrier::Down& down, bool was_member) {
  channel.live_link = nullptr;
  channel.outbound.restart();  // before anybody can see it: who sends then means the next connection
  channel.connected.store(false, std::memory_order_release);
  publish_peers();
  links_up_.set(live_links_.size());
  if (may_log_for(channel)) {
    // What a peer should not send is for its operator, or for a setting of ours.
    const auto tell = down.reason == carrier::DownReason::protocol_error ? &Log::warning : &Log::info;
    (log_.*tell)("disconnected", {{"node", std::string(channel.peer.text())},
                                  {"reason", std::string(to_string(down.reason))},
                                  {"text", down.text}});
  }
  runtime_.node_down(channel.peer, noconnection());
  wake_waiters(channel);
  if (was_member) overlay_->link_down(channel.peer, loss_of(down.reason), moment());
}

void Cluster::dial_failed(Channel& channel, const std::string& why) {
  if (may_log_for(channel))
    log_.info("could not connect", {{"node", std::string(channel.peer.text())}, {"why", why}});
  channel.outbound.restart();
  runtime_.node_down(channel.peer, noconnection());
  wake_waiters(channel);
  overlay_->dial_failed(channel.peer, moment());
}

void Cluster::end_link(std::uint64_t link_id, NodeName peer, const std::string& why) {
  Channel* channel = channels_.find(peer.atom());
  if (channel == nullptr || channel->live_link == nullptr || channel->live_link->id() != link_id) return;
  if (may_log_for(*channel))
    log_.warning("a peer broke the protocol", {{"node", std::string(peer.text())}, {"why", why}});
  channel->live_link->close(why, loop_.now());
}

void Cluster::log_refusal(const carrier::Link& link, const carrier::Down& down) {
  using carrier::DownReason;
  std::string who(link.name());
  if (who.empty()) who = down.auth ? down.auth->claimed_name : "unknown";
  switch (down.reason) {
    case DownReason::auth_failed:
    case DownReason::handshake_failed:
    case DownReason::protocol_error:
    case DownReason::key_mismatch:
      if (!may_log_for_stranger()) return;
      log_.warning("connection refused", {{"node", who},
                                          {"address", link.remote_address().to_string()},
                                          {"reason", std::string(to_string(down.reason))},
                                          {"text", down.text}});
      return;
    case DownReason::closed_by_us:
    case DownReason::closed_by_peer:
    case DownReason::unreachable:
    case DownReason::silent:
    case DownReason::refused:
    case DownReason::timeout:
      log_.debug("connection attempt ended",
                 {{"node", who}, {"reason", std::string(to_string(down.reason))}, {"text", down.text}});
      return;
  }
}

}  // namespace barrel::node
