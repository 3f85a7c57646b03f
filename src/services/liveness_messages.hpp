#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "barrel/base/time.hpp"
#include "barrel/term/node_name.hpp"
#include "barrel/term/result.hpp"
#include "barrel/term/term.hpp"

/// Node liveness on the wire; ours, not the original's (docs/wire.md). Claims travel
///   - as gossip with the tag `barrel_liveness`: `{custom, Origin, Claim}`;
///   - between two linked Barrel nodes, to the process `barrel_liveness`: `{'$barrel_liveness', Sender,
///   Content}`, where
///     Content is `{claims, [Claim]}`, `{digest, D}` or `{digest_reply, D}`.
/// Claim = `{Verdict, Node, Creation, Incarnation}`.
/// The beat of the node with the smallest name is gossip with the tag `barrel_beat`: `{custom, Node, {beat,
/// NextMs}}`.
namespace barrel::liveness {

enum class Verdict : std::uint8_t {
  alive,      ///< From the node itself, or on behalf of an Erlang node that is linked to the teller.
  down,       ///< Dead, as its observers found.
  left,       ///< The node said itself that it goes.
  suspect,    ///< The teller cannot reach it. Changes nothing by itself; calls for witnesses.
  reachable,  ///< The teller has a working link to it.
};

struct Claim {
  Verdict verdict = Verdict::alive;
  NodeName node;
  /// No node has creation 0; on the wire that is malformed.
  std::uint32_t creation = 0;
  /// Grows with every refutation and, starting as the wall clock's milliseconds, with every restart.
  std::uint64_t incarnation = 0;

  friend bool operator==(const Claim&, const Claim&) = default;
};

struct Claims {
  std::vector<Claim> claims;
  /// Claims of the message beyond claims_max, which were not read.
  std::size_t cut_off = 0;
  /// Those that were none, and are left out.
  std::size_t malformed = 0;
};
/// A hash over all claims held; unequal ones call for an exchange.
struct Digest {
  std::uint64_t hash = 0;
  bool is_reply = false;
};
using Content = std::variant<Claims, Digest>;

/// Most claims read from one message.
inline constexpr std::size_t claims_max = 10'000;

[[nodiscard]] Term gossip_of(NodeName origin, const Claim& claim);
[[nodiscard]] Result<std::pair<NodeName, Claim>> claim_of_gossip(const Term& payload);
/// `next`: when the following one is due.
[[nodiscard]] Term beat_of(NodeName node, Duration next);
[[nodiscard]] Result<std::pair<NodeName, Duration>> beat_of_gossip(const Term& payload);
[[nodiscard]] Term encode(NodeName sender, const Content& content);
/// Errc::malformed on another shape.
[[nodiscard]] Result<std::pair<NodeName, Content>> decode(const Term& term);

}  // namespace barrel::liveness
