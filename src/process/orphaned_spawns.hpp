#pragma once

#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "barrel/term/pid.hpp"
#include "barrel/term/term.hpp"

namespace barrel::detail {

/// Processes that asked another node for a linked process and ended before the answer came: the new process
/// is to get their exit reason. One entry for each such request, at most until its node is lost. Thread-safe.
class OrphanedSpawns {
 public:
  void add(NodeName node, const Ref& request, const Term& reason) {
    const std::scoped_lock lock(mutex_);
    reasons_[node].insert_or_assign(request, reason);
  }
  [[nodiscard]] std::optional<Term> take(NodeName node, const Ref& request) {
    const std::scoped_lock lock(mutex_);
    const auto requests = reasons_.find(node);
    if (requests == reasons_.end()) return std::nullopt;
    auto entry = requests->second.extract(request);
    if (requests->second.empty()) reasons_.erase(requests);
    if (entry.empty()) return std::nullopt;
    return std::move(entry.mapped());
  }
  void node_down(NodeName node) {
    const std::scoped_lock lock(mutex_);
    reasons_.erase(node);
  }

 private:
  std::mutex mutex_;
  std::unordered_map<NodeName, std::unordered_map<Ref, Term>> reasons_;
};

}  // namespace barrel::detail
