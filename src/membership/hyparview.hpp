#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "barrel/base/metrics.hpp"
#include "barrel/base/random.hpp"
#include "barrel/base/time.hpp"
#include "barrel/term/node_name.hpp"
#include "barrel/term/term.hpp"
#include "base/rate_limit.hpp"
#include "membership/hyparview_config.hpp"
#include "membership/hyparview_messages.hpp"
#include "membership/peer_kind.hpp"

namespace barrel {

/// The membership core (HyParView, DI-FCUL TR 07-13): a small symmetric active view of linked peers, and a
/// larger passive view of replacements.
///
/// Inputs are the functions that take `now`; each appends what it wants done to `out`, in order. Getters are
/// free. Call advance() when next_deadline() is reached. For one node link_up and link_down alternate.
///
/// Between Barrel nodes both ends agree on every edge: whoever drops a peer tells it, a victim is handed the
/// newcomer that took its place (forward_join with one hop), so that nobody is left with a hole, and a peer
/// whose overlay traffic shows that it believes in an edge that we do not have is told. Towards an Erlang
/// peer: no disconnect unless we leave (it crashes the original's process), join instead of neighbor, and
/// liberal acceptance.
class HyParView {
 public:
  enum class Removal : std::uint8_t { graceful, dropped, nodedown };

  struct SendTo {
    NodeName node;
    Term message;
  };
  struct Dial {
    NodeName node;
  };
  /// The link is no longer needed here.
  struct Release {
    NodeName node;
  };
  struct PeerUp {
    NodeName node;
  };
  struct PeerDown {
    NodeName node;
    Removal reason;
  };
  struct Joined {
    NodeName contact;
  };
  struct Left {};
  using Effect = std::variant<SendTo, Dial, Release, PeerUp, PeerDown, Joined, Left>;
  using Effects = std::vector<Effect>;

  HyParView(NodeName self, HyParViewConfig config, Random random, Metrics& metrics);

  /// Becomes a member through `contact`, retried while the active view is empty.
  void join(NodeName contact, Instant now, Effects& out);
  /// As join(), once and without Joined: `peer` was found again behind a partition.
  void rejoin(NodeName peer, Instant now, Effects& out);
  void leave(Instant now, Effects& out);
  /// `peer` is dead: it is no candidate any more. An existing link is left to link_down.
  void forget(NodeName peer);

  void link_up(NodeName peer, PeerKind kind, Instant now, Effects& out);
  void link_down(NodeName peer, bool lost, Instant now, Effects& out);
  void dial_failed(NodeName peer, Instant now, Effects& out);
  /// A message to barrel_p2p_bridge over the link from `from`.
  void message(NodeName from, const Term& message, Instant now, Effects& out);
  /// Gossip came from `from`: it holds us for an active peer.
  void overlay_traffic(NodeName from, Instant now, Effects& out);
  /// An active Erlang peer has forgotten its neighbours: it is joined again.
  void remind(NodeName peer, Instant now, Effects& out);
  void advance(Instant now, Effects& out);
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  [[nodiscard]] bool is_active(NodeName peer) const { return active_.contains(peer); }
  /// Whether an Erlang peer gossips with us, active here or not: it has us in its view and needs the link.
  [[nodiscard]] bool relies_on_us(NodeName peer, Instant now) const;
  [[nodiscard]] std::vector<NodeName> active() const;
  [[nodiscard]] std::vector<NodeName> passive() const;
  [[nodiscard]] std::size_t active_count() const { return active_.size(); }
  [[nodiscard]] std::size_t passive_count() const { return passive_.size(); }

 private:
  /// A peer takes a place once and keeps it; lost edges and restarted views are asked for anew, seconds
  /// apart. A guess: more is a flood, each of which evicts a neighbour or sends a walk through the cluster.
  static constexpr std::uint64_t places_per_second = 5;
  /// A peer that dropped us or was dropped is asked again after this at the earliest. Guess: long enough for
  /// the messages of the removal to have arrived everywhere.
  static constexpr Duration rest_after_removal = std::chrono::seconds(2);

