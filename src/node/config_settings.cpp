#include "node/config_settings.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "barrel/base/socket_address.hpp"
#include "membership/hyparview_messages.hpp"
#include "node/config_values.hpp"

namespace barrel::node {

namespace {

// A day: whatever takes longer is a mistake in the unit.
constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
// Views and counts far above what the protocols are made for.
constexpr std::int64_t view_max = 1'000;
constexpr std::int64_t gigabyte = 1LL << 30;

bool is_path(std::string_view text) {
  return !text.empty() && text.size() < 4096 && text.find('\0') == std::string_view::npos;
}
bool is_path_or_empty(std::string_view text) {
  return text.empty() || is_path(text);
}
bool is_cookie(std::string_view text) {
  return !text.empty() && text.size() <= 255 &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}
bool is_ip(std::string_view text) {
  return SocketAddress::from_ip(text, 0).has_value();
}

/// Collects the settings of one group after another.
class Table {
 public:
  void group(std::string name) { group_ = std::move(name); }
  void add(Setting setting) {
    setting.group = group_;
    all_.push_back(std::move(setting));
  }
  template <class Access>
  void number(std::string key, std::int64_t low, std::int64_t high, std::string meaning, std::string origin,
              Access field) {
    add(number_setting({std::move(key), std::move(meaning), std::move(origin)}, low, high, field));
  }
  template <class Access>
  void milliseconds(std::string key, std::string meaning, std::string origin, Access field) {
    number(std::move(key), 1, day_ms, std::move(meaning), std::move(origin), field);
  }
  template <class Access>
  void text(std::string key, std::string allowed, bool (*rule)(std::string_view), std::string meaning,
            std::string origin, Access field) {
    add(text_setting({std::move(key), std::move(meaning), std::move(origin)}, std::move(allowed), rule,
                     field));
  }
  template <class Access>
  void flag(std::string key, std::string meaning, std::string origin, Access field) {
    add(choice_setting(About{std::move(key), std::move(meaning), std::move(origin)},
                       std::vector<std::pair<std::string, bool>>{{"true", true}, {"false", false}}, field));
  }
  [[nodiscard]] std::vector<Setting> take() { return std::move(all_); }

