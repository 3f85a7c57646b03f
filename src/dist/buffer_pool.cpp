#include "dist/buffer_pool.hpp"

#include <utility>

namespace barrel::dist {

Bytes BufferPool::get(std::size_t bytes) const {
  Bytes buffer = shelf_->take(bytes);
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

BufferPool::Lent::~Lent() {
  shelf->put(std::move(bytes));
}

}  // namespace barrel::dist
