#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "barrel/base/metrics.hpp"
#include "barrel/base/random.hpp"
#include "barrel/base/time.hpp"
#include "barrel/term/node_name.hpp"
#include "barrel/term/term.hpp"
#include "services/answer_turns.hpp"
#include "services/liveness_config.hpp"
#include "services/liveness_messages.hpp"

namespace barrel {

/// Which names of a node may be seen.
struct NodeVisibility {
  bool alive = true;
  /// The incarnation that lives; 0: not known, any.
  std::uint32_t creation = 0;
  /// This node was linked to it, so that it exists. Says nothing about which of its names may be seen.
  bool met = false;

  friend bool operator==(const NodeVisibility& a, const NodeVisibility& b) {
    return a.alive == b.alive && a.creation == b.creation;
  }
};

/// The node liveness core (after SWIM, Das et al. 2002): which nodes live, as the cluster sees it. Leaving an
/// active view is not death.
///
/// A silent or lost link makes a suspicion, told to all. Whoever has a working link to the suspect says so.
/// Without such a witness the node is told dead: after a short wait when several observers agree, else after
/// a dial has failed or probe_wait. A node that hears of its own death or suspicion refutes it with a greater
/// incarnation. The latest incarnation wins, so that a restarted node supersedes its former self.
///
/// A node that does not speak this protocol (the original) is spoken for by those linked to it, and counts as
/// gone here as soon as the link to it is lost.
///
/// Inputs append to `out`. Call advance() when next_deadline() is reached.
class Liveness {
 public:
  /// A claim for all, as gossip.
  struct Broadcast {
    Term payload;
  };
  /// To barrel_liveness on a linked node.
  struct SendTo {
    NodeName node;
    Term message;
  };
  /// Dial it, to see whether it lives. Ends in link_up or dial_failed.
  struct Probe {
    NodeName node;
  };
  /// A dead node to be tried again: it may only have been cut off. Ends as a probe does.
  struct Revive {
    NodeName node;
  };
  /// The beat of this node, as gossip with the tag barrel_beat.
  struct Beat {
    Term payload;
  };
  /// Join through it: its beat does not reach us, so that we are cut off from it or it is dead. Ends as a
  /// probe does.
  struct Reunite {
    NodeName node;
  };
  /// The link that a probe made has done its work.
  struct Release {
    NodeName node;
  };
  /// visibility(node) is another one now.
  struct Changed {
    NodeName node;
  };
  /// An incarnation has ended.
  struct Died {
    NodeName node;
    std::uint32_t creation;
  };
  using Effect = std::variant<Broadcast, SendTo, Probe, Revive, Beat, Reunite, Release, Changed, Died>;
  using Effects = std::vector<Effect>;

  Liveness(NodeName self, std::uint32_t creation, std::int64_t wall_ms, LivenessConfig config, Random random,
           Metrics& metrics);

  /// `speaks`: the peer is a Barrel node.
  void link_up(NodeName node, std::uint32_t creation, bool speaks, Instant now, std::int64_t wall_ms,
               Effects& out);
  void link_silent(NodeName node, Instant now, Effects& out);
  /// Something was heard from it.
  void link_heard(NodeName node, Instant now);
  void link_down(NodeName node, bool lost, Instant now, Effects& out);
  void dial_failed(NodeName node, Instant now, Effects& out);
  /// Gossip with the tag barrel_liveness, as `from` has passed it on.
  void gossip(NodeName from, const Term& payload, Instant now, std::int64_t wall_ms, Effects& out);
  /// A message to barrel_liveness over the link from `from`.
  void message(NodeName from, const Term& message, Instant now, std::int64_t wall_ms, Effects& out);
  /// `node` entered the active view.
  void peer_up(NodeName node, Instant now, Effects& out);
  void peer_down(NodeName node) { peers_.erase(node); }
  /// Gossip with the tag barrel_beat.
  void beat(const Term& payload, Instant now);
  /// Compares claims with a Barrel node that is linked.
  void sync(NodeName node, Effects& out);
  /// See whether a node exists of which only others tell: a link is made, and released again.
  void prove(NodeName node, Effects& out);
  void join();
  void leave(Effects& out);
  void advance(Instant now, Effects& out);
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  [[nodiscard]] NodeVisibility visibility(NodeName node) const;
  /// The nodes that live, this one among them, ordered. Only this one after leave().
  [[nodiscard]] std::vector<NodeName> living() const;
  /// Another number whenever living() may give something else.
  [[nodiscard]] std::uint64_t living_version() const { return living_version_; }
  [[nodiscard]] std::size_t size() const { return members_.size(); }

