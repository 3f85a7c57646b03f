#pragma once

#include <cstddef>
#include <memory>

#include "barrel/base/bytes.hpp"
#include "barrel/term/shared_bytes.hpp"
#include "dist/shelf.hpp"

namespace barrel::dist {

/// Buffers of large messages, to be used again. Those of malloc go back to the system when the thread that
/// sends frees what the thread that encodes has allocated, and each page of the next one costs a fault.
///
/// Thread-safe; what was shared may outlive the pool, and is freed then.
class BufferPool {
 public:
  explicit BufferPool(std::size_t kept_bytes_max) : shelf_(std::make_shared<Shelf<Bytes>>(kept_bytes_max)) {}

  /// An empty buffer with room for `bytes`.
  [[nodiscard]] Bytes get(std::size_t bytes) const;
  /// The buffer comes back to the pool with its last share.
  [[nodiscard]] SharedBytes share(Bytes bytes) const;
  /// Frees buffers until they have no more than this.
  void trim(std::size_t kept_bytes) const { shelf_->trim(kept_bytes); }
  [[nodiscard]] std::size_t kept_bytes() const { return shelf_->kept_bytes(); }

 private:
  struct Lent {
    ~Lent();
    Bytes bytes;
    std::shared_ptr<Shelf<Bytes>> shelf;
  };

  std::shared_ptr<Shelf<Bytes>> shelf_;
};

}  // namespace barrel::dist
