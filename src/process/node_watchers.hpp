#pragma once

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "process/node_index.hpp"

namespace barrel::detail {

/// The visible nodes that are connected, and the local processes that want to hear of every change
/// (net_kernel:monitor_nodes/1). Who is told of a change and who sees it in the list is decided at one
/// moment. Thread-safe.
class NodeWatchers {
 public:
  using Entry = NodeIndex::Entry;

  /// Tells `process` of changes from now on. The nodes that are connected now.
  [[nodiscard]] std::vector<NodeName> add(Entry process) {
    const std::scoped_lock lock(mutex_);
    watchers_.push_back(process);
    return connected_;
  }
  void remove(Entry process) {
    const std::scoped_lock lock(mutex_);
    std::erase(watchers_, process);
  }
  /// Whom to tell of it: nobody when the node was connected before.
  [[nodiscard]] std::vector<Entry> up(NodeName node) {
    const std::scoped_lock lock(mutex_);
    const auto place = std::ranges::lower_bound(connected_, node);
    if (place != connected_.end() && *place == node) return {};
    connected_.insert(place, node);
    return watchers_;
  }
  /// Whom to tell of it: nobody when the node was not connected.
  [[nodiscard]] std::vector<Entry> down(NodeName node) {
    const std::scoped_lock lock(mutex_);
    if (std::erase(connected_, node) == 0) return {};
    return watchers_;
  }

 private:
  std::mutex mutex_;
  std::vector<NodeName> connected_;  // ordered
  std::vector<Entry> watchers_;
};

}  // namespace barrel::detail
