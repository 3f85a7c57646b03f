#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "barrel/services/registry_types.hpp"
#include "barrel/term/pid.hpp"
#include "barrel/term/term.hpp"

namespace barrel::sim {

/// What live processes have registered, cluster-wide: what the registry of each node must come to.
class NameBook {
 public:
  using Key = std::pair<Term, NodeName>;

  void put(const ServiceEntry& entry) {
    entries_.insert_or_assign(Key(entry.name, entry.node), entry);
    ever_[entry.name].insert(entry.pid);
  }
  void drop(const Term& name, NodeName node) { entries_.erase(Key(name, node)); }
  void drop_all(const Pid& pid) {
    std::erase_if(entries_, [&](const auto& held) { return held.second.pid == pid; });
  }
  void drop_all(NodeName node) {
    std::erase_if(entries_, [&](const auto& held) { return held.second.node == node; });
  }
  [[nodiscard]] const std::map<Key, ServiceEntry>& entries() const { return entries_; }
  [[nodiscard]] bool held(const Term& name, NodeName node) const {
    return entries_.contains(Key(name, node));
  }
  /// Whether the process ever held the name.
  [[nodiscard]] bool knows(const Term& name, const Pid& pid) const {
    const auto pids = ever_.find(name);
    return pids != ever_.end() && pids->second.contains(pid);
  }
  [[nodiscard]] std::size_t ever() const { return ever_.size(); }

 private:
  std::map<Key, ServiceEntry> entries_;
  std::map<Term, std::set<Pid>> ever_;
};

}  // namespace barrel::sim
