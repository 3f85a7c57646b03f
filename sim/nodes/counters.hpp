#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace barrel::sim {

/// Counters that stay 0 where all peers are honest and all that they do is within the limits, whatever the
/// network does. docs/simulation.md says which others do not, and why.
[[nodiscard]] std::span<const std::string_view> silent_counters();

/// Which of a node's counters tell of a limit that was hit or a peer that was misunderstood, as "name is 3".
/// `small_budgets`: its channels hold so little that its own gossip may find them full.
[[nodiscard]] std::vector<std::string> alarms(const std::map<std::string, std::uint64_t>& metrics,
                                              bool small_budgets);

}  // namespace barrel::sim
