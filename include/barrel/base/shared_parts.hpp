#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "barrel/base/bytes.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// The large binaries that an encoder leaves out of what it writes, because who sends it can take them from
/// where they lie (a gather list). Not thread-safe.
class SharedParts {
 public:
  /// Smaller ones are copied. A guess: a copy of so much takes longer than what a further piece costs the
  /// transport.
  static constexpr std::size_t part_bytes_min = std::size_t{16} << 10;

  struct Part {
    std::size_t position;  ///< In what was written, where its bytes belong.
    BytesView bytes;
    std::shared_ptr<const void> owner;  ///< Keeps them alive.
  };

  /// Not before the part that was added last.
  void add(Part part) {
    bytes_ += part.bytes.size();
    parts_.push_back(std::move(part));
  }
  [[nodiscard]] bool empty() const { return parts_.empty(); }
  [[nodiscard]] std::span<const Part> parts() const { return parts_; }
  /// Of all parts.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::vector<Part> parts_;
  std::size_t bytes_ = 0;
};

}  // namespace barrel
#pragma GCC visibility pop
