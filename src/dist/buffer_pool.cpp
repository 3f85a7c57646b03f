#include "dist/buffer_pool.hpp"

#include <algorithm>
#include <utility>

namespace barrel::dist {

Bytes BufferPool::get(std::size_t bytes) const {
  Bytes buffer;
  {
    const std::lock_guard guard(shelf_->lock);
    auto& buffers = shelf_->buffers;
    const auto fits = std::find_if(buffers.rbegin(), buffers.rend(),
                                   [&](const Bytes& kept) { return kept.capacity() >= bytes; });
    if (fits != buffers.rend()) {
      shelf_->bytes -= fits->capacity();
      buffer = std::move(*fits);
      buffers.erase(std::next(fits).base());
    }
  }
  buffer.clear();
  buffer.reserve(bytes);
  return buffer;
}

SharedBytes BufferPool::share(Bytes bytes) const {
  auto lent = std::make_shared<Lent>();
  lent->bytes = std::move(bytes);
  lent->shelf = shelf_;
  const BytesView view(lent->bytes);
  return {std::move(lent), view};
}

void BufferPool::trim(std::size_t kept_bytes) const {
  std::vector<Bytes> freed;  // outside of the lock
  const std::lock_guard guard(shelf_->lock);
  while (shelf_->bytes > kept_bytes) {
    shelf_->bytes -= shelf_->buffers.back().capacity();
    freed.push_back(std::move(shelf_->buffers.back()));
    shelf_->buffers.pop_back();
  }
}

std::size_t BufferPool::kept_bytes() const {
  const std::lock_guard guard(shelf_->lock);
  return shelf_->bytes;
}

void BufferPool::Shelf::put(Bytes buffer) {
  if (buffer.capacity() > buffer_bytes_max) return;
  const std::lock_guard guard(lock);
  if (bytes + buffer.capacity() > bytes_max) return;
  bytes += buffer.capacity();
  buffers.push_back(std::move(buffer));
}

BufferPool::Lent::~Lent() {
  shelf->put(std::move(bytes));
}

}  // namespace barrel::dist
