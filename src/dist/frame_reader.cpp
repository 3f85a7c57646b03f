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
  const bool is_large = length_ > small_bytes_max;
  Bytes& buffer = is_large ? large_ : small_;
  if (collected_ == 0) {
    if (is_large && pool_ != nullptr) large_ = pool_->get(std::min(length_, reserve_bytes_max));
    buffer.clear();
  }
  const std::size_t count = std::min(length_ - collected_, input_.size());
  const std::size_t needed = collected_ + count;
  if (needed > buffer.capacity()) {
    buffer.reserve(std::min(length_, std::max({needed, buffer.capacity() * 2, reserve_bytes_max})));
  }
  buffer.insert(buffer.end(), input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(count));
  collected_ = needed;
  input_ = input_.subspan(count);
  if (collected_ < length_) return false;
  frame_ = buffer;
  if (is_large) {
    Bytes whole = std::exchange(large_, {});
    const SharedBytes shared =
        pool_ != nullptr ? pool_->share(std::move(whole)) : SharedBytes(std::move(whole));
    frame_ = shared.view();
    owner_ = shared.owner();
  }
  return true;
}

}  // namespace barrel::dist
