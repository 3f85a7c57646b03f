#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <vector>

#include "barrel/base/random.hpp"
#include "barrel/term/pid.hpp"
#include "sim/event_queue.hpp"
#include "sim/nodes/faults.hpp"
#include "sim/nodes/ledger.hpp"
#include "sim/nodes/name_book.hpp"

namespace barrel::sim {

/// What the processes of a run share: what they write down, and whom they know. On the simulation's one
/// thread, so they may.
struct Stage {
  explicit Stage(EventQueue& events) : queue(events), faults(events), ledger(faults) {}

  /// Somebody to deal with: on the node itself or a partner of it; now and then one that has ended.
  [[nodiscard]] std::optional<Pid> pick(std::size_t node, Random& random) const {
    const auto& near = partners.at(node);
    const std::size_t of = random.chance(200'000) ? node : near.at(random.below(near.size()));
    const std::vector<Pid>& pids = random.chance(50'000) ? past.at(of) : ledger.alive_on(of);
    if (pids.empty()) return std::nullopt;
    return pids.at(random.below(pids.size()));
  }

  EventQueue& queue;
  Faults faults;
  Ledger ledger;
  NameBook names;
  /// By node: the nodes that its processes talk to.
  std::vector<std::vector<std::size_t>> partners;
  /// By node: all processes that ever were.
  std::vector<std::vector<Pid>> past;
  /// By node: the names that its listener has been told of.
  std::vector<std::set<NameBook::Key>> told;
  /// Until then processes do things; afterwards they only receive.
  Instant acting_until{};
  /// A message goes after each link and each monitor of a name, by which the ledger knows that these have
  /// come.
  bool signals_are_followed = true;
  bool unlinks = true;
  Duration pace = std::chrono::milliseconds(400);
  /// Bytes of a large message, and how many bursts are of these.
  std::uint32_t large_message_bytes = 20'000;
  std::uint32_t large_per_million = 20'000;
};

}  // namespace barrel::sim
