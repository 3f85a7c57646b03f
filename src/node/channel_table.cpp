#include "node/channel_table.hpp"

namespace barrel::node {

ChannelTable::ChannelTable(dist::OutboundLimits limits, Metrics& metrics)
    : limits_(limits), metrics_(metrics), limit_hits_(metrics.counter("node.channels_limit")) {}

ChannelTable::~ChannelTable() {
  for (auto& chunk : chunks_) delete chunk.load(std::memory_order_relaxed);
}

Channel* ChannelTable::find(Atom node) const {
  const Chunk* chunk = chunks_[node.index() / chunk_size].load(std::memory_order_acquire);
  return chunk == nullptr ? nullptr : (*chunk)[node.index() % chunk_size].load(std::memory_order_acquire);
}

Channel* ChannelTable::find_or_make(Atom node) {
  if (Channel* found = find(node)) return found;
  const std::scoped_lock lock(mutex_);
  if (Channel* found = find(node)) return found;
  if (channels_.size() >= channels_max) {
    limit_hits_.add();
    return nullptr;
  }
  auto& slot = chunks_[node.index() / chunk_size];
  Chunk* chunk = slot.load(std::memory_order_relaxed);
  if (chunk == nullptr) {
    chunk = new Chunk{};
    slot.store(chunk, std::memory_order_release);
  }
  Channel* channel =
      channels_.emplace_back(std::make_unique<Channel>(NodeName(node), limits_, metrics_)).get();
  (*chunk)[node.index() % chunk_size].store(channel, std::memory_order_release);
  return channel;
}

std::vector<Channel*> ChannelTable::all() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Channel*> channels;
  channels.reserve(channels_.size());
  for (const auto& channel : channels_) channels.push_back(channel.get());
  return channels;
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
