#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "barrel/base/log.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/base/random.hpp"
#include "barrel/base/time.hpp"
#include "barrel/services/membership_types.hpp"
#include "barrel/services/registry_types.hpp"
#include "barrel/term/result.hpp"
#include "gossip/plumtree_config.hpp"
#include "membership/hyparview_config.hpp"
#include "membership/peer_kind.hpp"
#include "services/liveness_config.hpp"
#include "services/registry_config.hpp"

namespace barrel {

class RegistrySnapshot;  // services/registry_snapshot.hpp
struct RouteQuery;       // services/route.hpp

/// The time of one input, on both clocks. Time stands still within one loop turn.
struct Moment {
  Instant now;
  SystemTime wall;
};

/// Why a link ended.
enum class LinkLoss : std::uint8_t {
  lost,    ///< The peer stopped answering, or the connection broke or was reset: the node may be dead.
  closed,  ///< One end closed it in order (idle, replaced, shutting down), which says nothing about life.
};

struct OverlayConfig {
  HyParViewConfig membership;
  PlumtreeConfig gossip;
  RegistryConfig registry;
  LivenessConfig liveness;
  /// Tried every contact_retry while the active view is empty.
  std::vector<NodeName> contacts;
};

/// The overlay of one node: HyParView, Plumtree, node liveness and the registry, and the interpreter of their
/// effects. The same class runs in production and in the simulation. No clock, socket or thread: every input
/// carries the time, every effect goes out through the Port, synchronously and in order.
///
/// Single-threaded. Order of use: construct, join(); then any inputs; before each wait ask next_deadline()
/// and call advance() when it is reached (early or late calls do no harm). The Port must not call back into
/// the overlay from inside its functions: it queues. After leave() only links and messages may still be fed;
/// a later join() makes the node a member again.
class Overlay {
 public:
  /// What the overlay wants done. Implemented by the node and by the simulation.
  class Port {
   public:
    enum class Delivery : std::uint8_t {
      if_linked,  ///< Dropped when there is no link to the node ([noconnect]).
      dial,       ///< Dials first when there is none.
    };
    virtual ~Port() = default;
    /// REG_SEND of `message` to the process registered as `name` on `to`. Messages to one node keep their
    /// order and are reliable while the link lives.
    virtual void send(NodeName to, Atom name, const Term& message, Delivery delivery) = 0;
    /// SEND to a pid, dialling when needed: the answer to a lookup.
    virtual void send_to_pid(const Pid& to, const Term& message) = 0;
    /// Establish a link to `node`, through discovery. Ends in link_up() or dial_failed(). May be asked again
    /// while a dial is under way, and then changes nothing. When the node is linked already: nothing.
    virtual void dial(NodeName node) = 0;
    /// The overlay has no more use for the link to `node`: to be closed when nothing else uses it.
    virtual void release(NodeName node) = 0;
    /// The registry as it is visible from now on; at most once for each input.
    virtual void publish(std::shared_ptr<const RegistrySnapshot> snapshot) = 0;
    virtual void emit(const ServiceEvent& event) = 0;
    virtual void emit(const MembershipEvent& event) = 0;
    /// The cluster agrees that this incarnation of `node` is dead (it may be so without any link here). A
    /// link to it that still exists is about to be lost.
    virtual void node_dead(NodeName node, std::uint32_t creation) = 0;
    /// A lookup that came from `asker` and cannot be answered from what is known here: to be passed on. False
    /// when that cannot be done.
    virtual bool look_up(NodeName /*asker*/, const RouteQuery& /*query*/) { return false; }
    /// A link to a node that runs the original, or gossip of one, has come: there are names that only lookups
    /// find.
    virtual void originals_heard() {}
  };

  /// `creation` is this incarnation's number, also that of the pids registered here. `metrics` and `port`
  /// must outlive the overlay.
  Overlay(OverlayConfig config, NodeName self, std::uint32_t creation, Moment start, Random random,
          Metrics& metrics, Log log, Port& port);
  ~Overlay();
  Overlay(const Overlay&) = delete;
  Overlay& operator=(const Overlay&) = delete;

  /// Whether messages to this registered name belong to the overlay (those of the original: bridge,
  /// plumtree, replicas, router, and our own barrel_liveness).
  [[nodiscard]] static bool handles(Atom name);

  // --- Links. For one node, link_up and link_down alternate; a replaced link is link_down(closed), link_up.
  void link_up(NodeName peer, PeerKind kind, std::uint32_t creation, bool we_dialed, Moment at);
  /// Nothing was heard from the peer for the suspicion time (3 s); the link still exists.
  void link_suspect(NodeName peer, Moment at);
  /// A suspect peer was heard again. (Any message from it says the same.)
  void link_recovered(NodeName peer, Moment at);
  void link_down(NodeName peer, LinkLoss loss, Moment at);
  /// A dial that was asked for ended without a link.
  void dial_failed(NodeName peer, Moment at);
  /// The membership of a neighbour that runs the original has begun anew: it knows its neighbours no more.
  void peer_lost_views(NodeName peer, Moment at);
  /// A message to a name for which handles() is true. Malformed ones are dropped and counted.
  void message(NodeName from, Atom to_name, const Term& message, Moment at);

  // --- Time.
  void advance(Moment at);
  /// When advance() is due next; empty: only after another input.
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  // --- Membership.
  /// Becomes a member through `contact`, which is retried until a peer is found. Joined is emitted when it is
  /// linked.
  void join(NodeName contact, Moment at);
  /// Starts with the configured contacts; nothing to do for the first node of a cluster.
  void start(Moment at);
  /// Takes back all local registrations, tells the cluster that this node goes, clears the views, emits Left.
  /// The port should drain what was sent before it closes the links.
  void leave(Moment at);
  [[nodiscard]] std::vector<NodeName> active_view() const;
  [[nodiscard]] std::vector<NodeName> passive_view() const;
  /// The nodes that the cluster holds to be alive, this one among them, ordered.
  [[nodiscard]] std::vector<NodeName> members() const;
  /// Another number whenever members() may give something else.
  [[nodiscard]] std::uint64_t members_version() const;
  /// Whether a peer that runs the original has this node in its active view, though we may not have it in
  /// ours.
  [[nodiscard]] bool relies_on_us(NodeName peer, Instant now) const;
  /// Whether the cluster holds `node` to be alive, as far as known here; true for nodes never heard of.
  [[nodiscard]] bool believed_alive(NodeName node) const;

  // --- Registry.
  /// Registers `pid` (of this node) as `name`. By the same process again: replaces the metadata. Errors:
  /// already_registered when another local process holds the name; invalid_argument when `meta` is no map or
  /// `pid` is not of this node and creation; limit_exceeded when name or metadata are too large.
  Result<void> register_service(const Term& name, const Pid& pid, const Term& meta, Moment at);
  /// Errc::not_found when `pid` does not hold `name` here.
  Result<void> unregister_service(const Term& name, const Pid& pid, Moment at);
  /// Removes every name of `pid`; told as ServiceDown with `reason` on all Barrel nodes.
  void process_died(const Pid& pid, const Term& reason, Moment at);
  /// What was published last; never null.
  [[nodiscard]] std::shared_ptr<const RegistrySnapshot> snapshot() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace barrel
