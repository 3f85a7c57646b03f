#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "barrel/base/metrics.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// What many quotas may take together, such as those of peers for what they only pass on. Thread-safe.
class AtomBudget {
 public:
  explicit AtomBudget(std::uint32_t atoms_max) noexcept : atoms_max_(atoms_max) {}
  [[nodiscard]] std::uint32_t left() const noexcept {
    const std::uint32_t used = used_.load(std::memory_order_relaxed);
    return used < atoms_max_ ? atoms_max_ - used : 0;
  }

 private:
  friend class AtomQuota;
  const std::uint32_t atoms_max_;
  std::atomic<std::uint32_t> used_{0};
};

/// How many atoms one peer may add to the table of this process. Every term that the peer sends carries a
/// reference to its quota; Term::as_atom() and its like charge it when they really intern. Thread-safe, never
/// blocks.
class AtomQuota {
 public:
  /// A guess: far more than the names in a cluster's messages, and a hundred hostile peers still leave nine
  /// tenths of the table.
  static constexpr std::uint32_t atoms_max_default = 1'000;

  /// `refusals`, if given, counts the refusals of many quotas together and outlives this one.
  explicit AtomQuota(std::uint32_t atoms_max = atoms_max_default, Counter* refusals = nullptr) noexcept
      : atoms_max_(atoms_max), refusals_(refusals) {}
  /// A part of a budget: as long as it has taken less than the budget has left. So one alone takes half of it
  /// at most, and who has taken little gets something after others have taken much.
  explicit AtomQuota(std::shared_ptr<AtomBudget> budget, Counter* refusals = nullptr) noexcept
      : atoms_max_(budget->atoms_max_), refusals_(refusals), budget_(std::move(budget)) {}

  /// Takes one atom from the quota; false when it is used up, which counts as a refusal.
  [[nodiscard]] bool charge() noexcept;
  /// Gives one charge back: the atom turned out to exist or not to fit.
  void refund() noexcept {
    used_.fetch_sub(1, std::memory_order_relaxed);
    if (budget_ != nullptr) budget_->used_.fetch_sub(1, std::memory_order_relaxed);
  }

  [[nodiscard]] std::uint32_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t atoms_max() const noexcept { return atoms_max_; }
  /// How often charge() said no; tells that the limit is hit.
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

 private:
  const std::uint32_t atoms_max_;
  Counter* const refusals_;
  const std::shared_ptr<AtomBudget> budget_;
  std::atomic<std::uint32_t> used_{0};
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace barrel
#pragma GCC visibility pop
