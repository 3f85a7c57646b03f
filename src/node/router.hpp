#pragma once

#include <functional>
#include <optional>

#include "barrel/base/metrics.hpp"
#include "barrel/process/remote_router.hpp"
#include "dist/control.hpp"
#include "node/channel_table.hpp"

namespace barrel::node {

/// Puts what processes send to other nodes into the channels' queues, encoded on the sender's thread, and
/// tells the cluster thread which channels have become dirty. Thread-safe.
class Router final : public RemoteRouter {
 public:
  /// What the cluster thread has to do for a sender; each is called on any thread and must not block.
  struct Hooks {
    /// Something was added to an empty set of dirty channels.
    std::function<void()> wake;
    /// Dial `node` unless it is connected, and tell the runtime how that ended.
    std::function<void(NodeName node)> watch;
    /// A signal found no room in the channel to `node`: without it the connection cannot go on.
    std::function<void(NodeName node)> overrun;
    /// Call Runtime::drained(waiter, node): the channel has room.
    std::function<void(NodeName node, const Pid& waiter)> drained;
    /// Whether a process that waits for room still lives.
    std::function<bool(const Pid& waiter)> is_alive;
    /// A message to `node`, which is a Barrel node and drops it, nests too deep.
    std::function<void(NodeName node)> too_deep;
    /// Something for `node` is longer than it accepts, and was not sent as it is.
    std::function<void(NodeName node)> too_large;
    /// The answer of the other node to a request of ours, which it has not got.
    std::function<void(const RemoteSignal& answer)> answer;
  };

  Router(ChannelTable& channels, DirtyChannels& dirty, Hooks hooks, Metrics& metrics);

  SendOutcome send(const Pid& from, const RemoteTarget& to, const EncodablePayload& payload,
                   SendMode mode) override;
  void signal(const RemoteSignal& signal) override;
  void when_drained(NodeName node, const Pid& waiter) override;
  bool watch_node(NodeName node) override;

  /// A message of this node itself to another one.
  void send_term(const RemoteTarget& to, const Term& message, dist::Lane lane, const Pid& from);
  /// Tells a process of `node` that what it monitors is not there.
  void refuse_monitor(NodeName node, const dist::NobodyDown& down);
  /// Whether more waits for that node than signals may add to.
  [[nodiscard]] static bool is_overrun(const Channel& channel);

 private:
  /// Queues what must not be lost: answers, exits, DOWNs. A peer that causes them and does not read them
  /// loses its connection instead of our memory.
  template <class Control>
  std::optional<dist::Outbound::Status> push_signal(NodeName node, const Control& control, const Term* reason,
                                                    const Pid& from);
  template <class Encode>
  std::optional<dist::Outbound::Status> push(NodeName node, dist::Lane lane, const Encode& encode, bool force,
                                             const Pid& from);

  [[nodiscard]] bool is_connected(NodeName node) const;

  ChannelTable& channels_;
  DirtyChannels& dirty_;
  Hooks hooks_;
  Counter& messages_sent_;
  Counter& messages_dropped_;
  Counter& answers_unasked_;
  Counter& overruns_;
};

}  // namespace barrel::node
