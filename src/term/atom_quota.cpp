#include "barrel/term/atom_quota.hpp"

namespace barrel {

bool AtomQuota::charge() noexcept {
  std::uint32_t used = used_.load(std::memory_order_relaxed);
  do {
    if (used >= (budget_ != nullptr ? budget_->left() : atoms_max_)) {
      refused_.fetch_add(1, std::memory_order_relaxed);
      if (refusals_ != nullptr) refusals_->add();
      return false;
    }
  } while (!used_.compare_exchange_weak(used, used + 1, std::memory_order_relaxed));
  if (budget_ != nullptr) budget_->used_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

}  // namespace barrel
