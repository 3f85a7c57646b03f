#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <variant>

#include "barrel/base/bytes.hpp"
#include "barrel/process/address.hpp"
#include "barrel/term/etf.hpp"
#include "barrel/term/pid.hpp"
#include "barrel/term/result.hpp"
#include "barrel/term/term.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// Whom a message on another node is for: a process, a registered name, or an alias.
using RemoteTarget = std::variant<Pid, NodeLocalName, Ref>;

[[nodiscard]] inline NodeName node_of(const RemoteTarget& target) {
  if (const auto* pid = std::get_if<Pid>(&target)) return pid->node();
  if (const auto* name = std::get_if<NodeLocalName>(&target)) return name->node;
  return std::get<Ref>(target).node();
}

/// A message that can write itself as ETF. Only valid during the call it is handed to.
class EncodablePayload {
 public:
  virtual ~EncodablePayload() = default;
  /// Appends the external form without the leading 131.
  virtual void encode(ByteWriter& out) const = 0;
};

/// Whether a full channel refuses a message.
enum class SendMode : std::uint8_t {
  park,    ///< Takes the message in any case; busy tells the sender to wait before its next one.
  refuse,  ///< Refuses the message when the channel is over its budget.
  answer,  ///< As park, but only to a node that is connected, as those are who ask: nobody is dialed for it.
};

/// What became of a message.
enum class SendOutcome : std::uint8_t {
  sent,         ///< Taken.
  sent_busy,    ///< Taken, and the channel is over its budget: the sender is parked at its next suspension
                ///< point.
  busy,         ///< Not taken (SendMode::refuse only).
  unreachable,  ///< Not taken: the node cannot be reached, or the bound on waiting messages is hit.
  too_large,    ///< Not taken: longer than that node accepts (frame_bytes_max).
};

/// What a process of one node asks another node to start.
struct RemoteSpawn {
  /// Whom it prints to.
  Pid leader{};
  /// {Module, Function, Arity}
  Term function;
  /// A list of link, monitor and others of spawn_opt/4.
  Term options;
  Term arguments;
};

/// A signal between processes of different nodes; one control message of the distribution protocol.
struct RemoteSignal {
  enum class Op : std::uint8_t {
    link,        ///< LINK: from, to.
    unlink,      ///< UNLINK_ID: from, to, id.
    unlink_ack,  ///< UNLINK_ID_ACK: from (who acknowledges), to, id.
    exit,        ///< EXIT or PAYLOAD_EXIT, a broken link: from, to, reason.
    exit2,       ///< EXIT2 or PAYLOAD_EXIT2, erlang:exit/2: from, to, reason.
    monitor,     ///< MONITOR_P: from, to or name, ref.
    demonitor,   ///< DEMONITOR_P: from, to or name, ref.
    down,  ///< MONITOR_P_EXIT or PAYLOAD_MONITOR_P_EXIT: from or name (what was monitored), to, ref, reason.
    group_leader,   ///< GROUP_LEADER: from (the new leader, of any node), to.
    spawn_request,  ///< SPAWN_REQUEST: from, ref, spawn. Never delivered: see Runtime::deliver_spawn.
    spawn_reply,    ///< SPAWN_REPLY: from (of the answering node), to, ref, id (spawn_linked,
                    ///< spawn_monitored), reason (the new pid, or an atom that says why not).
  };
  static constexpr std::uint64_t spawn_linked = 1;
  static constexpr std::uint64_t spawn_monitored = 2;

  Op op = Op::link;
  Pid from{};
  Pid to{};
  /// When set, stands for `to` (monitor, demonitor) or for `from` (down): a monitor by registered name is
  /// answered with the name, never with a pid.
  std::optional<Atom> name;
  /// The node of the receiver.
  NodeName to_node;
  /// Belongs to the monitoring side and travels back unchanged.
  Ref ref{};
  std::uint64_t id = 0;
  Term reason;
  std::shared_ptr<const RemoteSpawn> spawn;
};

/// The way to other nodes. The node implements it, Runtime calls it on any thread (scheduler, plain); nothing
/// in it may block or call back into the process that sends. Messages and signals of one ordered pair
/// (sender, receiver) must arrive in the order of the calls.
///
/// A signal or message for a node that is not connected makes the router dial. When a connection is lost, or
/// a dial fails for good, the router calls Runtime::node_down after the last call for that connection, which
/// ends every link, monitor and call towards the node; so it answers no signal, but a spawn_request too long.
class RemoteRouter {
 public:
  virtual ~RemoteRouter() = default;

  /// `payload` is encoded before this returns, on the calling thread. `from` is the sending process, or a pid
  /// of this node with id 0 when a plain thread sends.
  virtual SendOutcome send(const Pid& from, const RemoteTarget& to, const EncodablePayload& payload,
                           SendMode mode) = 0;
  virtual void signal(const RemoteSignal& signal) = 0;
  /// Calls Runtime::drained(waiter, node) once, soon when the channel to `node` is within its budget, or
  /// gone.
  virtual void when_drained(NodeName node, const Pid& waiter) = 0;
  /// Somebody watches `node` (Self::monitor_node): dial it when it is not connected. Answers with
  /// Runtime::node_up or Runtime::node_down only if it was not connected; true when it is.
  virtual bool watch_node(NodeName node) = 0;
};

/// How bytes from one connection are decoded, on a receiver's thread. Shared by the connection's messages.
struct DecodeContext {
  EtfLimits limits;
  /// Called at most once per bad payload, on a scheduler thread. Errc::malformed: the connection it came from
  /// is to be closed. Errc::limit_exceeded: only this message is lost.
  std::function<void(const Error& why)> on_malformed;
  /// Of the messages that nobody has received yet, as they count for limits. Kept by the messages.
  mutable std::atomic<std::size_t> unread_bytes{0};
};

}  // namespace barrel
#pragma GCC visibility pop
