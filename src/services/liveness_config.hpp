#pragma once

#include <cstddef>
#include <cstdint>

#include "barrel/base/time.hpp"

namespace barrel {

/// Times and bounds of the node liveness core; all ours. A link reports a silent peer as suspect after 3 s
/// and as lost after 5 s (the carrier's setting); what comes on top of these here must stay below 1 s.
struct LivenessConfig {
  /// After a lost link: how long a redial or a witness may take to save the node before it is told dead.
  Duration probe_wait = std::chrono::milliseconds(500);
  /// After telling a suspicion: how long others have to say that they still reach the node.
  Duration witness_wait = std::chrono::milliseconds(300);
  /// A witness answers after a random delay up to this, so that one answers and not all.
  Duration witness_delay_max = std::chrono::milliseconds(100);
  /// How long a witness's word holds; then the node is probed again. Less than the time from suspicion to
  /// loss, so that the word of one that had merely not noticed yet does not delay a death.
  Duration witness_holds = std::chrono::milliseconds(1500);
  /// A suspicion told by another observer counts as confirmation this long.
  Duration confirmation_holds = std::chrono::seconds(10);
  /// How long others have to object when a mere probe failed, which is never urgent.
  Duration objection_wait = std::chrono::seconds(2);
  /// Between probes of one random known node without a link, so that a node that died together with all its
  /// peers is noticed.
  Duration probe_period = std::chrono::seconds(30);
  /// After an end of a node about this many probes are made in the whole cluster, as the dead may have been
  /// the only observers of others that died with them. Guess: all pairs of eight nodes.
  std::uint64_t sweep_probes = 64;
  /// They are spread over this time.
  Duration sweep_delay_max = std::chrono::milliseconds(500);
  /// The node with the smallest name of those that have shown themselves gossips a beat; who misses it knows
  /// that the overlay has fallen apart, and joins through it. After a change among the nodes it beats every
  /// beat_min, then doubling up to beat_max.
  Duration beat_min = std::chrono::seconds(1);
  Duration beat_max = std::chrono::seconds(5);
  /// Between dials to one random dead node, so that a healed partition is noticed; and how long it is tried.
  Duration revive_period = std::chrono::seconds(10);
  Duration revive_for = std::chrono::hours(24);
  /// Between refutations of this node's end, or of that of one node that it speaks for, so that who repeats a
  /// lie is not answered by gossip each time. Guess: honest observers agree within this time.
  Duration refute_period = std::chrono::seconds(1);
  /// How long a node with a link to an Erlang node waits before it speaks against the news of a greater life
  /// of that: longer than a link to the former life of one that was restarted seems to work. Each time twice
  /// as long, up to give_way_max, so that two with links to two lives do not gossip for ever. Guesses.
  Duration give_way_min = std::chrono::seconds(10);
  Duration give_way_max = std::chrono::minutes(10);
  /// How far in the future an incarnation may be.
  Duration clock_skew_max = std::chrono::minutes(5);
  /// Most nodes known. Of those that were never met the ones go first of whom the peer has told that told of
  /// most; of the dead the longest dead.
  std::size_t nodes_max = 10'000;
  /// Most entries in one message of claims.
  std::size_t claims_max = 1'000;
};

}  // namespace barrel
