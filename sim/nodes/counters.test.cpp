#include "sim/nodes/counters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace barrel::sim {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Limits and drops that an honest cluster on a bad network may hit: docs/simulation.md says why.
const std::set<std::string_view> excused = {
    "dist.outbound_busy",           "dist.outbound_lost_bytes", "dist.outbound_unacknowledged_bytes",
    "dist.transport_full",          "gossip.announcers_full",   "gossip.given_up",
    "gossip.grafts_unanswered",     "liveness.answers_put_off", "liveness.observers_full",
    "liveness.refutations_put_off", "membership.passive_full",  "membership.unasked_replies",
    "node.refusals_not_logged",     "overlay.sends_unlinked",   "overlay.unlinked",
    "process.messages_to_nobody",   "process.signals_ignored",  "quic.datagrams_dropped",
    "quic.not_accepting",           "quic.stateless_limited",   "registry.answers_put_off",
};

/// What tells neither of a limit nor of a drop.
const std::set<std::string_view> ordinary = {
    "barrel_p2p.dist.auth.attempts{role,outcome}",
    "barrel_p2p.dist.migrate{outcome=ok}",
    "barrel_p2p.dist_gc.reap",
    "barrel_p2p.hyparview.joined",
    "barrel_p2p.hyparview.left",
    "barrel_p2p.hyparview.peer_down{reason=dropped}",
    "barrel_p2p.hyparview.peer_down{reason=graceful}",
    "barrel_p2p.hyparview.peer_down{reason=nodedown}",
    "barrel_p2p.hyparview.peer_up",
    "barrel_p2p.hyparview.pending_timeout",
    "barrel_p2p.hyparview.shuffle",
    "barrel_p2p.plumtree.gossip.received",
    "barrel_p2p.plumtree.gossip.sent",
    "barrel_p2p.plumtree.graft.sent",
    "barrel_p2p.plumtree.ihave.sent",
    "barrel_p2p.plumtree.prune.sent",
    "dist.accepted",
    "dist.atom_cache_place_taken",
    "dist.dials",
    "dist.fragmented_messages_received",
    "dist.incoming.<verdict>",
    "dist.suspected",
    "dist.ticks",
    "dist.up",
    "gossip.delivered",
    "gossip.duplicates",
    "liveness.contradicted",
    "liveness.cut_off",
    "liveness.deaths_told",
    "liveness.refutations",
    "liveness.suspicions",
    "membership.candidates_given_up",
    "membership.contact_retries",
    "membership.corrected",
    "membership.evicted",
    "membership.joins_received",
    "membership.refills",
    "membership.refusals_received",
    "membership.refusals_sent",
    "node.addresses_tried",
    "node.channels_freed",
    "node.crossing_dials",
    "node.dials",
    "node.dials_failed",
    "node.messages_received",
    "node.messages_sent",
    "otp.restarts",
    "process.dear_offers",
    "process.ended_abnormally",
    "process.remote_spawns",
    "quic.bytes_received",
    "quic.bytes_sent",
    "quic.connections_accepted",
    "quic.connections_closed",
    "quic.connections_dialled",
    "quic.datagrams_received",
    "quic.handshake_timeouts",
    "quic.packets_sent",
    "quic.stateless_resets_sent",
    "quic.trains_sent",
    "registry.reasserted",
    "registry.reassertions_put_off",
    "registry.syncs",
    "registry.whereis_retries",
};

/// Layers that simulated machines do without.
constexpr std::array<std::string_view, 3> not_simulated = {"log.", "loop.", "tcp."};

std::string read(const std::string& document) {
  std::ifstream file(BARREL_SOURCE_DIR "/docs/" + document);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The names of all counters in docs/metrics.md.
std::set<std::string> documented() {
  std::set<std::string> names;
  std::istringstream lines(read("metrics.md"));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t end = line.find("` | counter |");
    if (line.starts_with("| `") && end != std::string::npos) names.insert(line.substr(3, end - 3));
  }
  return names;
}

TEST(Counters, ALimitThatWasHitIsAnAlarm) {
  EXPECT_THAT(alarms({{"registry.bytes_full", 2}, {"process.forged_signals", 1}}, false),
              ElementsAre("process.forged_signals is 1", "registry.bytes_full is 2"));
}

TEST(Counters, WhatABadNetworkCausesIsNone) {
  EXPECT_THAT(
      alarms({{"registry.bytes_full", 0}, {"auth.failed.timeout", 3}, {"dist.down.silent", 2}}, false),
      IsEmpty());
}

TEST(Counters, AReasonThatNoNetworkCausesIsAnAlarm) {
  EXPECT_THAT(alarms({{"auth.failed.key_mismatch", 1}, {"dist.down.protocol_error", 1}}, false),
              ElementsAre("auth.failed.key_mismatch is 1", "dist.down.protocol_error is 1"));
}

TEST(Counters, DroppedMessagesAreAnAlarmUnlessBudgetsAreSmall) {
  EXPECT_THAT(alarms({{"node.messages_dropped", 1}}, false), ElementsAre("node.messages_dropped is 1"));
  EXPECT_THAT(alarms({{"node.messages_dropped", 1}}, true), IsEmpty());
}

TEST(Counters, AllAreCountersOfANode) {
  // Most appear in a node's metrics only when they count: a name that is none would go unnoticed.
  const auto names = documented();
  for (const std::string_view name : silent_counters()) EXPECT_THAT(names, Contains(name));
  for (const std::string_view name : excused) EXPECT_THAT(names, Contains(name));
  for (const std::string_view name : ordinary) EXPECT_THAT(names, Contains(name));
}

TEST(Counters, EachIsAnAlarmOrExcusedOrTellsOfNoLimit) {
  const auto names = documented();
  ASSERT_GT(names.size(), 200U);
  for (const std::string& name : names) {
    const bool simulated =
        std::ranges::none_of(not_simulated, [&](std::string_view layer) { return name.starts_with(layer); });
    const int classes = (alarms({{name, 1}}, false).empty() ? 0 : 1) + (excused.contains(name) ? 1 : 0) +
                        (ordinary.contains(name) ? 1 : 0) + (simulated ? 0 : 1);
    EXPECT_EQ(classes, 1) << name << ": a new counter goes into silent (counters.cpp), excused or ordinary";
  }
}

TEST(Counters, TheDocumentSaysWhyLimitsAreExcused) {
  const std::string text = read("simulation.md");
  for (const std::string_view name : excused) EXPECT_THAT(text, HasSubstr("`" + std::string(name) + "`"));
  for (const std::string_view layer : not_simulated)
    EXPECT_THAT(text, HasSubstr("`" + std::string(layer.substr(0, layer.size() - 1)) + "`"));
}

}  // namespace
}  // namespace barrel::sim
