#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "barrel/term/node_name.hpp"
#include "barrel/term/term.hpp"
#include "crdt/hlc.hpp"
#include "crdt/term_hash.hpp"

namespace barrel {

/// One write: when, and by whom. Greater is later; two writes of one moment are ordered by node.
struct Dot {
  Timestamp at;
  NodeName node;

  friend bool operator==(const Dot&, const Dot&) noexcept = default;
  friend std::strong_ordering operator<=>(const Dot&, const Dot&) noexcept = default;
};

/// What an OR-Map knows about one key: a value with the writes that support it, or a removal.
///
/// The original keeps either a value or a tombstone. We keep the time of the latest known removal beside the
/// value, and of each node's dots the greatest only: the visible outcome is the same for every order of the
/// same entries, and merging becomes associative in every detail, with bounded size.
struct OrMapEntry {
  /// Most dots kept: nodes that wrote one key; of more, the greatest stay.
  static constexpr std::size_t dots_max = 64;

  /// At most one for each node, greatest first, all >= removed_at; empty: removed.
  std::vector<Dot> dots;
  /// The value of the greatest dot; [] when removed.
  Term value;
  std::optional<Timestamp> removed_at;

  [[nodiscard]] bool is_live() const { return !dots.empty(); }
  /// The moment of the latest write or removal that counts.
  [[nodiscard]] Timestamp stamp() const;
  friend bool operator==(const OrMapEntry&, const OrMapEntry&) = default;
};

[[nodiscard]] OrMapEntry live_entry(Term value, const Dot& dot);
[[nodiscard]] OrMapEntry removed_entry(const Timestamp& at);

/// The entry that knows what both know. Commutative, associative, idempotent. A removal wins only if it is
/// later than every dot; of two values the one with the greatest dot wins, and with equal dots (two values
/// that a broken peer gave one dot) the greater term, where the original takes whichever came second.
[[nodiscard]] OrMapEntry merge(const OrMapEntry& a, const OrMapEntry& b);

/// A replaceable merge, so that the simulation can prove that its checkers notice a broken one.
using OrMapMerge = OrMapEntry (*)(const OrMapEntry&, const OrMapEntry&);

/// A replicated map, as the original has it. Keys and values are terms; what they mean is the owner's
/// business. Not thread-safe. Iteration order depends on the seed and the history only.
class OrMap {
 public:
  using Entries = std::unordered_map<Term, OrMapEntry, TermHash>;

  struct Applied {
    bool changed = false;
    /// dots_max has left a writer out.
    bool dots_full = false;
  };

  explicit OrMap(std::uint64_t seed = 0, OrMapMerge merge_with = &barrel::merge)
      : entries_(0, TermHash{seed}), merge_(merge_with) {}

  /// The entry of `key`, also a removed one; null when there is none.
  [[nodiscard]] const OrMapEntry* find(const Term& key) const;
  /// Merges one entry in.
  Applied apply(const Term& key, const OrMapEntry& incoming);
  /// Forgets `key` without a trace: for bounds only, as another replica may bring it back.
  void forget(const Term& key);

  [[nodiscard]] const Entries& entries() const { return entries_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t tombstone_count() const { return tombstones_.size(); }
  /// The keys removed, the one removed longest ago first: what goes first when there are too many.
  [[nodiscard]] const std::set<std::pair<Timestamp, Term>>& tombstones() const { return tombstones_; }

 private:
  void index(const Term& key, const OrMapEntry& entry, bool add);

  Entries entries_;
  std::set<std::pair<Timestamp, Term>> tombstones_;
  OrMapMerge merge_;
};

}  // namespace barrel
