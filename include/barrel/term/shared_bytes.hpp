#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "barrel/base/bytes.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// A slice of bytes together with whoever keeps them alive. Copies share; immutable; thread-safe to share.
class SharedBytes {
 public:
  SharedBytes() = default;
  SharedBytes(std::shared_ptr<const void> owner, BytesView bytes) : owner_(std::move(owner)), bytes_(bytes) {}
  /// Takes the vector over without copying its bytes.
  explicit SharedBytes(Bytes bytes) {
    auto owned = std::make_shared<const Bytes>(std::move(bytes));
    bytes_ = *owned;
    owner_ = std::move(owned);
  }

  [[nodiscard]] BytesView view() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] SharedBytes slice(std::size_t offset, std::size_t count) const {
    return {owner_, bytes_.subspan(offset, count)};
  }
  [[nodiscard]] const std::shared_ptr<const void>& owner() const { return owner_; }

 private:
  std::shared_ptr<const void> owner_;
  BytesView bytes_;
};

}  // namespace barrel
#pragma GCC visibility pop
