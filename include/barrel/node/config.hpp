#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "barrel/auth/keys.hpp"
#include "barrel/base/log.hpp"
#include "barrel/process/runtime.hpp"
#include "barrel/term/node_name.hpp"
#include "barrel/term/result.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// By what a node is reached at an address.
enum class Transport : std::uint8_t {
  quic,
  tcp,
  epmd,  ///< TCP, at the port that the EPMD at this address tells.
};

/// Where a node that listens is found.
struct NodeAddress {
  /// An IPv4 address or a host name.
  std::string host;
  std::uint16_t port = 0;
  Transport transport = Transport::quic;
  friend bool operator==(const NodeAddress&, const NodeAddress&) = default;
};

/// The ways to find a node's address, tried in the configured order.
enum class DiscoveryBackend : std::uint8_t {
  static_nodes,  ///< "static": the table `static_nodes` of the configuration.
  file,          ///< "file": `<node>.endpoint` in the discovery directory.
  epmd,  ///< "epmd": by TCP, asking the EPMD on the host of the node name; skipped unless tcp.enabled.
  dns,   ///< "dns": the host part of the node name, at our own listen port.
};

/// Everything that can be set about a node: plain values, nested by layer, checked as a whole by validate()
/// and never changed once a node runs with them. A field's comment says what it does; the comment's last word
/// is the key under which files, environment and command line set it, and where the default is from:
/// "original" is barrel_p2p 0.1. docs/configuration.md has all keys as one table.
struct NodeConfig {
  using Milliseconds = std::chrono::milliseconds;

  /// This node, `name@host`; the host part must be how others reach it. Has to be set. `name`
  NodeName name;
  /// Shared secret of the cluster's distribution handshake; must be equal on all nodes. `dist_cookie`,
  /// original.
  std::string cookie = "barrel_p2p";
  /// What is below it by default: keys, certificate and discovery files. Relative to the working directory,
  /// as all paths. `data_dir`, original.
  std::filesystem::path data_dir = "data";

  struct Listen {
    /// Address the UDP socket is bound to. `listen_address`, original (it is fixed there).
    std::string address = "0.0.0.0";
    /// UDP port; 0 lets the system choose, then others need discovery to find us. `listen_port`, original.
    std::uint16_t port = 0;
    /// Directory of the TLS certificate node.crt and its node.key, another one than auth.key_dir; empty:
    /// `<data_dir>/quic`. `quic_cert_dir`, original.
    std::filesystem::path certificate_dir;
    friend bool operator==(const Listen&, const Listen&) = default;
  };
  Listen listen;

  /// Connections to plain Erlang nodes, which speak neither QUIC nor our authentication: the cookie is all
  /// that keeps strangers out, and without TLS everything can be read and changed on the way.
  struct Tcp {
    /// Whether there are any. `tcp_enabled`
    bool enabled = false;
    /// Address that is listened at. `tcp_listen_address`, Erlang's.
    std::string address = "0.0.0.0";
    /// TCP port; 0 lets the system choose, then others need EPMD to find us. `tcp_listen_port`, Erlang's.
    std::uint16_t port = 0;
    /// Whether our name and port are registered with the EPMD of this host. `epmd_register`, Erlang's.
    bool epmd_register = true;
    /// Port of EPMD, here and on other hosts; 0: ERL_EPMD_PORT of the environment, or 4369. `epmd_port`,
    /// Erlang's.
    std::uint16_t epmd_port = 0;
    /// Fixed addresses by node, for the static backend. `tcp_nodes`
    std::map<std::string, NodeAddress, std::less<>> nodes;
    /// TLS on all of them, as Erlang's `-proto_dist inet_tls`. `tcp_tls`
    bool tls = false;
    /// PEM of our certificate, with its chain. `tcp_tls_certificate`
    std::filesystem::path tls_certificate;
    /// PEM of its key. `tcp_tls_key`
    std::filesystem::path tls_key;
    /// PEM of the authorities that peers' certificates must come from. `tcp_tls_authorities`
    std::filesystem::path tls_authorities;
    /// Whether peers, dialing or dialed, must have such a certificate. `tcp_tls_verify`
    bool tls_verify = true;
    /// Silence after which such a connection is given up; must be equal on all nodes. `net_ticktime_ms`,
    /// Erlang's net_ticktime.
    Milliseconds ticktime{60'000};
    friend bool operator==(const Tcp&, const Tcp&) = default;
  };
  Tcp tcp;

