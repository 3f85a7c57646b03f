#pragma once

#include <map>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "barrel/term/pid.hpp"
#include "barrel/term/term.hpp"
#include "otp/departing.hpp"

namespace barrel::otp {

/// Members by group: written by the scope's process, read by everybody. A pid is listed as often as it
/// joined. Thread-safe.
class GroupTable {
 public:
  [[nodiscard]] std::vector<Pid> members(const Term& group, bool local_only) const {
    const std::shared_lock lock(mutex_);
    const auto found = groups_.find(group);
    if (found == groups_.end()) return {};
    std::vector<Pid> pids = found->second.local;
    if (!local_only) pids.insert(pids.end(), found->second.remote.begin(), found->second.remote.end());
    return pids;
  }
  [[nodiscard]] std::vector<Term> groups() const {
    const std::shared_lock lock(mutex_);
    std::vector<Term> names;
    for (const auto& [name, group] : groups_) names.push_back(name);
    return names;
  }

  void add(const Term& group, const std::vector<Pid>& pids, bool local) {
    if (pids.empty()) return;
    const std::unique_lock lock(mutex_);
    auto& list = local ? groups_[group].local : groups_[group].remote;
    list.insert(list.end(), pids.begin(), pids.end());
  }
  /// Takes each pid out once for each time it is in `pids`.
  void remove(const Term& group, const std::vector<Pid>& pids, bool local) {
    const std::unique_lock lock(mutex_);
    const auto found = groups_.find(group);
    if (found == groups_.end()) return;
    auto& list = local ? found->second.local : found->second.remote;
    (void)Departing(pids).take_from(list);
    if (found->second.local.empty() && found->second.remote.empty()) groups_.erase(found);
  }

 private:
  struct Group {
    std::vector<Pid> local;
    std::vector<Pid> remote;
  };
  mutable std::shared_mutex mutex_;
  std::map<Term, Group> groups_;
};

}  // namespace barrel::otp
