#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

namespace barrel::detail {

struct Process;

/// The processes that one scheduler thread is to run, in order: a ring with one producer, its owner, and any
/// number of takers. Positions only grow (64 bits), so that a taker's compare-and-swap cannot be fooled.
class RunQueue {
 public:
  static constexpr std::uint64_t capacity = 256;

  /// Owner only. False when it is full.
  [[nodiscard]] bool push(Process* process) noexcept {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == capacity) return false;
    at(tail).store(process, std::memory_order_relaxed);
    // Sequentially consistent: the owner looks for sleepers next, and a sleeper looks here after it said it
    // sleeps.
    tail_.store(tail + 1, std::memory_order_seq_cst);
    return true;
  }
  /// Any thread. Null when it is empty.
  [[nodiscard]] Process* pop() noexcept {
    std::uint64_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      if (head == tail_.load(std::memory_order_seq_cst)) return nullptr;
      Process* process = at(head).load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
        return process;
      }
    }
  }
  /// Moves the older half, up to `taken`'s size, out; how many. Any thread.
  template <std::size_t size>
  [[nodiscard]] std::size_t pop_half(std::array<Process*, size>& taken) noexcept {
    std::uint64_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      const std::uint64_t present = tail_.load(std::memory_order_seq_cst) - head;
      const std::uint64_t count = std::min<std::uint64_t>((present + 1) / 2, size);
      if (count == 0 || present > capacity) return 0;
      for (std::uint64_t i = 0; i < count; ++i) taken[i] = at(head + i).load(std::memory_order_relaxed);
      // Nobody overwrites those places before head has passed them, so what was read is right if this
      // succeeds.
      if (head_.compare_exchange_weak(head, head + count, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return count;
      }
    }
  }
  [[nodiscard]] bool is_empty() const noexcept {
    return head_.load(std::memory_order_seq_cst) == tail_.load(std::memory_order_seq_cst);
  }

 private:
  std::atomic<Process*>& at(std::uint64_t position) noexcept { return ring_[position % capacity]; }

  alignas(64) std::atomic<std::uint64_t> head_{0};
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  alignas(64) std::array<std::atomic<Process*>, capacity> ring_{};
};

}  // namespace barrel::detail
