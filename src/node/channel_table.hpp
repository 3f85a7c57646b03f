#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "node/channel.hpp"

namespace barrel::node {

/// A channel in use by a thread that is not the cluster's: it is not freed before this ends.
class ChannelUse {
 public:
  ChannelUse() = default;
  ChannelUse(ChannelUse&& other) noexcept
      : users_(std::exchange(other.users_, nullptr)), channel_(std::exchange(other.channel_, nullptr)) {}
  ChannelUse& operator=(ChannelUse&&) = delete;
  ~ChannelUse() {
    if (users_ != nullptr) users_->fetch_sub(1, std::memory_order_release);
  }

  [[nodiscard]] explicit operator bool() const noexcept { return channel_ != nullptr; }
  [[nodiscard]] Channel& operator*() const noexcept { return *channel_; }
  [[nodiscard]] Channel* operator->() const noexcept { return channel_; }

 private:
  friend class ChannelTable;
  explicit ChannelUse(std::atomic<std::uint32_t>& users) noexcept : users_(&users) {
    // In one order with what free_if() does: either it sees this, or we see that the channel has gone.
    users.fetch_add(1, std::memory_order_seq_cst);
  }

  std::atomic<std::uint32_t>* users_ = nullptr;
  Channel* channel_ = nullptr;
};

/// The channels by node name. Every remote send begins with use(), which takes no lock. A channel stays until
/// free_if() takes it; their number is bounded by channels_max.
class ChannelTable {
 public:
  /// Nodes one node exchanges messages with, or tries to, at a time. Ten times the 10,000 nodes of the
  /// largest simulated cluster leaves room for names that come and go.
  static constexpr std::size_t channels_max = 100'000;

  ChannelTable(dist::OutboundLimits limits, Metrics& metrics);
  ChannelTable(const ChannelTable&) = delete;
  ChannelTable& operator=(const ChannelTable&) = delete;
  ~ChannelTable();

  // -- any thread

  /// Empty when there is no channel for that node: nothing was sent to it or heard from it lately.
  [[nodiscard]] ChannelUse use(Atom node) const;
  /// Empty only when channels_max is reached (counter node.channels_limit).
  [[nodiscard]] ChannelUse use_or_make(Atom node);
  struct Totals {
    std::size_t channels = 0;
    /// Of all lanes, what peers have not acknowledged included.
    std::size_t pending_bytes = 0;
    /// Processes that wait until they may send more.
    std::size_t parked = 0;
  };
  [[nodiscard]] Totals totals() const;

  // -- the cluster thread, which alone frees channels

  /// As use() and use_or_make(); null instead of empty.
  [[nodiscard]] Channel* find(Atom node) const;
  [[nodiscard]] Channel* find_or_make(Atom node);
  [[nodiscard]] std::vector<Channel*> all() const;
  /// Frees the channels of which `is_unneeded(channel)` is true, unless some thread may be using one at this
  /// moment. It is asked twice of each that it is true of: the second time nobody can reach the channel.
  template <class Predicate>
  void free_if(const Predicate& is_unneeded) {
    const std::scoped_lock lock(mutex_);
    const auto unneeded = std::ranges::partition(
        channels_, [&](const std::unique_ptr<Channel>& channel) { return !is_unneeded(*channel); });
    if (unneeded.empty()) return;
    for (const auto& channel : unneeded) place_of(*channel).store(nullptr, std::memory_order_seq_cst);
    const bool are_free = all_have_let_go();
    const auto freed = std::ranges::partition(unneeded, [&](const std::unique_ptr<Channel>& channel) {
      if (are_free && is_unneeded(*channel)) return false;
      place_of(*channel).store(channel.get(), std::memory_order_release);
      return true;
    });
    freed_.add(freed.size());
    channels_.erase(freed.begin(), freed.end());
  }

 private:
  /// Of one name, for ever: names are atoms, whose number is bounded.
  using Place = std::atomic<Channel*>;
  static constexpr std::size_t chunk_size = 1024;
  static constexpr std::size_t chunk_count = Atom::table_max / chunk_size;
  using Chunk = std::array<Place, chunk_size>;
  /// Counts the threads that use a channel; several of them, so that threads seldom share one.
  struct alignas(64) Users {
    std::atomic<std::uint32_t> count{0};
  };
  /// More than the scheduler threads of most machines.
  static constexpr std::size_t users_size = 32;

  [[nodiscard]] Place* find_place(Atom node) const;
  [[nodiscard]] Place& make_place(Atom node);
  [[nodiscard]] Place& place_of(const Channel& channel) const { return *find_place(channel.peer.atom()); }
  /// The count of the calling thread.
  [[nodiscard]] std::atomic<std::uint32_t>& users_of_thread() const;
  /// Whether each of the threads has been seen without a channel since this was called.
  [[nodiscard]] bool all_have_let_go() const;

  const dist::OutboundLimits limits_;
  Metrics& metrics_;
  Counter& limit_hits_;
  Counter& freed_;
  std::array<std::atomic<Chunk*>, chunk_count> chunks_{};
  mutable std::array<Users, users_size> users_{};
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
