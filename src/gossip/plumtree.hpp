#pragma once

#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <variant>
#include <vector>

#include "barrel/base/keyed_hash.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/base/random.hpp"
#include "barrel/base/time.hpp"
#include "barrel/term/node_name.hpp"
#include "barrel/term/term.hpp"
#include "gossip/message_cache.hpp"
#include "gossip/message_ids.hpp"
#include "gossip/plumtree_config.hpp"
#include "gossip/plumtree_messages.hpp"

namespace barrel {

/// The broadcast core (Plumtree, DI-FCUL TR 07-14): messages go whole to the eager peers, which come to form
/// a spanning tree, and as announcements to the lazy ones, from which missing messages are fetched.
///
/// Peers are those of the active view: peer_up and peer_down. Inputs append what they want done to `out`, in
/// order. Call advance() when next_deadline() is reached. A message is delivered at most once while its id is
/// remembered; there is no order between messages.
class Plumtree {
 public:
  /// To barrel_p2p_plumtree on an active peer.
  struct SendTo {
    NodeName node;
    Term message;
  };
  /// A message of another node, for the local replica named by `tag` (an atom). Unknown ones are the caller's
  /// to drop; they have been forwarded.
  struct Deliver {
    /// Who passed it on to us; not who began it.
    NodeName from;
    Term tag;
    Term payload;
  };
  using Effect = std::variant<SendTo, Deliver>;
  using Effects = std::vector<Effect>;

  Plumtree(NodeName self, PlumtreeConfig config, Random random, Metrics& metrics);

  /// Messages with this tag (an atom) go whole to every peer at every node: for small, rare and urgent ones,
  /// which must not wait for the tree to mend.
  void flood(const Term& tag) { flooded_ = tag; }

  void peer_up(NodeName peer);
  void peer_down(NodeName peer);
  /// Sends to all; not delivered locally.
  void broadcast(const Term& tag, const Term& payload, Instant now, Effects& out);
  void message(NodeName from, const Term& message, Instant now, Effects& out);
  void advance(Instant now, Effects& out);
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  [[nodiscard]] const std::set<NodeName>& eager() const { return eager_; }
  [[nodiscard]] const std::set<NodeName>& lazy() const { return lazy_; }
  [[nodiscard]] const MessageCache& cache() const { return cache_; }
  [[nodiscard]] std::size_t missing_count() const { return missing_.size(); }

 private:
  /// A message that was announced but has not come.
  struct Missing {
    /// Most announcers remembered for one message. Guess: half an active view.
    static constexpr std::size_t announcers_max = 4;
    /// Who has it, in the order they said so, without those already asked.
    std::vector<NodeName> announcers;
    /// Charged with this entry.
    NodeName first_announcer;
    Instant ask_at;
  };

  void handle(NodeName from, plumtree::Gossip message, Instant now, Effects& out);
  void handle(NodeName from, const plumtree::Ihave& message, Instant now, Effects& out);
  void handle(NodeName from, const plumtree::Graft& message, Instant now, Effects& out);
  void handle(NodeName from, const plumtree::Prune& message, Instant now, Effects& out);

  void push(const plumtree::MessageId& id, const MessageCache::Body& body, NodeName except, Effects& out);
  void found(const plumtree::MessageId& id);
  void make_eager(NodeName peer);
  void make_lazy(NodeName peer);

  NodeName self_;
  PlumtreeConfig config_;
  MessageIds ids_;
  Term flooded_;
  std::set<NodeName> eager_;
  std::set<NodeName> lazy_;
  MessageCache cache_;
  std::unordered_map<plumtree::MessageId, Missing, detail::KeyedHash> missing_;
  /// ask_at -> id, so that the next deadline is at the front.
  std::set<std::pair<Instant, plumtree::MessageId>> asks_;
  std::map<NodeName, std::size_t> missing_of_;

  Counter& malformed_;
  Counter& spoofed_;
  Counter& payload_limit_;
  Counter& duplicates_;
  Counter& delivered_;
  Counter& sent_;
  Counter& received_;
  Counter& ihaves_sent_;
  Counter& grafts_sent_;
  Counter& prunes_sent_;
  Counter& missing_full_;
  Counter& given_up_;
  Counter& announcers_full_;
  Counter& grafts_unanswered_;
};

}  // namespace barrel
