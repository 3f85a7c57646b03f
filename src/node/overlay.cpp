#include "node/overlay.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "node/overlay_impl.hpp"

// The inputs of the overlay. Their effects are carried out in overlay_effects.cpp.

namespace barrel {
namespace {

/// Interned, since a name that comes from a peer is only found when the program knows it already.
const std::array<Atom, 8>& own_names() {
  static const std::array<Atom, 8> names = {"barrel_p2p_bridge",           "barrel_p2p_plumtree",
                                            "barrel_p2p_registry_replica", "barrel_p2p_leader_replica",
                                            "barrel_p2p_members_replica",  "barrel_p2p_reminder_replica",
                                            "barrel_p2p_router",           "barrel_liveness"};
  return names;
}
constexpr std::string_view map_replica_prefix = "barrel_p2p_map_replica$";

}  // namespace

Overlay::Overlay(OverlayConfig config, NodeName self, std::uint32_t creation, Moment start, Random random,
                 Metrics& metrics, Log log, Port& port)
    : impl_(std::make_unique<Impl>(std::move(config), self, creation, start, random, metrics, log, port)) {
  (void)own_names();
}

Overlay::~Overlay() = default;

bool Overlay::handles(Atom name) {
  return std::ranges::find(own_names(), name) != own_names().end() ||
         name.text().starts_with(map_replica_prefix);
}

void Overlay::link_up(NodeName peer, PeerKind kind, std::uint32_t creation, bool /*we_dialed*/, Moment at) {
  if (impl_->links.contains(peer)) link_down(peer, LinkLoss::closed, at);
  impl_->begin(at);
  impl_->links.insert_or_assign(peer, Impl::Link{kind});
  if (kind != PeerKind::barrel) impl_->port.originals_heard();
  Liveness::Effects life;
  impl_->liveness.link_up(peer, creation, kind == PeerKind::barrel, at.now, impl_->wall_ms(), life);
  impl_->registry.met(peer);
  impl_->run(life);
  HyParView::Effects views;
  impl_->membership.link_up(peer, kind, at.now, views);
  impl_->run(views);
  impl_->settle();
}

void Overlay::link_suspect(NodeName peer, Moment at) {
  impl_->begin(at);
  Liveness::Effects effects;
  impl_->liveness.link_silent(peer, at.now, effects);
  impl_->run(effects);
  impl_->settle();
}

void Overlay::link_recovered(NodeName peer, Moment at) {
  impl_->liveness.link_heard(peer, at.now);
}

void Overlay::link_down(NodeName peer, LinkLoss loss, Moment at) {
  if (impl_->links.erase(peer) == 0) return;
  impl_->begin(at);
  const bool lost = loss == LinkLoss::lost;
  // The views first, so that what liveness has to tell goes to those who can still hear it.
  HyParView::Effects views;
  impl_->membership.link_down(peer, lost, at.now, views);
  impl_->run(views);
  Liveness::Effects life;
  impl_->liveness.link_down(peer, lost, at.now, life);
  impl_->run(life);
  impl_->settle();
}

void Overlay::dial_failed(NodeName peer, Moment at) {
  if (impl_->links.contains(peer)) return;
  impl_->begin(at);
  HyParView::Effects views;
  impl_->membership.dial_failed(peer, at.now, views);
  impl_->run(views);
  Liveness::Effects life;
  impl_->liveness.dial_failed(peer, at.now, life);
  impl_->run(life);
  impl_->settle();
}

void Overlay::peer_lost_views(NodeName peer, Moment at) {
  impl_->begin(at);
  HyParView::Effects views;
  impl_->membership.remind(peer, at.now, views);
  impl_->run(views);
  impl_->settle();
}

void Overlay::message(NodeName from, Atom to_name, const Term& message, Moment at) {
  if (!impl_->links.contains(from)) return impl_->counts.unlinked.add();
  impl_->begin(at);
  impl_->liveness.link_heard(from, at.now);
  impl_->dispatch(from, to_name, message);
  impl_->settle();
}

void Overlay::advance(Moment at) {
  impl_->begin(at);
  HyParView::Effects views;
  impl_->membership.advance(at.now, views);
  impl_->run(views);
  Plumtree::Effects gossip;
  impl_->gossip.advance(at.now, gossip);
  impl_->run(gossip);
  Liveness::Effects life;
  impl_->liveness.advance(at.now, life);
  impl_->run(life);
  RegistryCore::Effects names;
  impl_->registry.advance(at.now, names);
  impl_->run(names);
  if (impl_->pass_on_at && *impl_->pass_on_at <= at.now) impl_->pass_on();
  if (impl_->compare_at && *impl_->compare_at <= at.now) impl_->compare_with_one();
  impl_->settle();
}

std::optional<Instant> Overlay::next_deadline() const {
  std::optional<Instant> next = impl_->compare_at;
  for (const auto core :
       {impl_->membership.next_deadline(), impl_->gossip.next_deadline(), impl_->liveness.next_deadline(),
        impl_->registry.next_deadline(), impl_->pass_on_at}) {
    if (core && (!next || *core < *next)) next = core;
  }
  return next;
}

void Overlay::join(NodeName contact, Moment at) {
  impl_->begin(at);
  impl_->liveness.join();
  HyParView::Effects effects;
  impl_->membership.join(contact, at.now, effects);
  impl_->run(effects);
  impl_->settle();
}

void Overlay::start(Moment at) {
  for (const NodeName contact : impl_->config.contacts) join(contact, at);
}

void Overlay::leave(Moment at) {
  impl_->begin(at);
  RegistryCore::Effects names;
  impl_->registry.unregister_all(impl_->wall_ms(), names);
  impl_->run(names);
  Liveness::Effects life;
  impl_->liveness.leave(life);
  impl_->run(life);
  HyParView::Effects views;
  impl_->membership.leave(at.now, views);
  impl_->run(views);
  impl_->settle();
}

std::vector<NodeName> Overlay::active_view() const {
  return impl_->membership.active();
}
std::vector<NodeName> Overlay::passive_view() const {
  return impl_->membership.passive();
}
std::vector<NodeName> Overlay::members() const {
  return impl_->liveness.living();
}
std::uint64_t Overlay::members_version() const {
  return impl_->liveness.living_version();
}
bool Overlay::relies_on_us(NodeName peer, Instant now) const {
  return impl_->membership.relies_on_us(peer, now);
}
bool Overlay::believed_alive(NodeName node) const {
  return impl_->liveness.visibility(node).alive;
}

Result<void> Overlay::register_service(const Term& name, const Pid& pid, const Term& meta, Moment at) {
  impl_->begin(at);
  RegistryCore::Effects effects;
  auto done = impl_->registry.register_service(name, pid, meta, impl_->wall_ms(), effects);
  impl_->run(effects);
  impl_->settle();
  return done;
}

Result<void> Overlay::unregister_service(const Term& name, const Pid& pid, Moment at) {
  impl_->begin(at);
  RegistryCore::Effects effects;
  auto done = impl_->registry.unregister_service(name, pid, impl_->wall_ms(), effects);
  impl_->run(effects);
  impl_->settle();
  return done;
}

void Overlay::process_died(const Pid& pid, const Term& reason, Moment at) {
  impl_->begin(at);
  RegistryCore::Effects effects;
  impl_->registry.process_died(pid, reason, impl_->wall_ms(), effects);
  impl_->run(effects);
  impl_->settle();
}

std::shared_ptr<const RegistrySnapshot> Overlay::snapshot() const {
  return impl_->snapshot;
}

}  // namespace barrel
