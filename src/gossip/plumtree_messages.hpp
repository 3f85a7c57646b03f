#pragma once

#include <cstddef>
#include <string>
#include <variant>

#include "barrel/term/node_name.hpp"
#include "barrel/term/result.hpp"
#include "barrel/term/term.hpp"

/// The messages of Plumtree on the wire, as the original's: `{'$barrel_p2p_plumtree', Message}` to
/// the process `barrel_p2p_plumtree`. In all of them the sender is the immediate hop.
namespace barrel::plumtree {

/// Any unique bytes; the original's are 32.
using MessageId = std::string;
inline constexpr std::size_t id_bytes = 32;
/// Longest id accepted. Guess: twice the original's.
inline constexpr std::size_t id_bytes_max = 64;

struct Gossip {
  MessageId id;
  /// Whom the payload is for: an atom, the name of a replica.
  Term tag;
  Term payload;
  NodeName sender;
};
struct Ihave {
  MessageId id;
  NodeName sender;
};
struct Graft {
  MessageId id;
  NodeName sender;
};
struct Prune {
  NodeName sender;
};
using Message = std::variant<Gossip, Ihave, Graft, Prune>;

[[nodiscard]] Term encode(const Message& message);
/// Errc::malformed on any other shape.
[[nodiscard]] Result<Message> decode(const Term& term);

}  // namespace barrel::plumtree
