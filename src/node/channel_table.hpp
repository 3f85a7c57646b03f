#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "node/channel.hpp"

namespace barrel::node {

/// The channels by node name. find() is two loads, because every remote send begins with it. Channels are
/// never removed: their number is bounded by channels_max. Thread-safe.
class ChannelTable {
 public:
  /// Nodes one node ever exchanges messages with, or tries to. Ten times the 10,000 nodes of the largest
  /// simulated cluster leaves room for names that come and go.
  static constexpr std::size_t channels_max = 100'000;

  ChannelTable(dist::OutboundLimits limits, Metrics& metrics);
  ChannelTable(const ChannelTable&) = delete;
  ChannelTable& operator=(const ChannelTable&) = delete;
  ~ChannelTable();

  /// Null when nothing was ever sent to or heard from that node.
  [[nodiscard]] Channel* find(Atom node) const;
  /// Null only when channels_max is reached (counter node.channels_limit).
  [[nodiscard]] Channel* find_or_make(Atom node);
  /// All channels made so far.
  [[nodiscard]] std::vector<Channel*> all() const;

 private:
  static constexpr std::size_t chunk_size = 1024;
  static constexpr std::size_t chunk_count = Atom::table_max / chunk_size;
  using Chunk = std::array<std::atomic<Channel*>, chunk_size>;

  const dist::OutboundLimits limits_;
  Metrics& metrics_;
  Counter& limit_hits_;
  std::array<std::atomic<Chunk*>, chunk_count> chunks_{};
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Channel>> channels_;
};

/// The channels that have got something to send since they were last drained: any thread adds, the cluster
/// thread takes. A channel is in it at most once.
class DirtyChannels {
 public:
  /// True when it was empty: the cluster thread has to be woken.
  bool add(Channel& channel);
  /// Takes all, in no particular order.
  [[nodiscard]] std::vector<Channel*> take();

 private:
  std::atomic<Channel*> head_{nullptr};
};

}  // namespace barrel::node
