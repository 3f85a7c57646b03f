#include <algorithm>
#include <utility>

#include "node/overlay_impl.hpp"
#include "services/route.hpp"

namespace barrel {
namespace {

Atom bridge_name() {
  static const Atom name("barrel_p2p_bridge");
  return name;
}
Atom plumtree_name() {
  static const Atom name("barrel_p2p_plumtree");
  return name;
}
Atom registry_name() {
  static const Atom name("barrel_p2p_registry_replica");
  return name;
}
Atom liveness_name() {
  static const Atom name("barrel_liveness");
  return name;
}
Atom beat_name() {
  static const Atom name("barrel_beat");
  return name;
}
Atom router_name() {
  static const Atom name("barrel_p2p_router");
  return name;
}

/// News from a comparison wait for the gossip that may already be on its way, and are offered at most this
/// often. Guess: ten slow hops.
constexpr Duration pass_on_delay = std::chrono::milliseconds(500);
constexpr Duration pass_on_interval = std::chrono::seconds(1);

Atom reason_atom(HyParView::Removal removal) {
  switch (removal) {
    case HyParView::Removal::graceful: return "graceful";
    case HyParView::Removal::dropped: return "dropped";
    case HyParView::Removal::nodedown: return "nodedown";
  }
  return "nodedown";
}

}  // namespace

Overlay::Impl::Impl(OverlayConfig settings, NodeName name, std::uint32_t creation, Moment start, Random seed,
                    Metrics& metrics, Log sink, Port& to)
    : config(std::move(settings)),
      self(name),
      log(sink),
      port(to),
      at(start),
      random(seed),
      membership(name, config.membership, random.split(), metrics),
      gossip(name, config.gossip, random.split(), metrics),
      liveness(name, creation, unix_ms(start.wall), config.liveness, random.split(), metrics),
      registry(
          name, creation, config.registry, [this](NodeName node) { return liveness.visibility(node); },
          random.split(), metrics, sink),
      snapshot(registry.snapshot()),
      compare_period(config.registry.sync_period),
      counts(metrics) {
  gossip.flood(liveness_name());
}

void Overlay::Impl::run(const HyParView::Effects& effects) {
  for (const auto& effect : effects) std::visit([this](const auto& e) { apply(e); }, effect);
}
void Overlay::Impl::run(const Plumtree::Effects& effects) {
  for (const auto& effect : effects) std::visit([this](const auto& e) { apply(e); }, effect);
}
void Overlay::Impl::run(const Liveness::Effects& effects) {
  for (const auto& effect : effects) std::visit([this](const auto& e) { apply(e); }, effect);
}
void Overlay::Impl::run(const RegistryCore::Effects& effects) {
  for (const auto& effect : effects) std::visit([this](const auto& e) { apply(e); }, effect);
}

bool Overlay::Impl::is_barrel(NodeName node) const {
  const auto link = links.find(node);
  return link != links.end() && link->second.kind == PeerKind::barrel;
}

void Overlay::Impl::dial(NodeName node) {
  if (!links.contains(node)) port.dial(node);
}

// --- Membership

void Overlay::Impl::apply(const HyParView::SendTo& effect) {
  port.send(effect.node, bridge_name(), effect.message, Port::Delivery::if_linked);
}
void Overlay::Impl::apply(const HyParView::Dial& effect) {
  dial(effect.node);
}

void Overlay::Impl::apply(const HyParView::Release& effect) {
  if (!membership.is_active(effect.node)) port.release(effect.node);
}

void Overlay::Impl::apply(const HyParView::PeerUp& effect) {
  const NodeName peer = effect.node;
  gossip.peer_up(peer);
  Liveness::Effects life;
  if (is_barrel(peer)) liveness.peer_up(peer, at.now, life);
  // Liveness before names, so that names of the dead do not show for a moment.
  if (is_barrel(peer) && self < peer) liveness.sync(peer, life);
  run(life);
  RegistryCore::Effects names;
  registry.peer_up(peer, is_barrel(peer), at.now, names);
  run(names);
  compare_period = config.registry.sync_period;
  if (!compare_at) compare_at = at.now + compare_period;
  counts.peer_up.add();
  port.emit(MembershipEvent{PeerUp{peer}});
}

void Overlay::Impl::apply(const HyParView::PeerDown& effect) {
  gossip.peer_down(effect.node);
  liveness.peer_down(effect.node);
  registry.peer_down(effect.node);
  switch (effect.reason) {
    case HyParView::Removal::graceful: counts.peer_down_graceful.add(); break;
    case HyParView::Removal::dropped: counts.peer_down_dropped.add(); break;
    case HyParView::Removal::nodedown: counts.peer_down_nodedown.add(); break;
  }
  port.emit(MembershipEvent{PeerDown{effect.node, reason_atom(effect.reason)}});
}

void Overlay::Impl::apply(const HyParView::Joined& effect) {
  counts.joined.add();
  port.emit(MembershipEvent{Joined{effect.contact}});
}
void Overlay::Impl::apply(const HyParView::Left&) {
  counts.left.add();
  port.emit(MembershipEvent{Left{}});
}

// --- Gossip

void Overlay::Impl::apply(const Plumtree::SendTo& effect) {
  port.send(effect.node, plumtree_name(), effect.message, Port::Delivery::if_linked);
}

void Overlay::Impl::apply(const Plumtree::Deliver& effect) {
  const std::string_view tag = effect.tag.atom_text();
  if (tag == registry_name().text()) {
    RegistryCore::Effects names;
    registry.gossip(effect.from, effect.payload, at.now, wall_ms(), names);
    run(names);
  } else if (tag == liveness_name().text()) {
    Liveness::Effects life;
    liveness.gossip(effect.from, effect.payload, at.now, wall_ms(), life);
    run(life);
  } else if (tag == beat_name().text()) {
    liveness.beat(effect.payload, at.now);
  } else {
    // A replica of another service or application: forwarded, not ours.
    counts.ignored.add();
    port.originals_heard();
  }
}

// --- Liveness

void Overlay::Impl::apply(const Liveness::Broadcast& effect) {
  Plumtree::Effects out;
  gossip.broadcast(liveness_name(), effect.payload, at.now, out);
  run(out);
}
void Overlay::Impl::apply(const Liveness::SendTo& effect) {
  port.send(effect.node, liveness_name(), effect.message, Port::Delivery::if_linked);
}
void Overlay::Impl::apply(const Liveness::Probe& effect) {
  dial(effect.node);
}

void Overlay::Impl::apply(const Liveness::Revive& effect) {
  HyParView::Effects views;
  membership.rejoin(effect.node, at.now, views);
  run(views);
}

void Overlay::Impl::apply(const Liveness::Beat& effect) {
  Plumtree::Effects out;
  gossip.broadcast(beat_name(), effect.payload, at.now, out);
  run(out);
}

void Overlay::Impl::apply(const Liveness::Reunite& effect) {
  log.info("the overlay has fallen apart; joining again", {{"through", std::string(effect.node.text())}});
  HyParView::Effects views;
  membership.rejoin(effect.node, at.now, views);
  run(views);
}

void Overlay::Impl::apply(const Liveness::Release& effect) {
  probed.push_back(effect.node);
}

void Overlay::Impl::apply(const Liveness::Changed& effect) {
  RegistryCore::Effects names;
  registry.visibility_changed(effect.node, names);
  run(names);
}

void Overlay::Impl::apply(const Liveness::Died& effect) {
  if (!liveness.visibility(effect.node).alive) membership.forget(effect.node);
  log.info("node down", {{"node", std::string(effect.node.text())}});
  port.node_dead(effect.node, effect.creation);
}

// --- Registry

void Overlay::Impl::apply(const RegistryCore::Broadcast& effect) {
  Plumtree::Effects out;
  gossip.broadcast(registry_name(), effect.payload, at.now, out);
  run(out);
}
void Overlay::Impl::apply(const RegistryCore::SendTo& effect) {
  port.send(effect.node, registry_name(), effect.message, Port::Delivery::if_linked);
}
void Overlay::Impl::apply(const RegistryCore::Event& effect) {
  events.push_back(effect.event);
}

void Overlay::Impl::apply(const RegistryCore::Doubt& effect) {
  Liveness::Effects life;
  liveness.prove(effect.node, life);
  run(life);
}

// --- All together

void Overlay::Impl::dispatch(NodeName from, Atom to_name, const Term& message) {
  if (to_name == bridge_name()) {
    HyParView::Effects out;
    membership.message(from, message, at.now, out);
    run(out);
  } else if (to_name == plumtree_name()) {
    HyParView::Effects views;
    membership.overlay_traffic(from, at.now, views);
    run(views);
    Plumtree::Effects out;
    gossip.message(from, message, at.now, out);
    run(out);
  } else if (to_name == registry_name()) {
    RegistryCore::Effects out;
    registry.message(from, is_barrel(from), message, at.now, wall_ms(), out);
    run(out);
  } else if (to_name == liveness_name()) {
    Liveness::Effects out;
    liveness.message(from, message, at.now, wall_ms(), out);
    run(out);
  } else if (to_name == router_name()) {
    route(from, message);
  } else {
    counts.ignored.add();
  }
}

void Overlay::Impl::route(NodeName from, const Term& message) {
  const auto query = read_route_query(message);
  if (!query) return counts.malformed_routes.add();
  std::optional<Term> result = answer_route(*query, *snapshot);
  if (!result && query->ttl > 1 && port.look_up(from, *query)) return;
  port.send_to_pid(query->caller, Term::tuple_of(query->ref, result ? *result : route_error("not_found")));
}

void Overlay::Impl::compare(NodeName node) {
  Liveness::Effects life;
  liveness.sync(node, life);
  run(life);
  RegistryCore::Effects names;
  registry.sync(node, names);
  run(names);
}

void Overlay::Impl::compare_with_one() {
  compare_at.reset();
  std::vector<NodeName> barrels;
  for (const auto& [node, link] : links) {
    if (link.kind == PeerKind::barrel) barrels.push_back(node);
  }
  // With no link left the next peer_up starts it again.
  if (barrels.empty()) return;
  compare_period = std::min(compare_period * 2, config.registry.sync_period_max);
  const std::int64_t period = compare_period.count();
  compare_at = at.now + Duration(random.between(period * 3 / 4, period * 5 / 4));
  compare(barrels[random.below(barrels.size())]);
}

void Overlay::Impl::pass_on() {
  pass_on_at.reset();
  passed_on_at = at.now;
  for (const NodeName peer : membership.active()) {
    if (is_barrel(peer)) compare(peer);
  }
}

void Overlay::Impl::settle() {
  for (const NodeName node : std::exchange(probed, {})) {
    if (is_barrel(node)) compare(node);
    if (!membership.is_active(node)) port.release(node);
  }
  if (registry.take_learned()) {
    compare_period = config.registry.sync_period;
    if (!pass_on_at) pass_on_at = std::max(at.now + pass_on_delay, passed_on_at + pass_on_interval);
  }
  if (registry.take_changed()) {
    snapshot = registry.snapshot();
    port.publish(snapshot);
  }
  for (const ServiceEvent& event : std::exchange(events, {})) port.emit(event);
  measure();
}

void Overlay::Impl::measure() const {
  counts.links.set(links.size());
  counts.active.set(membership.active_count());
  counts.passive.set(membership.passive_count());
  counts.gossip_ids.set(gossip.cache().id_count());
  counts.gossip_bytes.set(gossip.cache().bytes());
  counts.gossip_missing.set(gossip.missing_count());
  counts.registry_keys.set(registry.entries().size());
  counts.registry_tombstones.set(registry.entries().tombstone_count());
  counts.registry_bytes.set(registry.bytes());
}

}  // namespace barrel
