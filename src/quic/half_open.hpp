#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <unordered_map>

#include "quic/connection.hpp"
#include "quic/neighbourhood.hpp"

namespace barrel::quic {

/// The server handshakes that are not finished: how many, how many of them from addresses that are not
/// proven, and who has most. Holds only neighbourhoods that have one.
class HalfOpen {
 public:
  void add(ConnectionId id, const SocketAddress& remote, bool proven) {
    ++total_;
    if (!proven) ++unproven_;
    by_neighbourhood_[neighbourhood(remote)].insert(id);
  }
  void remove(ConnectionId id, const SocketAddress& remote, bool proven) {
    --total_;
    if (!proven) --unproven_;
    const auto found = by_neighbourhood_.find(neighbourhood(remote));
    found->second.erase(id);
    if (found->second.empty()) by_neighbourhood_.erase(found);
  }

  [[nodiscard]] std::size_t total() const { return total_; }
  [[nodiscard]] std::size_t unproven() const { return unproven_; }
  [[nodiscard]] std::size_t of(const SocketAddress& remote) const {
    const auto found = by_neighbourhood_.find(neighbourhood(remote));
    return found == by_neighbourhood_.end() ? 0 : found->second.size();
  }
  /// The oldest one of the neighbourhood that has most, and of several such the oldest. Looks at all of them.
  [[nodiscard]] std::optional<ConnectionId> to_give_way() const {
    const auto yields_less = [](const auto& a, const auto& b) {
      if (a.second.size() != b.second.size()) return a.second.size() < b.second.size();
      return *a.second.begin() > *b.second.begin();
    };
    const auto most = std::max_element(by_neighbourhood_.begin(), by_neighbourhood_.end(), yields_less);
    if (most == by_neighbourhood_.end()) return std::nullopt;
    return *most->second.begin();
  }

 private:
  std::size_t total_ = 0;
  std::size_t unproven_ = 0;
  std::unordered_map<SocketAddress, std::set<ConnectionId>> by_neighbourhood_;  // ids grow with time
};

}  // namespace barrel::quic