 private:
  /// Observers remembered for one node. Guess: more than an active view.
  static constexpr std::size_t observers_max = 8;

  enum class State : std::uint8_t { alive, dead, left };
  /// A node that we cannot reach and whose death we will tell unless somebody objects.
  struct Suspicion {
    /// When we last told of it, and how long others have to object.
    Instant told_at;
    Instant decide_at;
    bool dial_failed = false;
    /// A link was lost, so that observers that agree or a failed dial settle it before decide_at.
    bool urgent = true;
  };
  struct Member {
    State state = State::alive;
    std::uint32_t creation = 0;
    std::uint64_t incarnation = 0;
    bool linked = false;
    bool speaks = true;
    bool silent = false;
    /// An Erlang node whose link we lost.
    bool out_of_reach = false;
    /// The latest claim about it against our link, which seemed to work.
    std::optional<liveness::Claim> told_against;
    /// How long the last news of a greater life stood before we spoke for the one that we are linked to.
    Duration gave_way{0};
    /// When we spoke for it last, or asked it to, and will again.
    std::optional<Instant> refuted_at;
    std::optional<Instant> refute_at;
    bool probing = false;
    /// We were linked to it at some time.
    bool met = false;
    /// Who told us of it, and is charged for it, until it is met.
    std::optional<NodeName> voucher;
    /// Its beat was heard. And: it was never met, and a dial to it has failed.
    bool beats = false;
    bool unreachable = false;
    std::optional<Instant> sought_at;
    std::uint32_t link_creation = 0;
    Instant changed_at;
    std::map<NodeName, Instant> suspecters;
    std::map<NodeName, Instant> witnesses;
    std::optional<Suspicion> suspicion;
    std::optional<Instant> witness_at;
    std::optional<Instant> wake_at;
  };

  /// Where a claim comes from.
  struct Source {
    /// Whose link brought it.
    NodeName peer;
    /// Who makes it; of gossip only whom its maker, whoever that is, has written down.
    NodeName origin;
    bool by_gossip;
  };

  // liveness_room.cpp
  /// The member, made when there is room. `teller`: who claims that it exists, and is charged for it; empty:
  /// a link, for which there always is.
  [[nodiscard]] Member* obtain(NodeName node, std::optional<NodeName> teller, Instant now);
  [[nodiscard]] bool make_room(std::optional<NodeName> teller, Instant now);
  /// Who goes first, the smallest number, to make room for what `teller` tells of; empty: it stays.
  [[nodiscard]] std::optional<int> dispensable(const Member& member, std::optional<NodeName> teller,
                                               std::optional<NodeName> heaviest) const;
  void vouched_no_more(Member& member);
  void forget(NodeName node);
  [[nodiscard]] Member* find(NodeName node);
  template <class F>
  void change(NodeName node, Member& member, Instant now, Effects& out, F&& f);
  [[nodiscard]] static NodeVisibility visibility_of(const Member& member);
  [[nodiscard]] static bool lives(const Member& member);
  [[nodiscard]] static std::uint64_t hash_of(NodeName node, const Member& member);
  [[nodiscard]] liveness::Claim claim_about(NodeName node, const Member& member,
                                            liveness::Verdict verdict) const;
  [[nodiscard]] static liveness::Verdict verdict_of(State state);
  [[nodiscard]] liveness::Claim own_claim(liveness::Verdict verdict) const;
  [[nodiscard]] std::uint64_t digest() const;