 private:
  std::string group_;
  std::vector<Setting> all_;
};

void add_node(Table& table) {
  table.group("Node");
  table.add(name_setting());
  Setting cookie = text_setting(
      About{"dist_cookie", "Shared secret of the distribution handshake, equal on all nodes.", "original"},
      "1 to 255 printable ASCII characters without spaces", is_cookie,
      [](auto& c) -> auto& { return c.cookie; });
  cookie.secret = true;
  table.add(std::move(cookie));
  table.text("data_dir", "a path", is_path,
             "Holds keys, certificate and discovery files unless they are set apart.", "original",
             [](auto& c) -> auto& { return c.data_dir; });
}

void add_listen(Table& table) {
  table.group("Listening");
  table.text("listen_address", "an IP address", is_ip,
             "What the UDP socket is bound to; :: is for IPv6 and IPv4.", "original, fixed there",
             [](auto& c) -> auto& { return c.listen.address; });
  table.number("listen_port", 0, 65'535, "UDP port; 0: the system chooses, and others find us by discovery.",
               "original", [](auto& c) -> auto& { return c.listen.port; });
  table.text("quic_cert_dir", "a path; empty: quic in data_dir", is_path_or_empty,
             "Directory of the TLS certificate and its key, another than auth_key_dir.", "original",
             [](auto& c) -> auto& { return c.listen.certificate_dir; });
}

void add_tcp(Table& table) {
  table.group("Erlang nodes over TCP");
  table.flag("tcp_enabled", "Whether plain Erlang nodes are connected by TCP, with the cookie as only proof.",
             "Barrel", [](auto& c) -> auto& { return c.tcp.enabled; });
  table.text("tcp_listen_address", "an IP address", is_ip, "What the TCP socket is bound to.", "Erlang's",
             [](auto& c) -> auto& { return c.tcp.address; });
  table.number("tcp_listen_port", 0, 65'535, "TCP port; 0: the system chooses, and others find us by EPMD.",
               "Erlang's", [](auto& c) -> auto& { return c.tcp.port; });
  table.flag("epmd_register", "Whether EPMD is told our name and port, again whenever it restarts.",
             "Erlang's", [](auto& c) -> auto& { return c.tcp.epmd_register; });
  table.number("epmd_port", 0, 65'535, "Port of EPMD, here and elsewhere; 0: ERL_EPMD_PORT, or 4369.",
               "Erlang's", [](auto& c) -> auto& { return c.tcp.epmd_port; });
  table.add(tcp_nodes_setting());
  table.flag("tcp_tls", "TLS on these connections, as Erlang's -proto_dist inet_tls.", "Barrel",
             [](auto& c) -> auto& { return c.tcp.tls; });
  table.text("tcp_tls_certificate", "a path; needed for tcp_tls", is_path_or_empty,
             "PEM of our certificate, with its chain.", "Barrel",
             [](auto& c) -> auto& { return c.tcp.tls_certificate; });
  table.text("tcp_tls_key", "a path; needed for tcp_tls", is_path_or_empty, "PEM of the certificate's key.",
             "Barrel", [](auto& c) -> auto& { return c.tcp.tls_key; });
  table.text("tcp_tls_authorities", "a path; needed for tcp_tls_verify", is_path_or_empty,
             "PEM of the authorities that peers' certificates must come from.", "Barrel",
             [](auto& c) -> auto& { return c.tcp.tls_authorities; });
  table.flag("tcp_tls_verify", "Whether peers must have such a certificate.", "Barrel",
             [](auto& c) -> auto& { return c.tcp.tls_verify; });
  table.number("net_ticktime_ms", 1'000, day_ms,
               "Silence after which such a connection is given up; equal on all nodes.",
               "Erlang's net_ticktime", [](auto& c) -> auto& { return c.tcp.ticktime; });
}

void add_auth(Table& table) {
  table.group("Authentication");
  table.add(auth_enabled_setting());
  table.add(
      choice_setting(About{"auth_trust_mode",
                           "What to do with the key of an unknown node: pin it, or refuse it.", "original"},
                     std::vector<std::pair<std::string, TrustMode>>{{"tofu", TrustMode::tofu},
                                                                    {"strict", TrustMode::strict}},
                     [](auto& c) -> auto& { return c.auth.trust_mode; }));
  table.text("auth_key_dir", "a path; empty: keys in data_dir", is_path_or_empty,
             "Directory of our key pair and of the pinned keys.", "original",
             [](auto& c) -> auto& { return c.auth.key_dir; });
  table.milliseconds("auth_handshake_timeout", "For the whole authentication of a connection.", "original",
                     [](auto& c) -> auto& { return c.auth.handshake_timeout; });
  table.milliseconds("auth_timestamp_window", "For a peer to sign; its clock may be off by twice that.",
                     "original", [](auto& c) -> auto& { return c.auth.timestamp_window; });
  table.add(cookie_only_nodes_setting());
}

void add_discovery(Table& table) {
  table.group("Discovery");
  table.add(backends_setting());
  table.text("discovery_dir", "a path; empty: discovery in data_dir", is_path_or_empty,
             "Directory of the endpoint files, shared by the nodes of a host.", "original",
             [](auto& c) -> auto& { return c.discovery.directory; });
  table.add(static_nodes_setting());
}

void add_membership(Table& table) {
  table.group("Membership");
  table.add(contact_nodes_setting());
  table.milliseconds("contact_retry_ms", "Between two attempts to reach a contact node.", "original",
                     [](auto& c) -> auto& { return c.membership.contact_retry; });
  table.number("active_size", 1, view_max, "Nodes we keep a connection to for gossip.", "original",
               [](auto& c) -> auto& { return c.membership.active_size; });
  table.number("passive_size", 0, view_max, "Nodes we remember as replacements.", "original, HyParView paper",
               [](auto& c) -> auto& { return c.membership.passive_size; });
  table.number("arwl", 0, hyparview::ttl_max, "Hops of a forwarded join.", "original, HyParView paper",
               [](auto& c) -> auto& { return c.membership.arwl; });
  table.number("prwl", 0, hyparview::ttl_max,
               "Hops left at which a forwarded join enters the passive view; at most arwl.",
               "original, HyParView paper", [](auto& c) -> auto& { return c.membership.prwl; });
  table.number("shuffle_length", 1, 256, "Nodes in a shuffle.", "original, HyParView paper",
               [](auto& c) -> auto& { return c.membership.shuffle_length; });
  table.milliseconds("shuffle_period", "Between two shuffles.", "original",
                     [](auto& c) -> auto& { return c.membership.shuffle_period; });
  table.number("max_fail_count", 1, view_max, "Failed dials after which a passive node is forgotten.",
               "original", [](auto& c) -> auto& { return c.membership.max_fail_count; });
  table.milliseconds("base_backoff_ms", "First pause after a failed dial, doubled by each further one.",
                     "original", [](auto& c) -> auto& { return c.membership.base_backoff; });
  table.milliseconds("pending_timeout_ms", "After which an unanswered join or neighbor request is given up.",
                     "original", [](auto& c) -> auto& { return c.membership.pending_timeout; });
}

void add_failure(Table& table) {
  table.group("Failure detection");
  table.milliseconds("ping_after_ms", "Silence of a node after which it is sent a PING.", "Barrel",
                     [](auto& c) -> auto& { return c.failure.ping_after; });
  table.milliseconds("suspect_after_ms",
                     "Silence after which other nodes are asked; more than ping_after_ms.", "Barrel",
                     [](auto& c) -> auto& { return c.failure.suspect_after; });
  table.milliseconds("down_after_ms",
                     "Silence after which links and monitors fire; more than suspect_after_ms.", "Barrel",
                     [](auto& c) -> auto& { return c.failure.down_after; });
}

void add_channel(Table& table) {
  table.group("Connections");
  table.milliseconds("dial_timeout_ms", "From the first message to a node until it is connected or given up.",
                     "Erlang's net_setuptime", [](auto& c) -> auto& { return c.channel.dial_timeout; });
  table.number("channel_bytes_max", 65'536, 64 * gigabyte,
               "Bytes waiting for one node before its senders are parked.", "Barrel",
               [](auto& c) -> auto& { return c.channel.bytes_max; });
  table.number("frame_bytes_max", 65'536, 4 * gigabyte - 1, "Longest message accepted from a peer, in bytes.",
               "Barrel", [](auto& c) -> auto& { return c.channel.frame_bytes_max; });
  table.number(
      "unfinished_bytes_max", 0, 64 * gigabyte,
      "Bytes of an Erlang node's large messages under way at once, before its connection is closed; 0: "
      "four times frame_bytes_max. At least 16 MiB, and one message.",
      "Barrel", [](auto& c) -> auto& { return c.channel.unfinished_bytes_max; });
  table.number("atoms_per_peer_max", 0, 1'048'576, "New atoms that one peer may make us intern.", "Barrel",
               [](auto& c) -> auto& { return c.channel.atoms_per_peer_max; });
  table.number("unread_bytes_max", 65'536, 64 * gigabyte,
               "Bytes of a peer's messages waiting to be received before its connection is closed.", "Barrel",
               [](auto& c) -> auto& { return c.channel.unread_bytes_max; });
  table.milliseconds("dist_gc_sweep_period_ms", "How often idle connections are looked for.", "original",
                     [](auto& c) -> auto& { return c.channel.gc_sweep_period; });
  table.milliseconds("dist_gc_min_age_ms", "Youngest idle connection that is closed then.", "original",
                     [](auto& c) -> auto& { return c.channel.gc_min_age; });
}

void add_rest(Table& table) {
  table.group("Processes");
  table.number("schedulers", 0, 1'024, "Threads that run processes; 0: one per core.", "Erlang's +S",
               [](auto& c) -> auto& { return c.processes.schedulers; });
  table.number("mailbox_messages_max", 1, RuntimeConfig::mailbox_messages_limit,
               "Messages a mailbox may hold before its process is ended.", "Barrel",
               [](auto& c) -> auto& { return c.processes.mailbox_messages_max; });
  table.milliseconds("shutdown_timeout_ms",
                     "For processes and their blocking jobs to end at shutdown before they are abandoned.",
                     "Erlang's supervisor", [](auto& c) -> auto& { return c.processes.shutdown_timeout; });
  table.group("Functions");
  table.add(functions_allowed_nodes_setting());
  table.add(
      choice_setting(About{"expose_api",
                           "Whether the original's functions that read (barrel_p2p:lookup/1 and others), and "
                           "its relay of calls to services, can be called by other nodes.",
                           "original: they can"},
                     std::vector<std::pair<std::string, bool>>{{"true", true}, {"false", false}},
                     [](auto& c) -> auto& { return c.functions.expose_api; }));
  table.group("Services");
  table.milliseconds("clock_ahead_max_ms", "How far ahead of our clock a replicated entry may be.", "Barrel",
                     [](auto& c) -> auto& { return c.services.clock_ahead_max; });
  table.number(
      "registry_bytes_per_node_max", 65'536, 64 * gigabyte,
      "Bytes of the names and metadata of one other node; names beyond are not taken over. All nodes "
      "together may have five times as many.",
      "Barrel", [](auto& c) -> auto& { return c.services.registry_bytes_per_node_max; });
  table.group("Logging");
  table.add(choice_setting(About{"log_level", "Least level written.", "Barrel"},
                           std::vector<std::pair<std::string, LogLevel>>{{"debug", LogLevel::debug},
                                                                         {"info", LogLevel::info},
                                                                         {"warning", LogLevel::warning},
                                                                         {"error", LogLevel::error},
                                                                         {"off", LogLevel::off}},
                           [](auto& c) -> auto& { return c.log.level; }));
  table.text("log_file", "a path; empty: standard error", is_path_or_empty, "Appended to.", "Barrel",
             [](auto& c) -> auto& { return c.log.file; });
}

std::vector<Setting> make_settings() {
  Table table;
  add_node(table);
  add_listen(table);
  add_tcp(table);
  add_auth(table);
  add_discovery(table);
  add_membership(table);
  add_failure(table);
  add_channel(table);
  add_rest(table);
  return table.take();
}

constexpr std::pair<std::string_view, std::string_view> keys_without_meaning[] = {
    {"address", "peers are dialed at the address that discovery gives"},
    {"passive_max_age_ms", "a passive node is forgotten after max_fail_count failed dials, not for its age"},
    {"passive_cleanup_period", "see passive_max_age_ms"},
    {"churn_window_ms", "shuffles adapt to churn by themselves"},
    {"router_max_in_flight", "256 look-ups of other nodes run at once, always"},
    {"proxy_cast_max_in_flight", "proxies are not part of this version"},
    {"route_cache_sweep_period_ms", "what a look-up by way of the neighbours finds is not kept"},
    {"ring_size", "shards are not part of this version"},
    {"member_heartbeat_ms", "shards are not part of this version"},
    {"member_ttl_ms", "shards are not part of this version"},
    {"member_skew_ms", "shards are not part of this version"},
    {"reminder_scan_ms", "reminders are not part of this version"},
    {"reminder_tombstone_ttl_ms", "reminders are not part of this version"},
    {"reminder_data_dir", "reminders are not part of this version"},
    {"replicated_maps", "maps are not part of this version"},
    {"barrel_p2p_map_scan_ms", "maps are not part of this version"},
    {"barrel_p2p_map_tombstone_ttl_ms", "maps are not part of this version"},
    {"barrel_p2p_map_data_dir", "maps are not part of this version"},
    {"replica_anti_entropy_ms", "reminders and maps are not part of this version"},
};

/// Levenshtein's: the fewest single-character changes from one to the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j + 1] + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::span<const Setting> settings() {
  static const std::vector<Setting> all = make_settings();
  return all;
}

const Setting* find_setting(std::string_view key) {
  const auto found = std::ranges::find(settings(), key, &Setting::key);
  return found == settings().end() ? nullptr : &*found;
}

std::span<const std::pair<std::string_view, std::string_view>> unsupported_keys() {
  return keys_without_meaning;
}

std::string_view unsupported_key(std::string_view key) {
  for (const auto& [name, reason] : keys_without_meaning) {
    if (name == key) return reason;
  }
  return {};
}

std::string_view nearest_key(std::string_view key, std::size_t errors_max) {
  // Bounds the work for absurd keys.
  if (key.size() > 64) return {};
  std::size_t best = errors_max + 1;
  std::string_view nearest;
  for (const Setting& setting : settings()) {
    const std::size_t far = distance(key, setting.key);
    if (far >= best) continue;
    best = far;
    nearest = setting.key;
  }
  return nearest;
}

std::string_view nearest_key(std::string_view key) {
  return nearest_key(key, std::max<std::size_t>(2, key.size() / 3));
}

}  // namespace barrel::node
