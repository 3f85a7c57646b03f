#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "barrel/term/node_name.hpp"

namespace barrel::detail {

/// Which local processes have anything to do with which node: links, monitors either way, pending calls, or
/// watching it. When a node is lost each of them gets one signal and settles its own relations. Thread-safe.
class NodeIndex {
 public:
  /// A process of this node: its slot, and which incarnation.
  struct Entry {
    std::uint32_t id;
    std::uint32_t serial;
    friend bool operator==(Entry, Entry) = default;
  };

  void add(NodeName node, Entry process);
  void remove(NodeName node, Entry process);
  /// Those listed under `node`.
  [[nodiscard]] std::vector<Entry> listed(NodeName node) const;

  /// Grows with every lost connection. A relation remembers it when it begins; losing a node ends only
  /// relations that are older, not those that already belong to its next connection.
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t next_epoch() noexcept {
    return epoch_.fetch_add(1, std::memory_order_acq_rel) + 1;
  }

 private:
  static std::uint64_t pack(Entry entry) { return std::uint64_t{entry.serial} << 32 | entry.id; }

  mutable std::mutex mutex_;
  std::unordered_map<NodeName, std::unordered_set<std::uint64_t>> processes_;
  std::atomic<std::uint64_t> epoch_{1};
};

}  // namespace barrel::detail
