#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "barrel/base/time.hpp"
#include "barrel/node/config.hpp"
#include "barrel/term/node_name.hpp"
#include "barrel/term/pid.hpp"
#include "dist/outbound.hpp"

namespace barrel::carrier {
class Link;
}

namespace barrel::node {

/// What this node has for one other node, for as long as this node runs: the messages that wait for it, and
/// the connection that carries them when there is one.
///
/// Any thread uses the outbound queue and the waiters; the rest belongs to the cluster thread.
class Channel {
 public:
  Channel(NodeName peer_name, const dist::OutboundLimits& limits, Metrics& metrics)
      : peer(peer_name), outbound(limits, metrics) {}

  const NodeName peer;
  /// What waits for the present connection, or for the one to come.
  dist::Outbound outbound;

  /// Remembers a process to wake when the queue has drained. Any thread.
  void add_waiter(const Pid& waiter) {
    const std::scoped_lock lock(waiters_mutex_);
    waiters_.push_back(waiter);
  }
  [[nodiscard]] std::vector<Pid> take_waiters() {
    const std::scoped_lock lock(waiters_mutex_);
    return std::exchange(waiters_, {});
  }

  /// A process has sent or got a message over it since this was last cleared.
  std::atomic<bool> used{false};
  /// When the live link came up.
  Instant up_since{};

  /// Whether live_link is set, for other threads.
  std::atomic<bool> connected{false};

  /// How far we are with connecting by ourselves.
  enum class Dial : std::uint8_t {
    none,
    locating,  ///< Discovery or address resolution is under way.
    dialing,   ///< dial_link is on its way up.
    awaiting,  ///< The peer dials us; its connection is due before give_up_at.
  };
  Dial dial = Dial::none;
  carrier::Link* dial_link = nullptr;
  carrier::Link* live_link = nullptr;
  /// Addresses not tried yet in this dial.
  std::vector<NodeAddress> addresses;
  /// Numbers the dials, so that an answer that comes late is told from the present one's.
  std::uint64_t attempt = 0;
  Instant give_up_at{};
  /// How the address that is tried is reached.
  Transport transport = Transport::quic;
  /// Why those tried in this dial have failed, for the log line when all have.
  std::string failures;

  /// Link in the stack of channels with something to send; see DirtyChannels.
  std::atomic<Channel*> next_dirty{nullptr};
  std::atomic<bool> is_dirty{false};

 private:
  std::mutex waiters_mutex_;
  std::vector<Pid> waiters_;
};

}  // namespace barrel::node
