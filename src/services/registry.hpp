#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "barrel/base/log.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/base/random.hpp"
#include "barrel/services/registry_types.hpp"
#include "barrel/term/result.hpp"
#include "crdt/hlc.hpp"
#include "crdt/or_map.hpp"
#include "services/answer_turns.hpp"
#include "services/liveness.hpp"
#include "services/registry_config.hpp"
#include "services/registry_messages.hpp"
#include "services/registry_shares.hpp"
#include "services/registry_snapshot.hpp"

namespace barrel {

/// The registry core: names of the whole cluster as a replicated map {Name, Node} -> entry. Only the owner,
/// the node of the key, writes an entry; it writes again what it sees contradicted. Entries of dead nodes are
/// hidden, never removed by others. Each change that becomes visible here makes exactly one event.
///
/// Inputs append to `out`; after them ask take_changed() and publish snapshot(). Call advance() when
/// next_deadline() is reached, and sync() with Barrel peers from time to time.
class RegistryCore {
 public:
  /// As gossip with the tag barrel_p2p_registry_replica.
  struct Broadcast {
    Term payload;
  };
  /// To barrel_p2p_registry_replica on a linked node.
  struct SendTo {
    NodeName node;
    Term message;
  };
  struct Event {
    ServiceEvent event;
  };
  /// There was no room for the names of a node of which only others tell: see whether it exists.
  struct Doubt {
    NodeName node;
  };
  using Effect = std::variant<Broadcast, SendTo, Event, Doubt>;
  using Effects = std::vector<Effect>;
  /// Which names of a node may be seen now.
  using VisibilityOf = std::function<NodeVisibility(NodeName)>;

  RegistryCore(NodeName self, std::uint32_t creation, RegistryConfig config, VisibilityOf visibility_of,
               Random random, Metrics& metrics, Log log);

  /// See Overlay::register_service and the following for contracts and errors.
  Result<void> register_service(const Term& name, const Pid& pid, const Term& meta, std::int64_t wall_ms,
                                Effects& out);
  Result<void> unregister_service(const Term& name, const Pid& pid, std::int64_t wall_ms, Effects& out);
  void process_died(const Pid& pid, const Term& reason, std::int64_t wall_ms, Effects& out);
  void unregister_all(std::int64_t wall_ms, Effects& out);

  /// Gossip with the tag barrel_p2p_registry_replica, as `from` has passed it on.
  void gossip(NodeName from, const Term& payload, Instant now, std::int64_t wall_ms, Effects& out);
  /// A message to barrel_p2p_registry_replica over the link from `from`, a Barrel node or not.
  void message(NodeName from, bool is_barrel, const Term& message, Instant now, std::int64_t wall_ms,
               Effects& out);
  /// A link with `node` is up: it exists.
  void met(NodeName node);
  /// `node` entered the active view.
  void peer_up(NodeName node, bool is_barrel, Instant now, Effects& out);
  void peer_down(NodeName node);
  /// Compares digests with a linked Barrel node; what differs is exchanged.
  void sync(NodeName node, Effects& out);
  /// The answer of VisibilityOf for `node` is another one.
  void visibility_changed(NodeName node, Effects& out);
  void advance(Instant now, Effects& out);
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  /// Whether the visible registry changed since the last call.
  [[nodiscard]] bool take_changed() { return std::exchange(changed_, false); }
  [[nodiscard]] std::shared_ptr<const RegistrySnapshot> snapshot() const;
  /// Whether a full_sync brought anything new since the last call.
  [[nodiscard]] bool take_learned() { return std::exchange(learned_, false); }
  /// All that is held, hidden and removed entries included.
  [[nodiscard]] const OrMap& entries() const { return map_; }
  /// What the entries take, as estimated for the bounds.
  [[nodiscard]] std::size_t bytes() const { return shares_.bytes(); }
  /// How many names were written while there was no peer to hear it, or are to be told again later.
  [[nodiscard]] std::size_t unheard_count() const { return unheard_.size(); }

 private:
  struct Local {
    Pid pid;
    Term meta;
  };