  struct Auth {
    /// What to do with the key of an unknown node. `auth_trust_mode`, original.
    TrustMode trust_mode = TrustMode::tofu;
    /// Directory of our Ed25519 pair and of `trusted/`; empty: `<data_dir>/keys`. `auth_key_dir`, original.
    std::filesystem::path key_dir;
    /// Time for the whole authentication of a connection. `auth_handshake_timeout`, original.
    Milliseconds handshake_timeout{10'000};
    /// Most time for a peer to sign; its clock may be off by twice that. `auth_timestamp_window`, original.
    Milliseconds timestamp_window{30'000};
    friend bool operator==(const Auth&, const Auth&) = default;
  };
  Auth auth;

  struct Discovery {
    /// In this order; the first that knows a node wins. epmd and dns only guess by the host name: what they
    /// say is tried one after the other. `discovery_backends`, original plus epmd.
    std::vector<DiscoveryBackend> backends{DiscoveryBackend::static_nodes, DiscoveryBackend::file,
                                           DiscoveryBackend::epmd, DiscoveryBackend::dns};
    /// Directory of the endpoint files, shared by the nodes of a host; empty: `<data_dir>/discovery`.
    /// `discovery_dir`, original.
    std::filesystem::path directory;
    /// Fixed addresses by node. `static_nodes`, original (`{quic, [{dist, [{nodes, ...}]}]}` there).
    std::map<std::string, NodeAddress, std::less<>> static_nodes;
    friend bool operator==(const Discovery&, const Discovery&) = default;
  };
  Discovery discovery;

  /// HyParView and what keeps it connected (DI-FCUL TR 07-13, section 5.1 unless said otherwise).
  struct Membership {
    /// Nodes to join through at start; tried again until one answers. `contact_nodes`, original.
    std::vector<NodeName> contact_nodes;
    /// Pause between two attempts to reach a contact node. `contact_retry_ms`, original.
    Milliseconds contact_retry{5'000};
    /// Nodes we keep a connection to for gossip; with 2, more than a dozen nodes do not stay one overlay.
    /// `active_size`, original (log10(10,000) + 1 in the paper).
    std::uint32_t active_size = 5;
    /// Nodes we remember as replacements. `passive_size`, original and paper.
    std::uint32_t passive_size = 30;
    /// Hops of a forwarded join. `arwl`, original and paper.
    std::uint32_t arwl = 6;
    /// Hops left at which a forwarded join enters the passive view. `prwl`, original and paper.
    std::uint32_t prwl = 3;
    /// Nodes in a shuffle. `shuffle_length`, original and paper (1 + ka + kp = 1 + 3 + 4).
    std::uint32_t shuffle_length = 8;
    /// Time between two shuffles. `shuffle_period`, original.
    Milliseconds shuffle_period{10'000};
    /// Failed dials after which a passive node is forgotten. `max_fail_count`, original.
    std::uint32_t max_fail_count = 5;
    /// First pause after a failed dial, doubled by each further one. `base_backoff_ms`, original.
    Milliseconds base_backoff{1'000};
    /// After which an unanswered join or neighbor request is given up. `pending_timeout_ms`, original.
    Milliseconds pending_timeout{30'000};
    friend bool operator==(const Membership&, const Membership&) = default;
  };
  Membership membership;

  /// When a silent node counts as dead. Any packet of it counts as life.
  struct Failure {
    /// Silence after which we send a PING. `ping_after_ms`, guess: four of them fit before down_after.
    Milliseconds ping_after{1'000};
    /// Silence after which others are asked. `suspect_after_ms`, guess: two lost PINGs and a round trip.
    Milliseconds suspect_after{3'000};
    /// Silence after which the connection is given up: links and monitors fire. `down_after_ms`, guess: one
    /// second less than the 6 s in which a serf cluster notices a crash.
    Milliseconds down_after{5'000};
    friend bool operator==(const Failure&, const Failure&) = default;
  };
  Failure failure;

  /// Connections to other nodes.
  struct Channel {
    /// From the first message to an unconnected node until it is connected or given up. `dial_timeout_ms`,
    /// Erlang's net_setuptime.
    Milliseconds dial_timeout{7'000};
    /// Bytes that may wait to be sent to one node, also while it is dialed, before its senders are parked.
    /// `channel_bytes_max`, guess: twice the 4 MiB window of a stream. (Erlang's busy limit is 1 MiB.)
    std::size_t bytes_max = std::size_t{8} << 20;
    /// Longest message accepted from a peer. `frame_bytes_max`, guess: 64 MiB and room for the words around
    /// them.
    std::size_t frame_bytes_max = std::size_t{65} << 20;
    /// Most bytes of a peer's messages in fragments that have begun and not ended, as those that many
    /// processes of an Erlang node send at once; over it its connection is closed. No less than 16 MiB or one
    /// message. `unfinished_bytes_max`, guess: 0, which is four times frame_bytes_max.
    std::size_t unfinished_bytes_max = 0;
    /// Most new atoms one peer may make us intern. `atoms_per_peer_max`, guess: a tenth of the table is
    /// shared by ten ill-behaved peers.
    std::uint32_t atoms_per_peer_max = 10'000;
    /// Most bytes of one peer's messages that wait in mailboxes here, or that functions work on which it has
    /// called; over it its connection is closed.
    /// `unread_bytes_max`, guess: what is waiting on the sending side at most.
    std::size_t unread_bytes_max = std::size_t{512} << 20;
    /// How often idle connections that gossip does not need are looked for. `dist_gc_sweep_period_ms`,
    /// original.
    Milliseconds gc_sweep_period{60'000};
    /// Youngest idle connection that is closed then. `dist_gc_min_age_ms`, original.
    Milliseconds gc_min_age{300'000};
    friend bool operator==(const Channel&, const Channel&) = default;
  };
  Channel channel;

  struct Processes {
    /// Threads that run processes; 0: one per core. `schedulers`, Erlang's.
    std::uint32_t schedulers = 0;
    /// Messages a mailbox may hold before its process is ended. `mailbox_messages_max`, guess: above every
    /// burst that is still drained within a second.
    std::uint32_t mailbox_messages_max = RuntimeConfig::mailbox_messages_limit;
    /// Time for processes to stop at shutdown, before they are abandoned. `shutdown_timeout_ms`, Erlang's
    /// supervisor default for a worker.
    Milliseconds shutdown_timeout{5'000};
    friend bool operator==(const Processes&, const Processes&) = default;
  };
  Processes processes;

  /// What other nodes may call here by rpc, erpc and spawn (docs/erlang.md).
  struct FunctionAccess {
    /// Nodes that may call: names, or patterns with `*` as in `*@10.0.0.1`; empty: every node of the cluster.
    /// For others no function exists. `functions_allowed_nodes`
    std::vector<std::string> allowed_nodes;
    /// Whether the functions that read of the original's module `barrel_p2p`, its relay, and a few of
    /// `erlang` can be called. `expose_api`, original: all of them can.
    bool expose_api = true;
    friend bool operator==(const FunctionAccess&, const FunctionAccess&) = default;
  };
  FunctionAccess functions;

  struct Services {
    /// How far ahead of our clock a replicated entry may be; later ones are dropped. `clock_ahead_max_ms`,
    /// guess: far above what NTP leaves.
    Milliseconds clock_ahead_max{300'000};
    /// Most bytes of the names of one other node, with their metadata; names beyond are not taken over.
    /// `registry_bytes_per_node_max`, guess: 200 bytes for each of the 200,000 names that a node may have.
    std::size_t registry_bytes_per_node_max = std::size_t{40} << 20;
    friend bool operator==(const Services&, const Services&) = default;
  };
  Services services;

  struct Logging {
    /// Least level written. `log_level`
    LogLevel level = LogLevel::info;
    /// Appended to; empty: standard error. `log_file`
    std::filesystem::path file;
    friend bool operator==(const Logging&, const Logging&) = default;
  };
  Logging log;

  /// listen.certificate_dir, or its place below data_dir.
  [[nodiscard]] std::filesystem::path certificate_dir() const;
  /// auth.key_dir, or its place below data_dir.
  [[nodiscard]] std::filesystem::path key_dir() const;
  /// discovery.directory, or its place below data_dir.
  [[nodiscard]] std::filesystem::path discovery_dir() const;

  friend bool operator==(const NodeConfig&, const NodeConfig&) = default;
};

/// Checks every field and how they fit together. Errc::invalid_argument with all problems as a text of one
/// line each: key, value, what is allowed.
[[nodiscard]] Result<> validate(const NodeConfig& config);

/// Where settings are read from; a later one in this list gives way to an earlier one.
struct ConfigSources {
  /// `--key value` or `--key=value` (or `--key-with-dashes`), without the program's name; also `--config
  /// FILE`. Lists are separated by commas.
  std::vector<std::string> arguments;
  /// BARREL_<KEY> and BARREL_CONFIG by name; other variables may be among them.
  std::map<std::string, std::string, std::less<>> environment;
  /// A TOML file that must exist; `--config` and BARREL_CONFIG take precedence over it.
  std::optional<std::filesystem::path> file;
};

/// This process's environment, for ConfigSources.
[[nodiscard]] std::map<std::string, std::string, std::less<>> process_environment();

/// Command line over environment over TOML file over `defaults`, checked as a whole: unknown keys are errors
/// too, with the nearest known one as a hint. Errc::invalid_argument with all problems as text, one line
/// each; Errc::io when the file cannot be read.
[[nodiscard]] Result<NodeConfig> load_config(const ConfigSources& sources, const NodeConfig& defaults = {});

/// For programs whose command line is Barrel's alone. `--help` prints the flags and ends in Errc::exited.
[[nodiscard]] Result<NodeConfig> load_config(int argc, const char* const* argv,
                                             const NodeConfig& defaults = {});

}  // namespace barrel
#pragma GCC visibility pop
