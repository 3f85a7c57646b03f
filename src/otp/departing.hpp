#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "barrel/term/pid.hpp"

namespace barrel::otp {

/// Pids that leave lists, each as often as it is named: in time that grows with the lists, not with their
/// product, since a peer says how long both are.
class Departing {
 public:
  explicit Departing(const std::vector<Pid>& pids) {
    for (const Pid& pid : pids) ++counts_[pid];
  }
  /// Takes each out of `list`, the first ones where it stands there more often; gives those taken.
  std::vector<Pid> take_from(std::vector<Pid>& list) const {
    std::unordered_map<Pid, std::uint32_t> taken;
    std::vector<Pid> gone;
    std::erase_if(list, [&](const Pid& pid) {
      const auto wanted = counts_.find(pid);
      if (wanted == counts_.end() || taken[pid] == wanted->second) return false;
      ++taken[pid];
      gone.push_back(pid);
      return true;
    });
    return gone;
  }

 private:
  std::unordered_map<Pid, std::uint32_t> counts_;
};

}  // namespace barrel::otp
