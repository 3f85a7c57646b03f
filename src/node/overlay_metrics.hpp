#pragma once

#include "barrel/base/metrics.hpp"

namespace barrel {

/// What the overlay counts and measures as a whole; its cores count their own.
struct OverlayMetrics {
  explicit OverlayMetrics(Metrics& metrics)
      : peer_up(metrics.counter("barrel_p2p.hyparview.peer_up")),
        peer_down_graceful(metrics.counter("barrel_p2p.hyparview.peer_down{reason=graceful}")),
        peer_down_dropped(metrics.counter("barrel_p2p.hyparview.peer_down{reason=dropped}")),
        peer_down_nodedown(metrics.counter("barrel_p2p.hyparview.peer_down{reason=nodedown}")),
        joined(metrics.counter("barrel_p2p.hyparview.joined")),
        left(metrics.counter("barrel_p2p.hyparview.left")),
        unlinked(metrics.counter("overlay.unlinked")),
        ignored(metrics.counter("overlay.ignored")),
        malformed_routes(metrics.counter("overlay.malformed_routes")),
        links(metrics.gauge("overlay.links")),
        active(metrics.gauge("membership.active")),
        passive(metrics.gauge("membership.passive")),
        gossip_ids(metrics.gauge("gossip.ids")),
        gossip_bytes(metrics.gauge("gossip.bytes")),
        gossip_missing(metrics.gauge("gossip.missing")),
        registry_keys(metrics.gauge("registry.keys")),
        registry_tombstones(metrics.gauge("registry.tombstones")),
        registry_bytes(metrics.gauge("registry.bytes")) {}

  Counter& peer_up;
  Counter& peer_down_graceful;
  Counter& peer_down_dropped;
  Counter& peer_down_nodedown;
  Counter& joined;
  Counter& left;
  Counter& unlinked;
  Counter& ignored;
  Counter& malformed_routes;
  Gauge& links;
  Gauge& active;
  Gauge& passive;
  Gauge& gossip_ids;
  Gauge& gossip_bytes;
  Gauge& gossip_missing;
  Gauge& registry_keys;
  Gauge& registry_tombstones;
  Gauge& registry_bytes;
};

}  // namespace barrel
