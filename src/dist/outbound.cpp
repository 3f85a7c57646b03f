#include "dist/outbound.hpp"

#include <cstring>
#include <utility>

#include "barrel/base/assert.hpp"

namespace barrel::dist {
namespace {

constexpr std::size_t header_bytes = 4;

void write_length(Bytes& frame) {
  const std::size_t length = frame.size() - header_bytes;
  for (std::size_t i = 0; i < header_bytes; ++i) {
    frame[i] = static_cast<std::uint8_t>(length >> (8 * (header_bytes - 1 - i)));
  }
}

}  // namespace

/// Where small frames are laid one behind the other. Bytes that a slice covers never move and never change.
struct Outbound::Block {
  std::unique_ptr<std::uint8_t[]> storage = std::make_unique_for_overwrite<std::uint8_t[]>(block_bytes);
  std::size_t used = 0;
};

Outbound::Outbound(OutboundLimits limits, Metrics& metrics)
    : limits_(limits),
      refused_busy_(metrics.counter("dist.outbound_busy")),
      refused_large_(metrics.counter("dist.outbound_too_large")),
      frame_bytes_max_(limits.frame_bytes_max) {}

Outbound::~Outbound() = default;

Outbound::Status Outbound::admit(Queue& queue, bool force) {
  if (force || queue.pending_bytes < limits_.budget_bytes_max) return Status::queued;
  // Say so first and look again: either this thread sees the lane drain, or who drains it sees the refusal.
  queue.refused = true;
  if (queue.pending_bytes < limits_.budget_bytes_max) return Status::queued;
  refused_busy_.add();
  return Status::busy;
}

Outbound::Pushed Outbound::append(Queue& queue) {
  Bytes& frame = queue.scratch;
  if (frame.size() >= large_bytes || frame.size() - header_bytes > frame_bytes_max_) {
    return push_locked(queue, std::exchange(frame, {}));
  }
  write_length(frame);
  if (queue.open && block_bytes - queue.open->used < frame.size()) {
    slice_open(queue);
    queue.open.reset();
    queue.open_sliced = 0;
  }
  if (!queue.open) queue.open = std::make_shared<Block>();
  std::memcpy(queue.open->storage.get() + queue.open->used, frame.data(), frame.size());
  queue.open->used += frame.size();
  return queued(queue, frame.size());
}

Outbound::Pushed Outbound::push_large(Queue& queue, Bytes frame) {
  const std::lock_guard guard(queue.lock);
  return push_locked(queue, std::move(frame));
}

Outbound::Pushed Outbound::push_locked(Queue& queue, Bytes frame) {
  if (frame.size() - header_bytes > frame_bytes_max_) {
    refused_large_.add();
    return {Status::too_large, false};
  }
  write_length(frame);
  slice_open(queue);
  const std::size_t count = frame.size();
  queue.full.emplace_back(std::move(frame));
  return queued(queue, count);
}

Outbound::Pushed Outbound::queued(Queue& queue, std::size_t count) {
  queue.queued_bytes += count;
  queue.pending_bytes += count;
  return {Status::queued, !dirty_.exchange(true)};
}

void Outbound::slice_open(Queue& queue) {
  if (!queue.open || queue.open->used == queue.open_sliced) return;
  const std::size_t count = queue.open->used - queue.open_sliced;
  queue.full.emplace_back(queue.open, BytesView(queue.open->storage.get() + queue.open_sliced, count));
  queue.open_sliced = queue.open->used;
}

std::vector<SharedBytes> Outbound::take(Lane lane, std::size_t bytes_max) {
  // Before looking, so that what is pushed from now on asks for another look.
  dirty_ = false;
  Queue& queue = queue_of(lane);
  const std::lock_guard guard(queue.lock);
  slice_open(queue);
  std::size_t count = 0;
  std::size_t bytes = 0;
  while (count < queue.full.size() && bytes < bytes_max) bytes += queue.full[count++].size();
  queue.queued_bytes -= bytes;
  if (count == queue.full.size()) return std::exchange(queue.full, {});
  const auto end = queue.full.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<SharedBytes> taken(std::make_move_iterator(queue.full.begin()), std::make_move_iterator(end));
  queue.full.erase(queue.full.begin(), end);
  return taken;
}

void Outbound::acknowledged(Lane lane, std::size_t bytes) {
  Queue& queue = queue_of(lane);
  const std::lock_guard guard(queue.lock);
  BARREL_ASSERT(bytes <= queue.pending_bytes - queue.queued_bytes);
  queue.pending_bytes -= bytes;
}

bool Outbound::poll_drained(Lane lane) {
  Queue& queue = queue_of(lane);
  if (!queue.refused || queue.pending_bytes > limits_.drained_bytes_max) return false;
  return queue.refused.exchange(false);
}

bool Outbound::busy(Lane lane) const {
  return queue_of(lane).pending_bytes >= limits_.budget_bytes_max;
}

bool Outbound::wait_if_busy(Lane lane) {
  if (!busy(lane)) return false;
  queue_of(lane).refused = true;
  return busy(lane);  // as in admit(): say so first and look again
}

std::size_t Outbound::pending_bytes(Lane lane) const {
  return queue_of(lane).pending_bytes;
}

std::size_t Outbound::queued_bytes(Lane lane) const {
  const Queue& queue = queue_of(lane);
  const std::lock_guard guard(queue.lock);
  return queue.queued_bytes;
}

void Outbound::lower_frame_limit(std::size_t bytes_max) {
  std::size_t current = frame_bytes_max_;
  while (bytes_max < current && !frame_bytes_max_.compare_exchange_weak(current, bytes_max)) {}
}

void Outbound::restart() {
  frame_bytes_max_ = limits_.frame_bytes_max;
  dirty_ = false;  // before the queues are emptied: what is pushed afterwards asks for a wake-up
  for (Queue& queue : queues_) {
    std::vector<SharedBytes> dropped;
    const std::lock_guard guard(queue.lock);
    dropped.swap(queue.full);
    queue.open.reset();
    queue.open_sliced = 0;
    queue.queued_bytes = 0;
    queue.pending_bytes = 0;
    queue.refused = false;
  }
}

}  // namespace barrel::dist
