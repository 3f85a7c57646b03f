#include "process/node_index.hpp"

namespace barrel::detail {

void NodeIndex::add(NodeName node, Entry process) {
  const std::scoped_lock lock(mutex_);
  processes_[node].insert(pack(process));
}

void NodeIndex::remove(NodeName node, Entry process) {
  const std::scoped_lock lock(mutex_);
  const auto found = processes_.find(node);
  if (found == processes_.end()) return;
  found->second.erase(pack(process));
  if (found->second.empty()) processes_.erase(found);
}

std::vector<NodeIndex::Entry> NodeIndex::listed(NodeName node) const {
  std::vector<Entry> entries;
  const std::scoped_lock lock(mutex_);
  const auto found = processes_.find(node);
  if (found == processes_.end()) return entries;
  entries.reserve(found->second.size());
  for (const std::uint64_t packed : found->second) {
    entries.push_back({static_cast<std::uint32_t>(packed), static_cast<std::uint32_t>(packed >> 32)});
  }
  return entries;
}

}  // namespace barrel::detail