  void put(const Term& name, const OrMapEntry& entry, const Term* reason, Effects& out);
  void write(const Term& name, const OrMapEntry& entry, const Term* reason, registry::MapBuilder& delta,
             Effects& out);
  void broadcast(registry::MapBuilder& delta, Effects& out);
  /// Returns about how many bytes they are.
  std::size_t tell_unheard(Effects& out);
  /// Tells what has been written over the word of others, at once or, if such has just been told, later.
  void reassert(Instant now, Effects& out);
  void drop_local(const Term& name, const Term* reason, std::int64_t wall_ms, registry::MapBuilder& delta,
                  Effects& out);
  bool ingest(const registry::Items& read, NodeName teller, std::optional<NodeName> only_of, Instant now,
              std::int64_t wall_ms, Effects& out);
  // registry_audit.cpp
  /// Names of another node that may be those of its former self, as they were written.
  using Suspects = std::unordered_map<Term, Timestamp, TermHash>;
  using Learned = std::vector<const registry::Item*>;
  /// Asks behind a request for all names.
  void start_audit(NodeName node, Effects& out);
  void ask_about(NodeName node, Suspects suspects, Effects& out);
  /// What a Barrel node tells of nodes of the original in our view that we do not hold yet.
  [[nodiscard]] Learned news_of_originals(const registry::Items& told) const;
  void audit_news(const Learned& news, Effects& out);
  void audit_map(NodeName node, const registry::Items& told);
  void end_audit(NodeName node, std::uint64_t number, Effects& out);
  void remove_lost(NodeName node, const Suspects& suspects, Effects& out);
  bool store(const registry::Item& item, NodeName teller, Effects& out);
  /// Whether it contradicts us, so that ours is written over it, and is to be told.
  bool store_own(const registry::Item& item, std::int64_t wall_ms, Effects& out);
  void refresh(const Term& key, const registry::Key& parts, Effects& out);
  [[nodiscard]] std::optional<ServiceEntry> visible_entry(const Term& key, const registry::Key& parts) const;
  void show(const ServiceEntry& entry);
  void hide(const registry::Key& parts);
  // registry_room.cpp
  [[nodiscard]] std::optional<NodeName> voucher_of(NodeName owner, NodeName teller) const;
  /// `cut`: reading has left out writers already.
  bool apply(const Term& key, const registry::Key& parts, const OrMapEntry& entry, NodeName teller,
             bool cut = false);
  void forget(const Term& key, const registry::Key& parts);
  /// Whether an entry that others tell of fits beside what is there, or what has to give way to it; counts
  /// when not.
  [[nodiscard]] bool has_room(const registry::Item& item, NodeName teller, Effects& out);
  /// Of its own share an owner's removals, the oldest first, give way to its live entries: others can make
  /// such removals up.
  void trim_removals_for(const registry::Item& item, std::size_t keys, std::size_t bytes);
  [[nodiscard]] bool make_room(NodeName owner, NodeName teller, RegistryShares::Scarce scarce,
                               std::size_t amount, Effects& out);
  void displace(NodeName owner, Effects& out);
  void doubt_one(Instant now, Effects& out);
  void trim_tombstones();
  /// A message that is answered with what we hold.
  struct Question {
    bool is_barrel = false;
    registry::Message message;
  };
  void ask(NodeName from, const Question& question, Instant now, Effects& out);
  [[nodiscard]] bool needs_answer(const Question& question) const;
  void answer(NodeName to, const Question& question, Effects& out);
  void send_map(NodeName to, bool local_only, const registry::Digests* theirs, Effects& out);
  void warn_of_name(const Term& name);
  [[nodiscard]] Result<void> check_new(const Term& name, const Pid& pid, const Term& meta) const;
  [[nodiscard]] registry::Bounds bounds() const;

  NodeName self_;
  std::uint32_t creation_;
  RegistryConfig config_;
  VisibilityOf visibility_of_;
  Log log_;
  HybridClock clock_;
  OrMap map_;
  /// Why names were removed, for tombstones of dead processes.
  std::unordered_map<Term, Term, TermHash> reasons_;
  std::unordered_map<Term, Local, TermHash> local_;
  std::unordered_map<Pid, std::vector<Term>> names_of_pid_;
  registry::Digests digests_{};
  RegistrySnapshot::ByName visible_;
  std::size_t visible_count_ = 0;
  std::set<NodeName> peers_;
  std::set<NodeName> erlang_peers_;
  /// A node of the original that was asked for all its names.
  struct Audit {
    std::uint64_t number = 0;
    /// Known before it was asked, and not told by it so far.
    Suspects suspects;
    /// Learned since: for the next question.
    Suspects later;
  };
  std::map<NodeName, Audit> audits_;
  std::uint64_t audits_made_ = 0;
  /// Names that we wrote while there was no peer to hear it, or too soon after others.
  std::unordered_set<Term, TermHash> unheard_;
  std::optional<Instant> reassert_at_;
  Instant reassert_from_;
  std::unordered_set<Term, TermHash> warned_;
  std::uint64_t seed_;
  RegistryShares shares_;
  AnswerTurns<Question> turns_;
  /// By the peer that told of it, the last node that was not met and found no room.
  std::map<NodeName, NodeName> doubts_;
  NodeName last_doubted_;
  Instant doubt_at_;
  bool changed_ = false;
  bool learned_ = false;

  Counter& malformed_;
  Counter& spoofed_;
  Counter& foreign_;
  Counter& from_future_;
  Counter& keys_full_;
  Counter& bytes_full_;
  Counter& displaced_;
  Counter& answers_put_off_;
  Counter& tombstones_full_;
  Counter& reasserted_;
  Counter& reassertions_put_off_;
  Counter& ghosts_removed_;
  Counter& syncs_;
  Counter& registrations_refused_;
  Counter& writers_full_;
  Gauge& visible_gauge_;
};

}  // namespace barrel
