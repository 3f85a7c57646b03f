#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "barrel/base/bytes.hpp"
#include "barrel/term/shared_bytes.hpp"

namespace barrel::dist {

/// Buffers of large messages, to be used again. Those of malloc go back to the system when the thread that
/// sends frees what the thread that encodes has allocated, and each page of the next one costs a fault.
///
/// Thread-safe; what was shared may outlive the pool, and is freed then.
class BufferPool {
 public:
  /// Larger buffers are not kept. A guess: at this size faults cost little beside the copying.
  static constexpr std::size_t buffer_bytes_max = 1U << 20;

  explicit BufferPool(std::size_t kept_bytes_max) : shelf_(std::make_shared<Shelf>(kept_bytes_max)) {}

  /// An empty buffer with room for `bytes`.
  [[nodiscard]] Bytes get(std::size_t bytes) const;
  /// The buffer comes back to the pool with its last share.
  [[nodiscard]] SharedBytes share(Bytes bytes) const;
  /// Frees buffers until they have no more than this.
  void trim(std::size_t kept_bytes) const;
  [[nodiscard]] std::size_t kept_bytes() const;

 private:
  struct Shelf {
    explicit Shelf(std::size_t max) : bytes_max(max) {}
    void put(Bytes buffer);

    const std::size_t bytes_max;
    std::mutex lock;
    std::vector<Bytes> buffers;  // the last one was used last: the caches may still have it
    std::size_t bytes = 0;
  };
  struct Lent {
    ~Lent();
    Bytes bytes;
    std::shared_ptr<Shelf> shelf;
  };

  std::shared_ptr<Shelf> shelf_;
};

}  // namespace barrel::dist
