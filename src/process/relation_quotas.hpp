#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "barrel/term/atom.hpp"

namespace barrel::detail {

/// How many monitors and links each other node has with the processes of this one, all together. Thread-safe;
/// outlives its RelationShares.
class RelationQuotas {
 public:
  /// Times what one process may have. A guess: about a million with the default, 150 MB.
  static constexpr std::uint64_t processes_worth = 16;

  explicit RelationQuotas(std::uint32_t of_one_process_max)
      : relations_max_(processes_worth * of_one_process_max) {}

  /// False when the node has used up its quota.
  [[nodiscard]] bool take(Atom node) {
    const std::scoped_lock lock(mutex_);
    std::uint64_t& count = counts_[node];
    if (count >= relations_max_) return false;
    ++count;
    return true;
  }
  /// Counts what a process of ours has asked for.
  void add(Atom node) {
    const std::scoped_lock lock(mutex_);
    ++counts_[node];
  }
  void give_back(Atom node, std::uint32_t relations) {
    const std::scoped_lock lock(mutex_);
    const auto count = counts_.find(node);
    count->second -= relations;
    if (count->second == 0) counts_.erase(count);
  }

 private:
  const std::uint64_t relations_max_;
  std::mutex mutex_;
  std::unordered_map<Atom, std::uint64_t> counts_;
};

/// The relations of one kind that one process has with other nodes, by node; given back by the destructor.
class RelationShares {
 public:
  RelationShares(RelationQuotas& quotas, std::uint32_t relations_max)
      : quotas_(quotas), relations_max_(relations_max) {}
  RelationShares(const RelationShares&) = delete;
  RelationShares& operator=(const RelationShares&) = delete;
  ~RelationShares() {
    for (const auto& [node, count] : counts_) quotas_.give_back(node, count);
  }

  /// False when the node has too many with this process, or with all.
  [[nodiscard]] bool take(Atom node) {
    const auto count = counts_.find(node);
    if (count != counts_.end() && count->second >= relations_max_) return false;
    if (!quotas_.take(node)) return false;
    if (count != counts_.end()) ++count->second;
    else counts_.emplace(node, 1);
    return true;
  }
  /// Whatever the limits are.
  void add(Atom node) {
    quotas_.add(node);
    ++counts_[node];
  }
  void give_back(Atom node) {
    const auto count = counts_.find(node);
    if (count == counts_.end()) return;
    quotas_.give_back(node, 1);
    if (--count->second == 0) counts_.erase(count);
  }
  void give_back_all(Atom node) {
    const auto count = counts_.find(node);
    if (count == counts_.end()) return;
    quotas_.give_back(node, count->second);
    counts_.erase(count);
  }

 private:
  RelationQuotas& quotas_;
  const std::uint32_t relations_max_;
  std::unordered_map<Atom, std::uint32_t> counts_;
};

}  // namespace barrel::detail
