#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace barrel::dist {

/// Where buffers wait to be used again. `Buffer` has a capacity() in bytes, and one without an argument is
/// empty. Thread-safe.
template <class Buffer>
class Shelf {
 public:
  /// Larger buffers are not kept. A guess: at this size faults cost little beside the copying.
  static constexpr std::size_t buffer_bytes_max = 1U << 20;

  explicit Shelf(std::size_t kept_bytes_max) : bytes_max_(kept_bytes_max) {}

  /// One with room for `bytes`; an empty one when there is none.
  [[nodiscard]] Buffer take(std::size_t bytes) {
    const std::lock_guard guard(lock_);
    // The last one was used last: the caches may still have it.
    const auto fits = std::find_if(buffers_.rbegin(), buffers_.rend(),
                                   [&](const Buffer& kept) { return kept.capacity() >= bytes; });
    if (fits == buffers_.rend()) return Buffer();
    Buffer buffer = std::move(*fits);
    buffers_.erase(std::next(fits).base());
    bytes_ -= buffer.capacity();
    return buffer;
  }
  void put(Buffer buffer) {
    if (buffer.capacity() > buffer_bytes_max) return;
    const std::lock_guard guard(lock_);
    if (bytes_ + buffer.capacity() > bytes_max_) return;
    bytes_ += buffer.capacity();
    buffers_.push_back(std::move(buffer));
  }
  /// Frees buffers until they have no more than this.
  void trim(std::size_t kept_bytes) {
    std::vector<Buffer> freed;  // outside of the lock
    const std::lock_guard guard(lock_);
    while (bytes_ > kept_bytes) {
      bytes_ -= buffers_.back().capacity();
      freed.push_back(std::move(buffers_.back()));
      buffers_.pop_back();
    }
  }
  [[nodiscard]] std::size_t kept_bytes() const {
    const std::lock_guard guard(lock_);
    return bytes_;
  }

 private:
  const std::size_t bytes_max_;
  mutable std::mutex lock_;
  std::vector<Buffer> buffers_;
  std::size_t bytes_ = 0;
};

}  // namespace barrel::dist
