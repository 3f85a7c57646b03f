#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "process/process.hpp"

namespace barrel::detail {

/// All process slots: chunks that are made on demand and stay until the runtime goes, so that looking one up
/// by id takes no lock and never meets freed memory. Slots are handed out through small stocks of the
/// scheduler threads.
class ProcessTable {
 public:
  /// Free slots that one thread keeps for itself. Not thread-safe.
  class Stock {
   public:
    static constexpr std::uint32_t size_max = 64;

   private:
    friend class ProcessTable;
    std::array<Process*, size_max> slots_{};
    std::size_t count_ = 0;
  };

  /// `processes_max` slots at most, besides slot 0, which is never used; `queue_max` is each one's. The
  /// stocks of `threads` threads together keep a quarter of the slots from the others at most, or one slot
  /// each.
  ProcessTable(RuntimeImpl& runtime, std::uint32_t processes_max, std::uint32_t queue_max, unsigned threads);
  ~ProcessTable();
  ProcessTable(const ProcessTable&) = delete;
  ProcessTable& operator=(const ProcessTable&) = delete;

  /// Null when there has been no such id.
  [[nodiscard]] Process* find(std::uint32_t id) const noexcept {
    if (id >= directory_size_) return nullptr;
    Chunk* chunk = directory_[id / chunk_size].load(std::memory_order_acquire);
    return chunk == nullptr ? nullptr : &(*chunk)[id % chunk_size];
  }
  /// A dead slot; null when all are in use. Without a stock it takes a lock.
  [[nodiscard]] Process* acquire(Stock* stock);
  /// Gives back a slot whose process has ended.
  void release(Process& slot, Stock* stock) noexcept;

  /// Calls f(Process&) for every slot that was ever used.
  template <class F>
  void for_each(F&& f) const {
    const std::uint32_t end = used_.load(std::memory_order_acquire);
    for (std::uint32_t id = 1; id < end; ++id) f(*find(id));
  }

 private:
  static constexpr std::uint32_t chunk_size = 256;
  using Chunk = std::array<Process, chunk_size>;

  [[nodiscard]] Process* acquire_locked();

  RuntimeImpl& runtime_;
  const std::uint32_t queue_max_;
  const std::uint32_t directory_size_;
  const std::uint32_t stock_size_;
  std::unique_ptr<std::atomic<Chunk*>[]> directory_;
  std::atomic<std::uint32_t> used_{1};
  std::mutex mutex_;
  std::vector<Process*> free_;
};

}  // namespace barrel::detail
