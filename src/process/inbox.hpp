#pragma once

#include <atomic>
#include <cstdint>

#include "barrel/base/assert.hpp"
#include "barrel/process/message.hpp"

namespace barrel::detail {

/// Where senders put envelopes for one process: a lock-free list with any number of producers and one
/// consumer, which takes all of it at once. One word holds the newest envelope, how many there are, and, when
/// there are none, whether the process sleeps or is dead; so one compare-and-swap both delivers and tells who
/// must wake it.
class Inbox {
 public:
  enum class Pushed : std::uint8_t {
    quiet,  ///< Delivered; the process runs or is queued to run.
    woke,   ///< Delivered; the process slept: the pusher makes it runnable.
    dead,   ///< Not delivered.
    full,   ///< Not delivered: `limit` envelopes wait already.
  };
  /// The most envelopes the word can count.
  static constexpr std::uint32_t count_max = (1U << 20) - 1;

  /// Any thread. `limit` holds back messages; signals pass ~0U and always get in.
  Pushed push(Envelope* envelope, std::uint32_t limit) noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    for (;;) {
      if (word == dead) {
        // What the process did before it closed has happened for whoever finds it dead: a Caller frees its
        // call.
        (void)word_.load(std::memory_order_acquire);
        return Pushed::dead;
      }
      const std::uint32_t count = count_of(word);
      if (count >= limit) return Pushed::full;
      envelope->next = word > state_max ? newest(word) : nullptr;
      const std::uint64_t next = pack(envelope, count < count_max ? count + 1 : count);
      if (word_.compare_exchange_weak(word, next, std::memory_order_acq_rel, std::memory_order_relaxed)) {
        return word == asleep ? Pushed::woke : Pushed::quiet;
      }
    }
  }

  // -- only the process itself

  [[nodiscard]] bool is_empty() const noexcept { return word_.load(std::memory_order_relaxed) <= state_max; }
  /// All that waits, oldest first, linked by `next`; the inbox stays awake.
  [[nodiscard]] Envelope* take() noexcept {
    return in_order(word_.exchange(awake, std::memory_order_acquire));
  }
  /// False, and nothing changes, when something has come. After true another thread may run the process.
  [[nodiscard]] bool fall_asleep() noexcept {
    std::uint64_t expected = awake;
    return word_.compare_exchange_strong(expected, asleep, std::memory_order_release,
                                         std::memory_order_relaxed);
  }
  /// Nothing gets in any more; what waited, oldest first.
  [[nodiscard]] Envelope* close() noexcept {
    return in_order(word_.exchange(dead, std::memory_order_acq_rel));
  }
  /// For the slot's next process.
  void open() noexcept { word_.store(awake, std::memory_order_release); }
  [[nodiscard]] bool is_dead() const noexcept { return word_.load(std::memory_order_relaxed) == dead; }
  /// How many envelopes wait; any thread.
  [[nodiscard]] std::uint32_t count() const noexcept {
    return count_of(word_.load(std::memory_order_relaxed));
  }

 private:
  // Words without envelopes.
  static constexpr std::uint64_t awake = 0;
  static constexpr std::uint64_t asleep = 1;
  static constexpr std::uint64_t dead = 2;
  static constexpr std::uint64_t state_max = dead;

  // An envelope's address is 16-byte aligned and below 2^48 in user space: 44 bits, and 20 for the count.
  static std::uint64_t pack(Envelope* envelope, std::uint32_t count) noexcept {
    const auto address = reinterpret_cast<std::uint64_t>(envelope);
    BARREL_ASSERT(address >> 48 == 0 && (address & 15) == 0);
    return address << 16 | count;
  }
  static std::uint32_t count_of(std::uint64_t word) noexcept {
    return word > state_max ? static_cast<std::uint32_t>(word & count_max) : 0;
  }
  static Envelope* newest(std::uint64_t word) noexcept {
    return reinterpret_cast<Envelope*>((word >> 20) << 4);  // NOLINT: the address that pack() took
  }
  static Envelope* in_order(std::uint64_t word) noexcept {
    if (word <= state_max) return nullptr;
    Envelope* ordered = nullptr;
    for (Envelope* envelope = newest(word); envelope != nullptr;) {
      Envelope* older = envelope->next;
      envelope->next = ordered;
      ordered = envelope;
      envelope = older;
    }
    return ordered;
  }

  std::atomic<std::uint64_t> word_{dead};
};

}  // namespace barrel::detail
