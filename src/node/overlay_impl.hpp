#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "gossip/plumtree.hpp"
#include "membership/hyparview.hpp"
#include "node/overlay.hpp"
#include "node/overlay_metrics.hpp"
#include "services/liveness.hpp"
#include "services/registry.hpp"
#include "services/registry_snapshot.hpp"

// Private to the overlay.

namespace barrel {

/// The cores and the rules by which the effects of one become the inputs of others or calls of the port.
class Overlay::Impl {
 public:
  struct Link {
    PeerKind kind;
  };

  Impl(OverlayConfig settings, NodeName name, std::uint32_t creation, Moment start, Random random,
       Metrics& metrics, Log log, Port& to);

  void run(const HyParView::Effects& effects);
  void run(const Plumtree::Effects& effects);
  void run(const Liveness::Effects& effects);
  void run(const RegistryCore::Effects& effects);

  void apply(const HyParView::SendTo& effect);
  void apply(const HyParView::Dial& effect);
  void apply(const HyParView::Release& effect);
  void apply(const HyParView::PeerUp& effect);
  void apply(const HyParView::PeerDown& effect);
  void apply(const HyParView::Joined& effect);
  void apply(const HyParView::Left& effect);
  void apply(const Plumtree::SendTo& effect);
  void apply(const Plumtree::Deliver& effect);
  void apply(const Liveness::Broadcast& effect);
  void apply(const Liveness::SendTo& effect);
  void apply(const Liveness::Probe& effect);
  void apply(const Liveness::Revive& effect);
  void apply(const Liveness::Beat& effect);
  void apply(const Liveness::Reunite& effect);
  void apply(const Liveness::Release& effect);
  void apply(const Liveness::Changed& effect);
  void apply(const Liveness::Died& effect);
  void apply(const RegistryCore::Broadcast& effect);
  void apply(const RegistryCore::SendTo& effect);
  void apply(const RegistryCore::Event& effect);
  void apply(const RegistryCore::Doubt& effect);

  /// Sets the time of the input being handled.
  void begin(Moment moment) { at = moment; }
  /// Ends an input: publishes the registry if it changed, then tells of the changes, so that a subscriber
  /// that looks finds what it was told of.
  void settle();
  void measure() const;
  void dispatch(NodeName from, Atom to_name, const Term& message);
  void dial(NodeName node);
  /// Answers a lookup, or has it passed on.
  void route(NodeName from, const Term& message);
  void compare(NodeName node);
  void compare_with_one();
  /// What a comparison brought has not been gossiped; the peers are offered it.
  void pass_on();
  [[nodiscard]] bool is_barrel(NodeName node) const;
  [[nodiscard]] std::int64_t wall_ms() const { return unix_ms(at.wall); }

  OverlayConfig config;
  NodeName self;
  Log log;
  Port& port;
  Moment at;
  Random random;
  std::map<NodeName, Link> links;
  HyParView membership;
  Plumtree gossip;
  Liveness liveness;
  RegistryCore registry;
  std::shared_ptr<const RegistrySnapshot> snapshot;
  std::vector<ServiceEvent> events;
  /// Links that a probe made; whether they are wanted otherwise shows at the end of the input.
  std::vector<NodeName> probed;
  std::optional<Instant> compare_at;
  Duration compare_period;
  std::optional<Instant> pass_on_at;
  Instant passed_on_at{};

  OverlayMetrics counts;
};

}  // namespace barrel
