#include "dist/outbound.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "barrel/base/assert.hpp"
#include "dist/term_copy.hpp"

namespace barrel::dist {
namespace {

constexpr std::size_t length_bytes = 4;

/// Of a frame that `bytes` begin, which are more when parts of it lie elsewhere.
void write_length(Bytes& bytes, std::size_t frame_bytes) {
  const std::size_t length = frame_bytes - length_bytes;
  for (std::size_t i = 0; i < length_bytes; ++i) {
    bytes[i] = static_cast<std::uint8_t>(length >> (8 * (length_bytes - 1 - i)));
  }
}

Bytes& thread_buffer() {
  thread_local Bytes buffer;
  return buffer;
}

}  // namespace

// Taken, not referred to: what encodes may be a user's code that sends.
Outbound::Frame::Frame() : bytes(std::exchange(thread_buffer(), {})) {}

Outbound::Frame::~Frame() {
  if (bytes.capacity() <= encoding_bytes_max) thread_buffer() = std::move(bytes);
}

ByteWriter Outbound::Frame::begin(bool in_parts) {
  bytes.assign(length_bytes, 0);
  parts = {};
  return {bytes, in_parts ? &parts : nullptr};
}

void Outbound::Frame::join() {
  Bytes joined;
  joined.reserve(size());
  ByteWriter writer(joined);
  std::size_t from = 0;
  for (const SharedParts::Part& part : parts.parts()) {
    writer.bytes(BytesView(bytes).subspan(from, part.position - from));
    writer.bytes(part.bytes);
    from = part.position;
  }
  writer.bytes(BytesView(bytes).subspan(from));
  bytes = std::move(joined);
  parts = {};
}

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

Outbound::Pushed Outbound::append(Queue& queue, Frame& frame, Sender sender) {
  if (frame.size() - length_bytes > frame_bytes_max_) return refuse_large();
  write_length(frame.bytes, frame.size());
  if (frame.size() >= large_bytes) return append_large(queue, frame, sender);
  const auto from = static_cast<std::uint64_t>(sender);
  if (queue.turns.holds(from)) {
    queue.turns.add_behind(from, Slices(SharedBytes(frame.bytes)));
    return queued(queue, frame.size());
  }
  const BytesView whole = shorten(queue, frame.bytes);
  add_open(queue, whole);
  return queued(queue, whole.size());
}

/// A frame with references to the cache in place of its atoms when there is one. What is behind a large
/// message of its sender must not come here: it may overtake, or be overtaken by, what fills a place.
BytesView Outbound::shorten(Queue& queue, BytesView frame) {
  if (!queue.atom_cache || frame.size() > shortened_bytes_max) return frame;
  Bytes& shortened = queue.shortened;
  shortened.assign(length_bytes, 0);
  if (!queue.atom_cache->write(frame.subspan(length_bytes + header_bytes), shortened)) return frame;
  write_length(shortened, shortened.size());
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

void Outbound::add_whole(Queue& queue, Slices frame) {
  slice_open(queue);
  queue.whole_queued += frame.size();
  std::vector<SharedBytes> pieces;
  frame.take(frame.size(), pieces);
  for (SharedBytes& piece : pieces) {
    const bool more = &piece != &pieces.back();
    queue.full.push_back({std::move(piece), more});
  }
}

Outbound::Pushed Outbound::refuse_large() {
  refused_large_.add();
  return {Status::too_large, false};
}

Slices Outbound::slices_of(Frame& frame) const {
  const std::size_t count = frame.bytes.size();
  SharedBytes bytes;
  if (count < large_bytes) {
    bytes = SharedBytes(frame.bytes);
  } else {
    // The next one may be as large: it finds a buffer that was used already.
    bytes = pool_.share(std::exchange(frame.bytes, pool_.get(0)));
  }
  Slices slices;
  std::size_t from = 0;
  for (const SharedParts::Part& part : frame.parts.parts()) {
    slices.push(bytes.slice(from, part.position - from));
    slices.push(SharedBytes(part.owner, part.bytes));
    from = part.position;
  }
  slices.push(bytes.slice(from, count - from));
  return slices;
}

Outbound::Pushed Outbound::append_large(Queue& queue, Frame& frame, Sender sender) {
  const auto from = static_cast<std::uint64_t>(sender);
  const std::size_t count = frame.size();
  constexpr std::size_t skipped = length_bytes + header_bytes;
  if (queue.form.load().fragments && count > skipped + whole_payload_bytes_max) {
    const auto control = leading_term_bytes(BytesView(frame.bytes).subspan(skipped));
    if (!control) return refuse_large();
    if (count - skipped - *control > whole_payload_bytes_max) {
      Slices message = slices_of(frame);
      message.skip(skipped);
      return queued(queue, queue.turns.add_large(from, std::move(message), *control, queue.whole_queued));
    }
  }
  Slices whole = slices_of(frame);
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
  queue.full.push_back({SharedBytes(queue.open, {queue.open->storage.get() + queue.open_sliced, count})});
  queue.open_sliced = queue.open->used;
}

std::vector<SharedBytes> Outbound::take(Lane lane, std::size_t bytes_max) {
  // Before looking, so that what is pushed from now on asks for another look.
  dirty_ = false;
  Queue& queue = queue_of(lane);
  const std::lock_guard guard(queue.lock);
  slice_open(queue);
  std::vector<SharedBytes> taken;
  std::size_t bytes = 0;
  auto next = queue.full.begin();
  for (std::size_t before = SIZE_MAX; bytes < bytes_max && bytes != before;) {
    before = bytes;
    // What comes in turns must not come into the middle of a frame.
    for (bool more = next != queue.full.end(); more; ++next) {
      more = next->more;
      bytes += next->bytes.size();
      queue.whole_taken += next->bytes.size();
      taken.push_back(std::move(next->bytes));
    }
    if (queue.turns.start(queue.whole_taken)) bytes += queue.turns.take_turn(taken);
  }
  queue.full.erase(queue.full.begin(), next);
  queue.queued_bytes -= bytes;
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
    BARREL_ASSERT(queue.form.load() == OutboundForm());
    drop_too_large(queue);
  }
}

void Outbound::drop_too_large(Queue& queue) {
  slice_open(queue);
  std::vector<Piece> kept;
  for (const Piece& piece : std::exchange(queue.full, {})) {
    const SharedBytes& slice = piece.bytes;
    std::size_t from = 0;  // of the frames that stay, up to `at`
    std::size_t at = 0;
    const auto keep = [&] {
      if (at > from) kept.push_back({slice.slice(from, at - from)});
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

void Outbound::use(OutboundForm form) {
  BARREL_ASSERT(form.envelope == Envelope::header || (!form.atom_cache && !form.fragments));
  for (Queue& queue : queues_) {
    const std::lock_guard guard(queue.lock);
    // One lane only: the other one may overtake it.
    if (form.atom_cache && &queue == &queue_of(Lane::messages)) {
      queue.atom_cache = std::make_unique<AtomCacheWriter>(atoms_taken_);
    }
    BARREL_ASSERT(queue.form.load() == OutboundForm());  // as it is after restart()
    queue.form = form;
    if (form.envelope == Envelope::header) convert(queue);
  }
}

void Outbound::convert(Queue& queue) {
  slice_open(queue);
  const std::vector<Piece> waiting = std::exchange(queue.full, {});
  queue.open.reset();
  queue.open_sliced = 0;
  queue.pending_bytes -= std::exchange(queue.queued_bytes, 0);
  queue.whole_queued = queue.whole_taken;  // what waits is counted anew, as it is laid back
  for (const Piece& piece : waiting) {
    for (ByteReader in(piece.bytes.view()); !in.at_end();) {
      const std::uint32_t length = in.u32();
      convert(queue, in.take(length));
    }
  }
}

void Outbound::convert(Queue& queue, BytesView frame) {
  const BytesView message = frame.subspan(2);  // behind 112 131
  const auto control = leading_term_bytes(message);
  if (!control) return refused_large_.add();                                          // as in append_large()
  const BytesView payload = message.subspan(std::min(*control + 1, message.size()));  // behind its 131
  Bytes converted;
  converted.reserve(length_bytes + header_bytes + message.size());
  ByteWriter writer(converted);
  const bool in_fragments = queue.form.load().fragments && payload.size() > whole_payload_bytes_max;
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
    count = turns.add_large(0, Slices(SharedBytes(std::move(converted))), *control, 0);
    while (turns.start(0)) {
      std::vector<SharedBytes> pieces;
      turns.take_turn(pieces);
      Slices fragment;
      for (SharedBytes& piece : pieces) fragment.push(std::move(piece));
      add_whole(queue, std::move(fragment));
    }
  } else if (count < large_bytes) {
    add_open(queue, converted);
  } else {
    add_whole(queue, Slices(SharedBytes(std::move(converted))));
  }
  queue.queued_bytes += count;
  queue.pending_bytes += count;
}

bool Outbound::is_too_deep(Frame& frame) const {
  const std::uint32_t depth_max = depth_max_;
  // Each level takes two bytes at least, so that most messages need not be gone over. Nothing nests in parts.
  if (depth_max == 0 || frame.bytes.size() <= std::size_t{2} * depth_max) return false;
  constexpr std::size_t skipped = length_bytes + 2;  // 112 131
  if (!may_nest_deeper(BytesView(frame.bytes).subspan(skipped), depth_max)) return false;
  if (!frame.parts.empty()) frame.join();
  const BytesView message = BytesView(frame.bytes).subspan(skipped);
  const auto control = extent_of(message);
  if (!control || control->bytes >= message.size()) return false;
  const auto payload = extent_of(message.subspan(control->bytes + 1));  // behind its 131
  return payload && payload->depth > depth_max;
}

void Outbound::restart() {
  frame_bytes_max_ = limits_.frame_bytes_max;
  depth_max_ = 0;
  dirty_ = false;  // before the queues are emptied: what is pushed afterwards asks for a wake-up
  for (Queue& queue : queues_) {
    // Freed without the lock: what a user's owner of bytes does then may be to send.
    std::vector<Piece> dropped;
    FragmentTurns turns(sequences_);
    const std::lock_guard guard(queue.lock);
    dropped.swap(queue.full);
    turns.swap(queue.turns);
    queue.open.reset();
    queue.open_sliced = 0;
    queue.atom_cache.reset();
    queue.form = OutboundForm();
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
