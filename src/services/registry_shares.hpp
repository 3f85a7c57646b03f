#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_set>

#include "barrel/term/node_name.hpp"
#include "barrel/term/term.hpp"
#include "crdt/term_hash.hpp"

namespace barrel {

/// Who is charged for what the registry holds. A node that this one has been linked to exists, and is charged
/// for its own entries. Of any other we have the word of the peer that told us of it first, its voucher:
/// names of nodes cost nothing, so that peer is charged for all nodes that it vouches for together.
class RegistryShares {
 public:
  using Names = std::unordered_set<Term, TermHash>;
  /// What one node has in the map, removals included.
  struct Share {
    Names names;
    std::size_t bytes = 0;
    std::size_t removals = 0;
    /// Empty: it has been met.
    std::optional<NodeName> voucher;
  };
  /// What a change of one entry adds; negative: takes away.
  struct Change {
    std::ptrdiff_t bytes = 0;
    std::ptrdiff_t removals = 0;
  };
  enum class Scarce : std::uint8_t { keys, bytes };

  explicit RegistryShares(std::uint64_t seed) : seed_(seed) {}

  [[nodiscard]] const Share* find(NodeName owner) const;
  /// Bytes of all together.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// `voucher` counts when nothing of `owner` was there before.
  void put(NodeName owner, std::optional<NodeName> voucher, const Term& name, const Change& change);
  void drop(NodeName owner, const Term& name, const Change& change);
  /// It exists: from now on it is charged itself.
  void met(NodeName owner);

  /// The node that has to go for an entry of `owner`, of which `voucher` tells if it was not met: the largest
  /// one of those that the peer vouches for who is charged with most. Empty: nobody has to. An entry of a
  /// node that was not met displaces others only while its own voucher is charged with less than half as
  /// much.
  [[nodiscard]] std::optional<NodeName> displaced_by(NodeName owner, std::optional<NodeName> voucher,
                                                     Scarce scarce) const;

  /// Who is charged with the entries of `owner`.
  [[nodiscard]] NodeName charged_for(NodeName owner) const;
  [[nodiscard]] std::map<NodeName, std::size_t> removals_by_charged() const;

 private:
  /// What a peer vouches for.
  struct Load {
    std::size_t keys = 0;
    std::size_t bytes = 0;
  };
  void charge(const Share& share, std::ptrdiff_t keys, std::ptrdiff_t bytes);

  std::uint64_t seed_;
  std::map<NodeName, Share> shares_;
  std::map<NodeName, Load> loads_;
  std::size_t bytes_ = 0;
};

/// The greatest level such that all `amounts`, each cut down to it, are together at most `whole`.
[[nodiscard]] std::size_t fair_level(const std::map<NodeName, std::size_t>& amounts, std::size_t whole);

}  // namespace barrel
