#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "barrel/base/time.hpp"
#include "barrel/term/node_name.hpp"

namespace barrel {

/// When each peer may have us go through a map for it: a small message asks for all that we hold. An answer
/// costs time in proportion to the map; a peer that is too far ahead of the clock waits, and what it asks
/// meanwhile is answered once, at its turn. No request stays without an answer that was made after it.
///
/// Holds one entry for each peer that is ahead or waits, so that its size is bounded by the number of links.
template <class Request>
class AnswerTurns {
 public:
  /// What an answer costs, and a peer with it for each entry of the map. Guess: a tenth of the time of the
  /// cluster thread.
  static constexpr Duration answer_cost = std::chrono::milliseconds(5);
  static constexpr Duration entry_cost = std::chrono::microseconds(20);
  /// How far ahead a peer may be: repairs come in several rounds at once.
  static constexpr Duration ahead_max = std::chrono::seconds(1);

  /// Whether `peer` is to be answered now, which is charged to it. If not, `request` waits, in place of what
  /// the peer has asked before.
  [[nodiscard]] bool admit(NodeName peer, const Request& request, std::size_t entries, Instant now) {
    const auto found = turns_.find(peer);
    if (found != turns_.end() && found->second.paid_until > now + ahead_max) {
      found->second.waiting = request;
      return false;
    }
    charge(peer, entries, now);
    return true;
  }

  /// The requests whose turn has come, each charged.
  [[nodiscard]] std::vector<std::pair<NodeName, Request>> take_due(std::size_t entries, Instant now) {
    std::vector<std::pair<NodeName, Request>> due;
    for (auto& [peer, turn] : turns_) {
      if (turn.waiting && turn.paid_until <= now + ahead_max) {
        due.emplace_back(peer, *std::exchange(turn.waiting, std::nullopt));
      }
    }
    for (const auto& [peer, request] : due) charge(peer, entries, now);
    return due;
  }

  [[nodiscard]] std::optional<Instant> next_deadline() const {
    std::optional<Instant> next;
    for (const auto& [peer, turn] : turns_) {
      const Instant at = turn.paid_until - ahead_max;
      if (turn.waiting && (!next || at < *next)) next = at;
    }
    return next;
  }

 private:
  struct Turn {
    Instant paid_until;
    std::optional<Request> waiting;
  };

  void charge(NodeName peer, std::size_t entries, Instant now) {
    std::erase_if(turns_, [&](const auto& entry) {
      return entry.first != peer && !entry.second.waiting && entry.second.paid_until <= now;
    });
    Turn& turn = turns_[peer];
    turn.paid_until =
        std::max(turn.paid_until, now) + answer_cost + entry_cost * static_cast<std::int64_t>(entries);
  }

  std::map<NodeName, Turn> turns_;
};

}  // namespace barrel