  void on_claims(NodeName from, const liveness::Claims& content, Instant now, std::int64_t wall_ms,
                 Effects& out);
  /// Returns whether a node known before is now held for dead, gone, restarted or alive again.
  bool on_claim(const Source& source, const liveness::Claim& claim, Instant now, std::int64_t wall_ms,
                Effects& out);
  void on_own(const liveness::Claim& claim, Instant now, Effects& out);
  bool on_verdict(const Source& source, NodeName node, Member& member, const liveness::Claim& claim,
                  Instant now, Effects& out);
  [[nodiscard]] static bool is_later(const liveness::Claim& claim, const liveness::Claim& than);
  [[nodiscard]] bool is_old(NodeName node, const Member& member, const liveness::Claim& claim) const;
  /// Whether our link to the node stands against the claim; of an original we then say so. What the claim may
  /// be right about is settled when the link ends.
  [[nodiscard]] bool contradicted(const Source& source, NodeName node, Member& member,
                                  const liveness::Claim& claim, Instant now, Effects& out);
  /// Two that are linked to two lives would contradict each other for ever: the link to the lesser one waits,
  /// as it is likely to end, before it speaks up.
  void give_way(NodeName node, Member& member, Instant now);
  bool believe(NodeName node, Member& member, const liveness::Claim& claim, Instant now, Effects& out);
  /// Tells that this node lives, at once or, if it has just told so, a little later.
  void refute(Instant now, Effects& out);
  /// The same for a node that is linked and does not speak for itself; one that does is told what is said.
  void refute_for(NodeName node, Member& member, Instant now, Effects& out);
  void on_suspect(NodeName origin, NodeName node, Member& member, Instant now, Effects& out);
  void on_witness(NodeName origin, NodeName node, Member& member, Instant now);
  void tell(const liveness::Claim& claim, Effects& out);
  void send_claims(NodeName to, Effects& out);
  void answer(NodeName to, const liveness::Digest& theirs, Effects& out);
  void suspect(NodeName node, Member& member, Instant now, Duration wait, Effects& out);
  void decide(NodeName node, Member& member, Instant now, Effects& out);
  void declare_dead(NodeName node, Member& member, Instant now, Effects& out);
  void wake(NodeName node, Member& member, Instant now);
  void wake_up(NodeName node, Member& member, Instant now, Effects& out);
  void probe(NodeName node, Effects& out);
  void probe_one(Instant now, Effects& out);
  void sweep(Effects& out);
  [[nodiscard]] std::vector<NodeName> unobserved() const;
  /// The node with the smallest name of those that live, this one among them: that have shown themselves, by
  /// a link or a beat; or that may, since no dial to them has failed.
  [[nodiscard]] NodeName smallest(bool only_shown) const;
  /// Who has to beat.
  [[nodiscard]] NodeName beacon() const { return smallest(true); }
  /// How long a first beat may take.
  [[nodiscard]] Duration patience() const { return config_.beat_min * 4; }
  void rely_on(NodeName beacon, Instant now);
  /// Joins through a node that should have been heard, unless it is a peer.
  void seek(NodeName node, Instant now, Effects& out);
  void expect_beat(Instant now);
  void check_beat(Instant now, Effects& out);
  void revive_one(Instant now, Effects& out);
  [[nodiscard]] Duration jittered(Duration base);
  void remember(std::map<NodeName, Instant>& observers, NodeName who, Instant now);
  [[nodiscard]] static bool heard_within(const std::map<NodeName, Instant>& observers, Instant now,
                                         Duration span);

  NodeName self_;
  std::uint32_t creation_;
  std::uint64_t incarnation_;
  std::optional<Instant> refuted_at_;
  std::optional<Instant> refute_at_;
  LivenessConfig config_;
  Random random_;
  bool left_ = false;
  std::map<NodeName, Member> members_;
  /// What each peer has told of nodes that were not met.
  struct Told {
    std::size_t nodes = 0;
    /// There was no room for more of it; until then nobody looks.
    Instant look_again_at;
  };
  std::map<NodeName, Told> told_by_;
  AnswerTurns<liveness::Digest> turns_;
  std::set<NodeName> peers_;
  std::set<std::pair<Instant, NodeName>> wakes_;
  std::uint64_t members_hash_ = 0;
  std::uint64_t living_version_ = 1;
  std::optional<Instant> probe_at_;
  std::optional<Instant> revive_at_;
  std::optional<Instant> sweep_at_;
  /// Whose beat is awaited (or sent, when it is this node), how long after the last, and when to look again.
  NodeName beacon_;
  /// When it became that one, or the first peer came.
  Instant beacon_since_;
  Duration beat_period_;
  std::optional<Instant> beat_at_;

  Counter& malformed_;
  Counter& spoofed_;
  Counter& from_future_;
  Counter& nodes_full_;
  Counter& answers_put_off_;
  Counter& claims_limit_;
  Counter& observers_full_;
  Counter& suspicions_;
  Counter& deaths_told_;
  Counter& refutations_;
  Counter& refutations_put_off_;
  Counter& contradicted_;
  Counter& cut_off_;
  Gauge& nodes_gauge_;
};

}  // namespace barrel
