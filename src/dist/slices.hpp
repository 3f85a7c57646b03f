#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "barrel/term/shared_bytes.hpp"

namespace barrel::dist {

/// Bytes that lie in several places, taken from the front. Not thread-safe.
class Slices {
 public:
  Slices() = default;
  explicit Slices(SharedBytes bytes) { push(std::move(bytes)); }

  void push(SharedBytes bytes) {
    if (bytes.size() == 0) return;
    bytes_ += bytes.size();
    slices_.push_back(std::move(bytes));
  }
  /// Moves the first `count` bytes, of which there are as many, to the end of `out`.
  void take(std::size_t count, std::vector<SharedBytes>& out) {
    bytes_ -= count;
    while (count > 0) {
      SharedBytes& front = slices_[front_];
      const std::size_t part = std::min(count, front.size());
      count -= part;
      if (part < front.size()) {
        out.push_back(front.slice(0, part));
        front = front.slice(part, front.size() - part);
      } else {
        out.push_back(std::move(front));
        ++front_;
      }
    }
  }
  /// Drops the first `count` bytes, of which there are more in the first slice.
  void skip(std::size_t count) {
    bytes_ -= count;
    slices_[front_] = slices_[front_].slice(count, slices_[front_].size() - count);
  }
  [[nodiscard]] std::size_t size() const { return bytes_; }

 private:
  std::vector<SharedBytes> slices_;
  std::size_t front_ = 0;  // those before are gone
  std::size_t bytes_ = 0;
};

}  // namespace barrel::dist