  struct Link {
    PeerKind kind;
    /// When we last corrected the peer's view of an edge.
    std::optional<Instant> corrected_at;
    /// When an Erlang peer last gossiped with us.
    std::optional<Instant> gossiped_at;
    /// Of places in our active view.
    RateLimit places{places_per_second};
    /// Shuffles sent to the peer, whose answers are still to come.
    std::uint32_t shuffles_unanswered = 0;
  };
  struct ActivePeer {
    /// Last sign that the peer holds us for active; watched for Erlang peers, which forget us after a crash.
    Instant heard_at;
  };
  struct PassivePeer {
    std::uint32_t fail_count = 0;
    std::uint32_t refusals = 0;
    /// No candidate before.
    std::optional<Instant> not_before;
    /// Who told us of it; ourselves for those we have met.
    NodeName teller;
  };
  enum class Goal : std::uint8_t { contact, rejoin, neighbor };
  /// A node to join through: tried until it worked once, and again whenever the active view is empty.
  struct Contact {
    NodeName node;
    bool joined = false;
    std::uint32_t attempts = 0;
    std::optional<Instant> retry_at;
  };
  /// An edge being made: dialling, or waiting for the answer to a neighbor request.
  struct Pending {
    Goal goal;
    hyparview::Priority priority;
    bool asked = false;
    Instant deadline;
  };
  void handle(NodeName from, const hyparview::Join& m, Instant now, Effects& out);
  void handle(NodeName from, const hyparview::ForwardJoin& m, Instant now, Effects& out);
  void handle(NodeName from, const hyparview::Disconnect& m, Instant now, Effects& out);
  void handle(NodeName from, const hyparview::Neighbor& m, Instant now, Effects& out);
  void handle(NodeName from, const hyparview::NeighborReply& m, Instant now, Effects& out);
  void handle(NodeName from, const hyparview::Shuffle& m, Instant now, Effects& out);
  void handle(NodeName from, const hyparview::ShuffleReply& m, Instant now, Effects& out);

  /// Whether `from` may take a place in the active view once more; counts when not.
  [[nodiscard]] bool admits(NodeName from, Instant now);
  void send(NodeName to, const hyparview::Message& message, Effects& out) const;
  void add_active(NodeName peer, Instant now, Effects& out);
  void remove_active(NodeName peer, Removal reason, Instant now, Effects& out);
  void evict_for(NodeName newcomer, Instant now, Effects& out);
  /// `teller`: the peer that told us of it.
  void add_passive(NodeName peer, std::optional<NodeName> teller = std::nullopt);
  /// Who is forgotten for one more that `teller` tells of.
  [[nodiscard]] std::map<NodeName, PassivePeer>::iterator passive_victim(NodeName teller);
  /// Hops of a walk of others: no further than one of our own goes, whatever they say.
  [[nodiscard]] std::int64_t shortened(std::int64_t walk, std::int64_t own);
  void ask(NodeName peer, const hyparview::Shuffle& shuffle, Effects& out);
  void reach(NodeName peer, Goal goal, hyparview::Priority priority, Instant now, Effects& out);
  void pursue(NodeName peer, Pending& pending, Instant now, Effects& out);
  void send_join(NodeName peer, Goal goal, Instant now, Effects& out);
  void correct(NodeName peer, Instant now, Effects& out);
  void note_failure(NodeName peer, Instant now);
  void fill_soon(Instant now);
  void fill(Instant now, Effects& out);
  void insist(Instant now, Effects& out);
  [[nodiscard]] std::vector<NodeName> candidates(Instant now) const;
  void expire_pending(Instant now, Effects& out);
  void retry_contacts(Instant now, Effects& out);
  void reach_contact(Contact& contact, Instant now, Effects& out);
  [[nodiscard]] Contact* contact(NodeName node);
  void shuffle(Instant now, Effects& out);
  void remind_forgetful(Instant now, Effects& out);
  void note_churn(Instant now);
  [[nodiscard]] Duration shuffle_period_cap() const;
  /// Places taken or promised. A rejoin makes its own place.
  [[nodiscard]] std::size_t taken() const;
  [[nodiscard]] bool has_room() const { return active_.size() < config_.active_size; }
  [[nodiscard]] std::optional<NodeName> random_active(NodeName except, NodeName also_except);
  [[nodiscard]] std::vector<hyparview::PeerRecord> sample(std::size_t count, NodeName except);
  [[nodiscard]] hyparview::PeerRecord me() const { return {self_, true}; }
  [[nodiscard]] bool is_barrel(NodeName peer) const;
  [[nodiscard]] Duration jittered(Duration base);

  NodeName self_;
  HyParViewConfig config_;
  Random random_;
  std::map<NodeName, Link> links_;
  std::map<NodeName, ActivePeer> active_;
  std::map<NodeName, PassivePeer> passive_;
  std::map<NodeName, Pending> pending_;
  std::vector<Contact> contacts_;
  std::optional<Instant> shuffle_at_;
  Duration shuffle_period_;
  std::optional<Instant> fill_at_;
  std::optional<Instant> insist_at_;
  std::vector<Instant> churn_;
  bool left_ = false;

  Counter& malformed_;
  Counter& spoofed_;
  Counter& evicted_;
  Counter& corrected_;
  Counter& passive_full_;
  Counter& shuffles_;
  Counter& unasked_replies_;
  Counter& joins_received_;
  Counter& joins_refused_;
  Counter& pending_timeouts_;
  Counter& walks_shortened_;
  Counter& shuffles_unanswered_limit_;
  Counter& shuffle_peers_limit_;
  Counter& refusals_sent_;
  Counter& refusals_received_;
  Counter& contact_retries_;
  Counter& refills_;
  Counter& candidates_given_up_;
};

}  // namespace barrel
