#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "barrel/term/node_name.hpp"

namespace barrel::detail {

/// How many processes each other node has started here that still run. Thread-safe; outlives its Shares.
class SpawnQuotas {
 public:
  explicit SpawnQuotas(std::uint32_t processes_max) : processes_max_(processes_max) {}

  /// One process's part of its node's quota; given back by the destructor. Move-only.
  class [[nodiscard]] Share {
   public:
    Share() noexcept = default;
    Share(Share&& other) noexcept : quotas_(std::exchange(other.quotas_, nullptr)), node_(other.node_) {}
    Share& operator=(Share&& other) noexcept {
      std::swap(quotas_, other.quotas_);
      std::swap(node_, other.node_);
      return *this;
    }
    ~Share() {
      if (quotas_ != nullptr) quotas_->give_back(node_);
    }

   private:
    friend class SpawnQuotas;
    Share(SpawnQuotas& quotas, NodeName node) noexcept : quotas_(&quotas), node_(node) {}
    SpawnQuotas* quotas_ = nullptr;
    NodeName node_{};
  };

  /// Empty when the node has used up its quota.
  [[nodiscard]] std::optional<Share> take(NodeName node) {
    const std::scoped_lock lock(mutex_);
    std::uint32_t& count = running_[node];
    if (count >= processes_max_) return std::nullopt;
    ++count;
    return Share(*this, node);
  }

  /// Those of all nodes together.
  [[nodiscard]] std::size_t running() const {
    const std::scoped_lock lock(mutex_);
    std::size_t sum = 0;
    for (const auto& [node, count] : running_) sum += count;
    return sum;
  }

 private:
  void give_back(NodeName node) {
    const std::scoped_lock lock(mutex_);
    const auto count = running_.find(node);
    if (count != running_.end() && --count->second == 0) running_.erase(count);
  }

  const std::uint32_t processes_max_;
  mutable std::mutex mutex_;
  std::unordered_map<NodeName, std::uint32_t> running_;
};

}  // namespace barrel::detail
