#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "barrel/process/address.hpp"
#include "barrel/process/alias.hpp"
#include "barrel/term/pid.hpp"
#include "process/relation_quotas.hpp"

namespace barrel::detail {

class PendingSpawn;

/// What ties a process to others: links, monitors, names. Made when it is first needed, since most processes
/// have none. Only its process touches it.
struct Relations {
  Relations(RelationQuotas& quotas, std::uint32_t relations_max)
      : remote_watchers(quotas, relations_max), remote_links(quotas, relations_max) {}

  struct Link {
    /// Not 0: we unlinked and wait for the acknowledgement of that number; exit signals do not count
    /// meanwhile.
    std::uint64_t unlinking = 0;
    /// See NodeIndex::epoch.
    std::uint64_t epoch = 0;
  };
  /// A monitor of ours, by the number of its reference.
  struct Watching {
    std::optional<NodeLocalName> name;
    /// Whom the signals went to; for a name on another node only its node counts.
    Pid target{};
    bool remote = false;
    /// Its reference was made as an alias.
    bool is_alias = false;
    /// Its Down stands in the queue.
    bool fired = false;
    std::uint64_t epoch = 0;
  };
  /// Somebody who monitors us, by that monitor's reference.
  struct Watcher {
    Pid pid{};
    /// The name we were monitored by.
    std::optional<Atom> name;
  };

  std::unordered_map<Pid, Link> links;
  std::unordered_map<std::uint64_t, Watching> watching;
  std::unordered_map<Ref, Watcher> watchers;
  /// The aliases of ours that are active, by the numbers of their references.
  std::unordered_map<std::uint64_t, AliasEnd> aliases;
  /// How many of the watchers, and how many of the links, are of which other node.
  RelationShares remote_watchers;
  RelationShares remote_links;
  std::vector<Atom> names;
  /// The nodes under which NodeIndex lists this process.
  std::vector<NodeName> nodes;
  /// Those of Self::monitor_node.
  std::vector<NodeName> watched_nodes;
  /// Self::monitor_nodes.
  bool watches_all_nodes = false;
  std::uint64_t next_unlink = 1;
  /// What it asked other nodes to start, newest first.
  PendingSpawn* pending_spawns = nullptr;
  /// Exit signals of processes that are not linked, by node, which may be those being started with a link: an
  /// exit signal may overtake the answer to the request. Kept while there is such a request to that node.
  std::unordered_map<Atom, std::vector<std::pair<Pid, Term>>> early_exits;
  /// More of one node are dropped; a guess, many times the requests that one process has open.
  static constexpr std::size_t early_exits_max = 64;
  /// A reason that takes more is not kept, only that there was one. A guess, far above reasons that people
  /// write.
  static constexpr std::size_t early_reason_bytes_max = std::size_t{64} << 10;
};

}  // namespace barrel::detail
