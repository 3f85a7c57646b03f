#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "barrel/base/time.hpp"
#include "barrel/node/config.hpp"
#include "barrel/term/node_name.hpp"
#include "barrel/term/pid.hpp"
#include "base/rate_limit.hpp"
#include "dist/outbound.hpp"
#include "node/stall_watch.hpp"

namespace barrel::carrier {
class Link;
}

namespace barrel::node {

/// What this node has for one other node: the messages that wait for it, and the connection that carries them
/// when there is one. The cluster thread frees it some time after both have gone.
///
/// Any thread uses the outbound queue and the waiters; the rest belongs to the cluster thread.
class Channel {
 public:
  /// A peer cannot fill the disk with log lines. A guess: more says nothing new.
  static constexpr std::uint64_t log_lines_per_second = 5;

  Channel(NodeName peer_name, const dist::OutboundLimits& limits, Metrics& metrics)
      : peer(peer_name), outbound(limits, metrics) {}

  const NodeName peer;
  /// What waits for the present connection, or for the one to come.
  dist::Outbound outbound;

  /// Remembers a process to wake when the queue has drained. Those that have ended since they were added are
  /// forgotten whenever there are twice as many as lived the last time. Any thread.
  template <class IsAlive>
  void add_waiter(const Pid& waiter, const IsAlive& is_alive) {
    const std::scoped_lock lock(waiters_mutex_);
    waiters_.insert(waiter);
    if (waiters_.size() <= waiters_looked_at_) return;
    std::erase_if(waiters_, [&](const Pid& pid) { return !is_alive(pid); });
    waiters_looked_at_ = std::max(2 * waiters_.size(), waiters_unseen_max);
  }
  [[nodiscard]] std::set<Pid> take_waiters() {
    const std::scoped_lock lock(waiters_mutex_);
    return std::exchange(waiters_, {});
  }
  [[nodiscard]] std::size_t waiter_count() const {
    const std::scoped_lock lock(waiters_mutex_);
    return waiters_.size();
  }

  /// Queued and unacknowledged bytes of all lanes.
  [[nodiscard]] std::size_t pending_bytes() const {
    return outbound.pending_bytes(dist::Lane::messages) + outbound.pending_bytes(dist::Lane::overlay);
  }
  /// Nothing is connected or dialed, nothing waits. Cluster thread.
  [[nodiscard]] bool is_idle() const {
    return live_link == nullptr && dial_link == nullptr && dial == Dial::none && pending_bytes() == 0 &&
           !is_dirty.load(std::memory_order_acquire) && waiter_count() == 0;
  }

  /// A process has sent or got a message over it since this was last cleared.
  std::atomic<bool> used{false};
  /// It was is_idle() and not used when the cluster thread last looked.
  bool was_idle = false;
  /// When the live link came up.
  Instant up_since{};
  StallWatch stall;
  /// Of log lines that the peer causes.
  RateLimit log_lines{log_lines_per_second};

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
  /// The number of the present dial, so that an answer that comes late is told from its own. None other of
  /// the dialer has it.
  std::uint64_t attempt = 0;
  Instant give_up_at{};
  /// How the address that is tried is reached.
  Transport transport = Transport::quic;
  /// The address that is tried, for the log.
  std::string trying;
  /// Why those tried in this dial have failed, for the log line when all have.
  std::string failures;

  /// Link in the stack of channels with something to send; see DirtyChannels.
  std::atomic<Channel*> next_dirty{nullptr};
  std::atomic<bool> is_dirty{false};

 private:
  /// So few are not looked through. A guess.
  static constexpr std::size_t waiters_unseen_max = 64;

  mutable std::mutex waiters_mutex_;
  std::set<Pid> waiters_;
  std::size_t waiters_looked_at_ = waiters_unseen_max;
};

}  // namespace barrel::node
