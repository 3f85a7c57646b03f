#include "dist/outbound.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "barrel/base/assert.hpp"
#include "dist/term_copy.hpp"

namespace barrel::dist {
namespace {

constexpr std::size_t length_bytes = 4;

void write_length(Bytes& frame) {
  const std::size_t length = frame.size() - length_bytes;
  for (std::size_t i = 0; i < length_bytes; ++i) {
    frame[i] = static_cast<std::uint8_t>(length >> (8 * (length_bytes - 1 - i)));
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
      too_deep_(metrics.counter("dist.outbound_too_deep")),
      lost_bytes_(metrics.counter("dist.outbound_lost_bytes")),
      unacknowledged_bytes_(metrics.counter("dist.outbound_unacknowledged_bytes")),
      atoms_taken_(metrics.counter("dist.atom_cache_place_taken")),
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

Outbound::Pushed Outbound::append(Queue& queue, Sender sender, SharedBytes* laid) {
  Bytes& frame = queue.scratch;
  if (frame.size() >= large_bytes || frame.size() - length_bytes > frame_bytes_max_) {
    // The next one may be as large: it finds a buffer that was used already.
    return push_locked(queue, std::exchange(frame, pool_.get(0)), sender, laid);
  }
  write_length(frame);
  const auto from = static_cast<std::uint64_t>(sender);
  if (queue.turns.holds(from)) {
    const std::size_t count = frame.size();
    queue.turns.add_behind(from, SharedBytes(std::exchange(frame, {})));
    return queued(queue, count);
  }
  const BytesView whole = shorten(queue);
  add_open(queue, whole);
  if (laid != nullptr) {
    const std::uint8_t* end = queue.open->storage.get() + queue.open->used;
    *laid = SharedBytes(queue.open, BytesView(end - whole.size(), whole.size()));
  }
  return queued(queue, whole.size());
}

/// The frame in scratch, with references to the cache in place of its atoms when there is one. What is behind
/// a large message of its sender must not come here: it may overtake, or be overtaken by, what fills a place.
BytesView Outbound::shorten(Queue& queue) {
  const BytesView frame = queue.scratch;
  if (!queue.atom_cache || frame.size() > shortened_bytes_max) return frame;
  Bytes& shortened = queue.shortened;
  shortened.assign(length_bytes, 0);
  if (!queue.atom_cache->write(frame.subspan(length_bytes + header_bytes), shortened)) return frame;
  write_length(shortened);
  return shortened;
}

void Outbound::add_open(Queue& queue, BytesView frame) {
  if (queue.open && block_bytes - queue.open->used < frame.size()) {
    slice_open(queue);
    queue.open.reset();
    queue.open_sliced = 0;
  }
  if (!queue.open) queue.open = std::make_shared<Block>();
  std::memcpy(queue.open->storage.get() + queue.open->used, frame.data(), frame.size());
  queue.open->used += frame.size();
  queue.whole_queued += frame.size();
}

void Outbound::add_whole(Queue& queue, SharedBytes frame) {
  slice_open(queue);
  queue.whole_queued += frame.size();
  queue.full.push_back(std::move(frame));
}

Envelope Outbound::envelope_of(Queue& queue) {
  const std::lock_guard guard(queue.lock);
  return queue.envelope;
}

Outbound::Pushed Outbound::push_locked(Queue& queue, Bytes frame, Sender sender, SharedBytes* laid) {
  const auto refuse = [this] {
    refused_large_.add();
    return Pushed{Status::too_large, false};
  };
  if (frame.size() - length_bytes > frame_bytes_max_) return refuse();
  write_length(frame);
  SharedBytes whole = pool_.share(std::move(frame));
  if (laid != nullptr) *laid = whole;
  const auto from = static_cast<std::uint64_t>(sender);
  constexpr std::size_t skipped = length_bytes + header_bytes;
  const bool in_fragments = queue.envelope == Envelope::header && queue.fragments;
  if (in_fragments && whole.size() > skipped + fragment_payload_bytes) {
    const SharedBytes message = whole.slice(skipped, whole.size() - skipped);
    const auto control = leading_term_bytes(message.view());
    if (!control) return refuse();  // nested so deep that no peer would read it
    if (message.size() - *control > fragment_payload_bytes) {
      return queued(queue, queue.turns.add_large(from, message, *control, queue.whole_queued));
    }
  }
  const std::size_t count = whole.size();
  if (queue.turns.holds(from)) queue.turns.add_behind(from, std::move(whole));
  else add_whole(queue, std::move(whole));
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
  std::size_t bytes = 0;
  if (!queue.turns.empty()) {
    std::vector<SharedBytes> taken = take_in_turns(queue, bytes_max, bytes);
    queue.queued_bytes -= bytes;
    return taken;
  }
  std::size_t count = 0;
  while (count < queue.full.size() && bytes < bytes_max) bytes += queue.full[count++].size();
  queue.queued_bytes -= bytes;
  queue.whole_taken += bytes;
  if (count == queue.full.size()) return std::exchange(queue.full, {});
  const auto end = queue.full.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<SharedBytes> taken(std::make_move_iterator(queue.full.begin()), std::make_move_iterator(end));
  queue.full.erase(queue.full.begin(), end);
  return taken;
}

std::vector<SharedBytes> Outbound::take_in_turns(Queue& queue, std::size_t bytes_max, std::size_t& bytes) {
  std::vector<SharedBytes> taken;
  std::size_t count = 0;
  for (std::size_t before = SIZE_MAX; bytes < bytes_max && bytes != before;) {
    before = bytes;
    if (count < queue.full.size()) {
      const std::size_t size = queue.full[count].size();
      taken.push_back(std::move(queue.full[count++]));
      queue.whole_taken += size;
      bytes += size;
    }
    if (queue.turns.start(queue.whole_taken)) bytes += queue.turns.take_turn(taken);
  }
  queue.full.erase(queue.full.begin(), queue.full.begin() + static_cast<std::ptrdiff_t>(count));
  return taken;
}

void Outbound::acknowledged(Lane lane, std::size_t bytes) {
  Queue& queue = queue_of(lane);
  const std::lock_guard guard(queue.lock);
  BARREL_ASSERT(bytes <= queue.pending_bytes - queue.queued_bytes);
  queue.pending_bytes -= bytes;
  queue.acknowledged_bytes += bytes;
  if (queue.pending_bytes > 0) return;
  pool_.trim(idle_pool_bytes_max);
  if (queue.scratch.capacity() > idle_pool_bytes_max) queue.scratch = {};
}

std::uint64_t Outbound::acknowledged_bytes(Lane lane) const {
  return queue_of(lane).acknowledged_bytes;
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
  if (bytes_max >= frame_bytes_max_) return;
  frame_bytes_max_ = bytes_max;
  for (Queue& queue : queues_) {
    const std::lock_guard guard(queue.lock);
    BARREL_ASSERT(queue.envelope == Envelope::pass_through);
    drop_too_large(queue);
  }
}

void Outbound::drop_too_large(Queue& queue) {
  slice_open(queue);
  std::vector<SharedBytes> kept;
  for (const SharedBytes& slice : std::exchange(queue.full, {})) {
    std::size_t from = 0;  // of the frames that stay, up to `at`
    std::size_t at = 0;
    const auto keep = [&] {
      if (at > from) kept.push_back(slice.slice(from, at - from));
    };
    for (ByteReader in(slice.view()); !in.at_end();) {
      const std::size_t length = in.u32();
      in.skip(length);
      const std::size_t count = length_bytes + length;
      if (length > frame_bytes_max_) {
        keep();
        from = at + count;
        refused_large_.add();
        queue.whole_queued -= count;
        queue.queued_bytes -= count;
        queue.pending_bytes -= count;
      }
      at += count;
    }
    keep();
  }
  queue.full = std::move(kept);
}

void Outbound::use(Envelope envelope, bool atom_cache, bool fragments) {
  BARREL_ASSERT(!atom_cache || envelope == Envelope::header);
  for (Queue& queue : queues_) {
    const std::lock_guard guard(queue.lock);
    // One lane only: the other one may overtake it.
    if (atom_cache && &queue == &queue_of(Lane::messages)) {
      queue.atom_cache = std::make_unique<AtomCacheWriter>(atoms_taken_);
    }
    queue.fragments = fragments;
    if (queue.envelope == envelope) continue;
    BARREL_ASSERT(queue.envelope == Envelope::pass_through);  // as it is after restart()
    queue.envelope = envelope;
    convert(queue);
  }
}

void Outbound::convert(Queue& queue) {
  slice_open(queue);
  const std::vector<SharedBytes> waiting = std::exchange(queue.full, {});
  queue.open.reset();
  queue.open_sliced = 0;
  queue.pending_bytes -= std::exchange(queue.queued_bytes, 0);
  queue.whole_queued = queue.whole_taken;  // what waits is counted anew, as it is laid back
  for (const SharedBytes& slice : waiting) {
    for (ByteReader in(slice.view()); !in.at_end();) {
      const std::uint32_t length = in.u32();
      convert(queue, in.take(length));
    }
  }
}

void Outbound::convert(Queue& queue, BytesView frame) {
  const BytesView message = frame.subspan(2);  // behind 112 131
  const auto control = leading_term_bytes(message);
  if (!control) return refused_large_.add();                                          // as in push_locked()
  const BytesView payload = message.subspan(std::min(*control + 1, message.size()));  // behind its 131
  Bytes converted;
  converted.reserve(length_bytes + header_bytes + message.size());
  ByteWriter writer(converted);
  const bool in_fragments = queue.fragments && payload.size() > fragment_payload_bytes;
  if (!in_fragments) {
    writer.u32(static_cast<std::uint32_t>(header_bytes + *control + payload.size()));
    writer.u8(version_byte);
    writer.u8(header_whole);
    writer.u8(0);
  }
  writer.bytes(message.first(*control));
  writer.bytes(payload);
  std::size_t count = converted.size();
  if (in_fragments) {
    // One after the other, as they stand in line: who sent them is not known any more.
    FragmentTurns turns(sequences_);
    count = turns.add_large(0, SharedBytes(std::move(converted)), *control, 0);
    std::vector<SharedBytes> slices;
    while (turns.start(0)) turns.take_turn(slices);
    for (SharedBytes& slice : slices) add_whole(queue, std::move(slice));
  } else if (count < large_bytes) {
    add_open(queue, converted);
  } else {
    add_whole(queue, SharedBytes(std::move(converted)));
  }
  queue.queued_bytes += count;
  queue.pending_bytes += count;
}

bool Outbound::may_be_too_deep(std::size_t frame_bytes) const {
  const std::uint32_t depth_max = depth_max_;
  // Each level takes two bytes at least, so that most messages need not be gone over.
  return depth_max != 0 && frame_bytes > std::size_t{2} * depth_max;
}

bool Outbound::is_too_deep(BytesView frame) {
  const std::uint32_t depth_max = depth_max_;
  if (!may_be_too_deep(frame.size())) return false;
  const BytesView message = frame.subspan(length_bytes + 2);  // behind 112 131
  if (!may_nest_deeper(message, depth_max)) return false;
  const auto control = extent_of(message);
  if (!control || control->bytes >= message.size()) return false;
  const auto payload = extent_of(message.subspan(control->bytes + 1));  // behind its 131
  if (!payload || payload->depth <= depth_max) return false;
  too_deep_.add();
  return true;
}

void Outbound::restart() {
  frame_bytes_max_ = limits_.frame_bytes_max;
  depth_max_ = 0;
  dirty_ = false;  // before the queues are emptied: what is pushed afterwards asks for a wake-up
  for (Queue& queue : queues_) {
    std::vector<SharedBytes> dropped;
    const std::lock_guard guard(queue.lock);
    dropped.swap(queue.full);
    queue.open.reset();
    queue.open_sliced = 0;
    queue.turns.clear();
    queue.atom_cache.reset();
    queue.envelope = Envelope::pass_through;
    queue.whole_queued = 0;
    queue.whole_taken = 0;
    lost_bytes_.add(queue.queued_bytes);
    unacknowledged_bytes_.add(queue.pending_bytes - queue.queued_bytes);
    queue.queued_bytes = 0;
    queue.pending_bytes = 0;
    queue.refused = false;
  }
}

}  // namespace barrel::dist
