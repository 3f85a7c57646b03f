#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "barrel/base/log.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/process/runtime.hpp"
#include "barrel/term/atom_quota.hpp"
#include "carrier/link.hpp"
#include "dist/control.hpp"
#include "node/over_limit_log.hpp"
#include "node/overlay.hpp"

namespace barrel::node {

/// What one peer may use up here.
struct PeerLimits {
  /// Nesting of what a process of another node sends: what a Term may have, less what is put around it here,
  /// in errors with the call that failed, in replies, and by programs. A guess.
  static constexpr std::uint32_t depth_max = Term::depth_max - 100;
  /// A guess: a quarter of the table, more nodes than any cluster has.
  static constexpr std::uint32_t relayed_atoms_max_default = Atom::table_max / 4;

  EtfLimits etf;
  /// New atoms, in all.
  std::uint32_t atoms_max = AtomQuota::atoms_max_default;
  /// New atoms in what peers tell of others, of all of them together.
  std::uint32_t relayed_atoms_max = relayed_atoms_max_default;
  /// Bytes of messages that no process has received yet, over all its connections, or that a function works
  /// on. Over it the connection is closed.
  std::size_t unread_bytes_max = std::size_t{512} << 20;
};

/// Brings what arrives from other nodes to whom it is for: processes, the overlay, or this node itself.
/// Cluster thread.
class Dispatcher {
 public:
  struct Hooks {
    /// A message to one of the overlay's names.
    std::function<void(NodeName from, Atom to_name, const Term& message)> overlay;
    /// The peer broke the protocol: end this link. Any thread.
    std::function<void(std::uint64_t link_id, NodeName peer, std::string why)> violation;
    /// A process of the peer monitors what cannot be here.
    std::function<void(NodeName peer, const dist::NobodyDown& down)> nobody;
    /// What a process of another node waits for.
    std::function<void(const RemoteSignal& signal)> answer;
  };

  Dispatcher(NodeName self, Runtime& runtime, const PeerLimits& limits, Hooks hooks, Metrics& metrics,
             Log log);

  /// What a peer's new atoms are charged to; one for all its links.
  [[nodiscard]] std::shared_ptr<AtomQuota> quota(NodeName peer);
  /// A link is up: its messages may be dispatched from now on.
  void link_up(const carrier::Link& link);
  void link_down(const carrier::Link& link);
  void dispatch(const carrier::Link& link, dist::Message& message);

  /// Bytes that no process has received yet.
  struct Unread {
    std::size_t bytes = 0;
    /// Of the node of which most waits.
    std::size_t most = 0;
  };
  /// Any thread.
  [[nodiscard]] Unread unread() const;

 private:
  struct Source {
    std::uint64_t link_id = 0;
    NodeName peer;
    /// Whether it may take part in the overlay.
    bool member = false;
    std::shared_ptr<const DecodeContext> context;
    /// What it passes on is others' and is not charged to its own quota.
    std::shared_ptr<AtomQuota> relayed;
    /// Of its connections before, whose messages may still wait.
    std::vector<std::weak_ptr<const DecodeContext>> earlier;
  };

  void on(const Source& source, const dist::Send& control, dist::Payload& payload);
  void on(const Source& source, const dist::SendName& control, dist::Payload& payload);
  void on(const Source& source, const dist::SendAlias& control, dist::Payload& payload);
  void on(const Source& source, const dist::Link& control, dist::Payload& payload);
  void on(const Source& source, const dist::Unlink& control, dist::Payload& payload);
  void on(const Source& source, const dist::UnlinkAck& control, dist::Payload& payload);
  void on(const Source& source, const dist::ExitLinked& control, dist::Payload& payload);
  void on(const Source& source, const dist::Exit& control, dist::Payload& payload);
  void on(const Source& source, const dist::Monitor& control, dist::Payload& payload);
  void on(const Source& source, const dist::MonitorNobody& control, dist::Payload& payload);
  void on(const Source& source, const dist::Demonitor& control, dist::Payload& payload);
  void on(const Source& source, const dist::MonitorDown& control, dist::Payload& payload);
  void on(const Source& source, const dist::GroupLeader& control, dist::Payload& payload);
  void on(const Source& source, const dist::SpawnRequest& control, dist::Payload& payload);
  void on(const Source& source, const dist::SpawnUnread& control, dist::Payload& payload);
  void on(const Source& source, const dist::SpawnReply& control, dist::Payload& payload);
  void on(const Source& source, const dist::Ignored& control, dist::Payload& payload);

  struct Quotas {
    std::shared_ptr<AtomQuota> own;
    std::shared_ptr<AtomQuota> relayed;
  };
  [[nodiscard]] Quotas& quotas(NodeName peer);
  /// A message to a process of the kernel, which must know whom it is from.
  void deliver_to_kernel(const Source& source, Atom name, const dist::Payload& payload);
  /// False after closing the connection: too much of the peer waits to be received.
  [[nodiscard]] bool has_room(const Source& source, const dist::Payload& payload);
  void deliver_to_overlay(const Source& source, Atom name, const dist::Payload& payload);
  /// A signal about processes of this node.
  void deliver(const Source& source, RemoteSignal signal, const dist::Payload& reason);

  /// Of messages for which processes are woken together, at the end of the cluster thread's turn at the
  /// latest. Measured with bench_erlang; few enough for large ones.
  static constexpr int wakeup_messages_max = 16;

  const NodeName self_;
  Runtime& runtime_;
  const PeerLimits limits_;
  Hooks hooks_;
  Counter& received_;
  Counter& malformed_;
  Counter& over_limit_;
  Counter& unread_limit_;
  Counter& atoms_refused_;
  Counter& relayed_refused_;
  Counter& ignored_;
  Counter& outsiders_;
  Counter& to_nobody_;
  Counter& overlay_limit_;
  Counter& spawns_unread_;
  Log log_;
  OverLimitLog over_limit_log_;
  std::map<std::uint64_t, Source> sources_;
  int held_messages_ = 0;
  const std::shared_ptr<AtomBudget> relayed_;
  /// By peer, so that a new connection brings no new quota.
  std::map<NodeName, Quotas> quotas_;
  /// Of contexts_, which the cluster thread alone changes.
  mutable std::mutex contexts_mutex_;
  /// By peer, of all connections from which something still waits.
  std::map<NodeName, std::vector<std::weak_ptr<const DecodeContext>>> contexts_;
};

}  // namespace barrel::node
