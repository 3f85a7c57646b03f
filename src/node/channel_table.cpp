#include "node/channel_table.hpp"

namespace barrel::node {

ChannelTable::ChannelTable(dist::OutboundLimits limits, Metrics& metrics)
    : limits_(limits),
      metrics_(metrics),
      limit_hits_(metrics.counter("node.channels_limit")),
      freed_(metrics.counter("node.channels_freed")) {}

ChannelTable::~ChannelTable() {
  for (auto& chunk : chunks_) delete chunk.load(std::memory_order_relaxed);
}

ChannelTable::Place* ChannelTable::find_place(Atom node) const {
  Chunk* chunk = chunks_[node.index() / chunk_size].load(std::memory_order_acquire);
  return chunk == nullptr ? nullptr : &(*chunk)[node.index() % chunk_size];
}

ChannelTable::Place& ChannelTable::make_place(Atom node) {
  if (Place* found = find_place(node)) return *found;
  const std::scoped_lock lock(mutex_);
  if (Place* found = find_place(node)) return *found;
  chunks_[node.index() / chunk_size].store(new Chunk{}, std::memory_order_release);
  return *find_place(node);
}

std::atomic<std::uint32_t>& ChannelTable::users_of_thread() const {
  static std::atomic<std::size_t> threads{0};
  thread_local const std::size_t number = threads.fetch_add(1, std::memory_order_relaxed);
  return users_[number % users_size].count;
}

bool ChannelTable::all_have_let_go() const {
  // A use is short; who is found in the midst of one has let go of it a moment later, unless its thread does
  // not run.
  constexpr int looks_max = 1'000;
  return std::ranges::all_of(users_, [](const Users& users) {
    for (int look = 0; look < looks_max; ++look) {
      if (users.count.load(std::memory_order_seq_cst) == 0) return true;
    }
    return false;
  });
}

ChannelUse ChannelTable::use(Atom node) const {
  const Place* place = find_place(node);
  if (place == nullptr) return {};
  ChannelUse use(users_of_thread());
  use.channel_ = place->load(std::memory_order_seq_cst);
  return use;
}

ChannelUse ChannelTable::use_or_make(Atom node) {
  ChannelUse use(users_of_thread());
  use.channel_ = find_or_make(node);
  return use;
}

Channel* ChannelTable::find(Atom node) const {
  const Place* place = find_place(node);
  return place == nullptr ? nullptr : place->load(std::memory_order_seq_cst);
}

Channel* ChannelTable::find_or_make(Atom node) {
  if (Channel* found = find(node)) return found;
  Place& place = make_place(node);
  const std::scoped_lock lock(mutex_);
  if (Channel* found = place.load(std::memory_order_relaxed)) return found;
  if (channels_.size() >= channels_max) {
    limit_hits_.add();
    return nullptr;
  }
  Channel* channel =
      channels_.emplace_back(std::make_unique<Channel>(NodeName(node), limits_, metrics_)).get();
  place.store(channel, std::memory_order_release);
  return channel;
}

std::vector<Channel*> ChannelTable::all() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Channel*> channels;
  channels.reserve(channels_.size());
  for (const auto& channel : channels_) channels.push_back(channel.get());
  return channels;
}

ChannelTable::Totals ChannelTable::totals() const {
  const std::scoped_lock lock(mutex_);
  Totals totals{.channels = channels_.size()};
  for (const auto& channel : channels_) {
    totals.pending_bytes += channel->pending_bytes();
    totals.parked += channel->waiter_count();
  }
  return totals;
}

bool DirtyChannels::add(Channel& channel) {
  if (channel.is_dirty.exchange(true, std::memory_order_acq_rel)) return false;
  Channel* head = head_.load(std::memory_order_relaxed);
  do {
    channel.next_dirty.store(head, std::memory_order_relaxed);
  } while (
      !head_.compare_exchange_weak(head, &channel, std::memory_order_release, std::memory_order_relaxed));
  return head == nullptr;
}

std::vector<Channel*> DirtyChannels::take() {
  std::vector<Channel*> taken;
  Channel* channel = head_.exchange(nullptr, std::memory_order_acquire);
  while (channel != nullptr) {
    Channel* next = channel->next_dirty.load(std::memory_order_relaxed);
    // From here on the channel may be added again: what is in its queue by now is drained below us.
    channel->is_dirty.store(false, std::memory_order_release);
    taken.push_back(channel);
    channel = next;
  }
  return taken;
}

}  // namespace barrel::node
