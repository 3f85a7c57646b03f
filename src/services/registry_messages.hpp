#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "barrel/services/registry_types.hpp"
#include "barrel/term/node_name.hpp"
#include "barrel/term/result.hpp"
#include "barrel/term/term.hpp"
#include "crdt/hlc.hpp"
#include "crdt/or_map.hpp"

/// The registry on the wire, as the original's: gossip payloads `{delta, Origin, OrMap}` with the
/// tag `barrel_p2p_registry_replica`, and direct messages `{'$barrel_p2p_replica', ...}` to the process of
/// that name. Keys are
/// `{Name, Node}`.
///
/// Ours: beside the tombstone of a name whose process died lies a companion `{barrel_down, Name, Node} =>
/// {down, T, Reason}` with the tombstone's time. The original drops entries it does not know one by one, so
/// that it sees the removal alone; its relays forward the payload untouched. `{sync_digest, Sender, Digests}`
/// goes to Barrel nodes only.
namespace barrel::registry {

struct Key {
  Term name;
  NodeName node;
};
[[nodiscard]] Term key_term(const Term& name, NodeName node);

/// Why a name was removed at `at`.
struct Down {
  Timestamp at;
  Term reason;
};

/// One entry of a map from a peer, checked.
struct Item {
  Term key_term;
  Key key;
  OrMapEntry entry;
  /// With a removal only: the process died.
  std::optional<Term> reason;
  /// It had more writers than OrMapEntry::dots_max, of which the latest were read.
  bool cut = false;
};
struct Items {
  std::vector<Item> items;
  /// Entries of another shape than ours or the original's, left out.
  std::size_t malformed = 0;
};

struct Bounds {
  std::size_t name_bytes_max;
  std::size_t meta_bytes_max;
  std::size_t reason_bytes_max;
};

/// A hash of the live entries in each of 64 parts of the key space, so that only parts that differ need be
/// sent.
using Digests = std::array<std::uint64_t, 64>;
[[nodiscard]] std::size_t part_of(const Term& key);
[[nodiscard]] std::uint64_t hash_of(const Term& key, const OrMapEntry& entry);

struct Delta {
  NodeName origin;
  Term map;
};
struct FullSync {
  NodeName sender;
  Term map;
};
struct RequestSync {
  NodeName sender;
};
struct SyncDigest {
  NodeName sender;
  Digests digests{};
  bool is_reply = false;
};
using Message = std::variant<FullSync, RequestSync, SyncDigest>;

/// A question to the replica of an original node that any OTP process answers, with an error, after all that
/// was sent to it before (sys, "System Messages"): `{system, {{barrel_p2p_registry_replica, Asker}, Tag},
/// barrel_audit}`. The answer goes to our replica, behind what the other has sent to it before.
[[nodiscard]] Term audit_request(NodeName asker, std::uint64_t number);
/// The number of the question that this is the answer to.
[[nodiscard]] std::optional<std::uint64_t> audit_answer(const Term& message);

/// Collects `{key => entry}` pairs for a delta or a full_sync.
class MapBuilder {
 public:
  void add(const Term& key, const OrMapEntry& entry, const Term* reason);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  /// Ends the map; the builder is empty again.
  [[nodiscard]] Term take();

 private:
  std::vector<Term::MapEntry> entries_;
};

[[nodiscard]] Term entry_value(const ServiceEntry& entry);
/// The leaf `{service_entry, Name, Pid, Node, Meta}`; empty when it is of another shape, or its name, node or
/// pid's node do not fit `key`, or it exceeds the bounds.
[[nodiscard]] std::optional<ServiceEntry> read_value(const Term& value, const Key& key, const Bounds& bounds);
/// Reads and checks the entries of an OR-Map one by one. A term that is no map has none.
[[nodiscard]] Items read_map(const Term& map, const Bounds& bounds);

[[nodiscard]] Term delta_payload(NodeName origin, Term map);
/// Empty: a payload of another kind.
[[nodiscard]] std::optional<Delta> read_delta(const Term& payload);
[[nodiscard]] Term encode(const Message& message);
[[nodiscard]] Result<Message> decode(const Term& term);

}  // namespace barrel::registry
