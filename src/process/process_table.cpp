#include "process/process_table.hpp"

#include <algorithm>

namespace barrel::detail {

ProcessTable::ProcessTable(RuntimeImpl& runtime, std::uint32_t processes_max, std::uint32_t queue_max,
                           unsigned threads)
    : runtime_(runtime),
      queue_max_(queue_max),
      directory_size_(processes_max + 1),
      stock_size_(std::clamp(processes_max / 4 / std::max(threads, 1U), 1U, Stock::size_max)),
      directory_(std::make_unique<std::atomic<Chunk*>[]>(directory_size_ / chunk_size + 1)) {}

ProcessTable::~ProcessTable() {
  for (std::uint32_t i = 0; i <= directory_size_ / chunk_size; ++i) delete directory_[i].load();
}

Process* ProcessTable::acquire_locked() {
  if (!free_.empty()) {
    Process* slot = free_.back();
    free_.pop_back();
    return slot;
  }
  const std::uint32_t id = used_.load(std::memory_order_relaxed);
  if (id >= directory_size_) return nullptr;
  auto& chunk = directory_[id / chunk_size];
  if (chunk.load(std::memory_order_relaxed) == nullptr) {
    auto* made = new Chunk;
    for (std::uint32_t i = 0; i < chunk_size; ++i) {
      (*made)[i].id = id / chunk_size * chunk_size + i;
      (*made)[i].runtime = &runtime_;
      (*made)[i].queue_max = queue_max_;
    }
    chunk.store(made, std::memory_order_release);
  }
  used_.store(id + 1, std::memory_order_release);
  return find(id);
}

Process* ProcessTable::acquire(Stock* stock) {
  if (stock == nullptr) {
    const std::scoped_lock lock(mutex_);
    return acquire_locked();
  }
  if (stock->count_ == 0) {
    const std::scoped_lock lock(mutex_);
    const std::uint32_t wanted = std::max(stock_size_ / 2, 1U);
    while (stock->count_ < wanted) {
      Process* slot = acquire_locked();
      if (slot == nullptr) break;
      stock->slots_[stock->count_++] = slot;
    }
    std::reverse(stock->slots_.begin(), stock->slots_.begin() + static_cast<std::ptrdiff_t>(stock->count_));
  }
  return stock->count_ == 0 ? nullptr : stock->slots_[--stock->count_];
}

void ProcessTable::release(Process& slot, Stock* stock) noexcept {
  if (stock == nullptr) {
    const std::scoped_lock lock(mutex_);
    free_.push_back(&slot);
    return;
  }
  if (stock->count_ == stock_size_) {
    const std::scoped_lock lock(mutex_);
    while (stock->count_ > stock_size_ / 2) free_.push_back(stock->slots_[--stock->count_]);
  }
  stock->slots_[stock->count_++] = &slot;
}

}  // namespace barrel::detail
