#include "quic/send_queue.hpp"

#include <algorithm>
#include <utility>

#include "barrel/base/assert.hpp"

namespace barrel::quic {

void SendQueue::push(SharedBytes bytes) {
  BARREL_ASSERT(!finished_);
  if (bytes.size() == 0) return;
  end_ += bytes.size();
  if (!blocks_.empty()) {
    SharedBytes& last = blocks_.back();
    const bool continues = last.owner() != nullptr && last.owner() == bytes.owner() &&
                           last.view().data() + last.size() == bytes.view().data();
    if (continues) {
      last = SharedBytes(last.owner(), BytesView(last.view().data(), last.size() + bytes.size()));
      return;
    }
  }
  blocks_.push_back(std::move(bytes));
}

std::size_t SendQueue::peek(std::span<BytesView> out, std::size_t wanted) const {
  std::size_t filled = 0;
  std::size_t bytes = 0;
  std::size_t skip = next_offset_;
  for (std::size_t i = next_block_; i < blocks_.size() && filled < out.size() && bytes < wanted; ++i) {
    const auto view = blocks_[i].view().subspan(skip);
    skip = 0;
    if (view.empty()) continue;
    out[filled++] = view;
    bytes += view.size();
  }
  return filled;
}

void SendQueue::mark_sent(std::size_t count) {
  BARREL_ASSERT(count <= unsent());
  sent_ += count;
  while (count > 0) {
    const std::size_t left = blocks_[next_block_].size() - next_offset_;
    const std::size_t step = std::min(left, count);
    count -= step;
    next_offset_ += step;
    // The last block stays current even when all of it is sent: it may still be extended in place.
    if (next_offset_ < blocks_[next_block_].size() || next_block_ + 1 == blocks_.size()) continue;
    ++next_block_;
    next_offset_ = 0;
  }
}

void SendQueue::acknowledge(std::uint64_t offset) {
  if (offset <= acknowledged_) return;
  BARREL_ASSERT(offset <= sent_);
  acknowledged_ = offset;
  while (!blocks_.empty() && first_offset_ + blocks_.front().size() <= offset) {
    first_offset_ += blocks_.front().size();
    blocks_.pop_front();
    if (next_block_ > 0) --next_block_;
    else next_offset_ = 0;
  }
}

void SendQueue::drop_unsent() {
  const auto whole_blocks = next_offset_ == 0 ? next_block_ : next_block_ + 1;
  while (blocks_.size() > whole_blocks) blocks_.pop_back();
  if (!blocks_.empty() && next_block_ < blocks_.size() && next_offset_ > 0) {
    blocks_.back() = blocks_.back().slice(0, next_offset_);
  }
  end_ = sent_;
}

}  // namespace barrel::quic
