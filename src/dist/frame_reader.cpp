#include "dist/frame_reader.hpp"

#include <algorithm>
#include <utility>

namespace barrel::dist {

FrameReader::Step FrameReader::next() {
  frame_ = {};
  owner_.reset();
  if (failed_) return Step::too_large;
  for (;;) {
    if (header_bytes_ < header_.size()) {
      if (!read_header()) return Step::need_more;
      if (length_ > frame_bytes_max_) {
        failed_ = true;
        return Step::too_large;
      }
      if (length_ == 0) {
        ++ticks_;
        header_bytes_ = 0;
        continue;
      }
    }
    if (collected_ == 0 && input_.size() >= length_) {
      frame_ = input_.first(length_);
      input_ = input_.subspan(length_);
    } else if (!collect()) {
      return Step::need_more;
    }
    header_bytes_ = 0;
    collected_ = 0;
    return Step::frame;
  }
}

bool FrameReader::read_header() {
  const std::size_t count = std::min(header_.size() - header_bytes_, input_.size());
  std::copy_n(input_.begin(), count, header_.begin() + static_cast<std::ptrdiff_t>(header_bytes_));
  header_bytes_ += count;
  input_ = input_.subspan(count);
  if (header_bytes_ < header_.size()) return false;
  length_ = std::size_t{header_[0]} << 24 | std::size_t{header_[1]} << 16 | std::size_t{header_[2]} << 8 |
            std::size_t{header_[3]};
  return true;
}

bool FrameReader::collect() {
  const std::size_t count = std::min(length_ - collected_, input_.size());
  const bool is_large = length_ > small_bytes_max;
  if (is_large) {
    make_room(count);
    std::copy_n(input_.data(), count, large_->data() + collected_);
  } else {
    if (collected_ == 0) small_.clear();
    small_.insert(small_.end(), input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  collected_ += count;
  input_ = input_.subspan(count);
  if (collected_ < length_) return false;
  if (is_large) owner_ = std::move(large_);
  frame_ = is_large ? BytesView(owner_->data(), length_) : BytesView(small_);
  return true;
}

void FrameReader::make_room(std::size_t count) {
  const std::size_t needed = collected_ + count;
  if (large_ && large_->capacity() >= needed) return;
  const std::size_t reserved = std::max({needed, 2 * collected_, reserve_bytes_max});
  auto larger = pool_.lend(std::min(length_, reserved) + spare_bytes);
  if (large_) std::copy_n(large_->data(), collected_, larger->data());
  large_ = std::move(larger);
}

std::span<std::uint8_t> FrameReader::room() {
  if (!large_ || length_ < room_bytes_min) return {};
  make_room(1);
  return large_->span().first(std::min(length_, large_->capacity())).subspan(collected_);
}

void FrameReader::placed(std::size_t count) {
  collected_ += count;
  input_ = {};
}

}  // namespace barrel::dist
