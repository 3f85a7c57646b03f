#include "sim/nodes/counters.hpp"

#include <algorithm>
#include <array>

namespace barrel::sim {

namespace {

constexpr std::array<std::string_view, 95> silent = {
    "auth.pending_limit",
    "barrel_p2p.router.request_dropped",
    "dist.early_data_limit",
    "dist.features_left_out",
    "dist.foreign_sender_dropped",
    "dist.fragments_over_limit",
    "dist.frame_too_large",
    "dist.message_malformed",
    "dist.message_over_limit_dropped",
    "dist.one_way_bytes_dropped",
    "dist.outbound_too_deep",
    "dist.outbound_too_large",
    "dist.plain_left_out",
    "dist.unfinished_over_limit",
    "dist.user_stream_refused",
    "gossip.ids_full",
    "gossip.malformed",
    "gossip.messages_full",
    "gossip.missing_full",
    "gossip.payloads_over_limit",
    "gossip.spoofed",
    "liveness.claims_limit",
    "liveness.from_future",
    "liveness.malformed",
    "liveness.nodes_full",
    "liveness.spoofed",
    "membership.joins_refused",
    "membership.malformed",
    "membership.shuffle_peers_limit",
    "membership.shuffles_unanswered_limit",
    "membership.spoofed",
    "membership.walks_shortened",
    "node.answers_to_others",
    "node.atoms_refused",
    "node.channels_limit",
    "node.io_texts_too_long",
    "node.kernel_messages_ignored",
    "node.kernel_starts_failed",
    "node.links_given_up",
    "node.links_stalled",
    "node.overlay_messages_of_outsiders",
    "node.payloads_malformed",
    "node.payloads_over_limit",
    "node.remote_log_events_dropped",
    "node.signals_ignored",
    "node.signals_overrun",
    "node.spawn_requests_over_limit",
    "node.unread_bytes_limit",
    "otp.group_members_refused",
    "otp.group_requests_refused",
    "otp.group_scopes_refused",
    "otp.restarts_too_many",
    "otp.unknown_messages",
    "overlay.atoms_refused",
    "overlay.ignored",
    "overlay.lookups_of_one_asker_full",
    "overlay.lookups_too_long",
    "overlay.malformed_routes",
    "overlay.messages_over_limit",
    "process.blocking_jobs_refused",
    "process.early_exits_refused",
    "process.forged_signals",
    "process.functions_refused",
    "process.functions_undefined",
    "process.kernel_messages_over_limit",
    "process.late_replies",
    "process.long_steps",
    "process.mailbox_overflows",
    "process.malformed_messages",
    "process.messages_failed",
    "process.messages_unreachable",
    "process.processes_refused",
    "process.relations_refused",
    "process.remote_spawns_refused",
    "quic.accepts_failed",
    "quic.alpn_refused",
    "quic.closing_limit",
    "quic.connections_limit",
    "quic.half_open_dropped",
    "quic.received_streams_limit",
    "quic.retries_sent",
    "quic.send_buffer_limit",
    "quic.tokens_refused",
    "quic.versions_refused",
    "registry.bytes_full",
    "registry.displaced",
    "registry.foreign",
    "registry.from_future",
    "registry.ghosts_removed",
    "registry.keys_full",
    "registry.malformed",
    "registry.registrations_refused",
    "registry.spoofed",
    "registry.tombstones_full",
    "registry.writers_full",
};

/// Processes of the workload are parked before anything of theirs is dropped, and the ledger would miss it;
/// what a node says for itself is dropped where its lane is full, and gossip mends that.
constexpr std::string_view dropped = "node.messages_dropped";

/// Counters with a reason at the end, and the reasons that a bad network gives: time that ran out, a side
/// that went away, two dials that crossed.
struct Family {
  std::string_view prefix;
  std::array<std::string_view, 8> harmless;
};
constexpr std::array families = {
    Family{"auth.failed.", {"timeout", "closed", "response_late"}},
    Family{"dist.handshake_failed.", {"refused", "refused_by_us", "abandoned"}},
    Family{"dist.down.",
           {"auth_failed", "closed_by_peer", "closed_by_us", "handshake_failed", "refused", "silent",
            "timeout", "unreachable"}},
};

bool is_alarming(std::string_view name, bool small_budgets) {
  if (name == dropped) return !small_budgets;
  for (const Family& family : families) {
    if (!name.starts_with(family.prefix)) continue;
    return std::ranges::find(family.harmless, name.substr(family.prefix.size())) == family.harmless.end();
  }
  return std::ranges::binary_search(silent, name);
}

}  // namespace

static_assert(std::ranges::is_sorted(silent));

std::span<const std::string_view> silent_counters() {
  return silent;
}

std::vector<std::string> alarms(const std::map<std::string, std::uint64_t>& metrics, bool small_budgets) {
  std::vector<std::string> found;
  for (const auto& [name, value] : metrics) {
    if (value > 0 && is_alarming(name, small_budgets)) found.push_back(name + " is " + std::to_string(value));
  }
  return found;
}

}  // namespace barrel::sim
