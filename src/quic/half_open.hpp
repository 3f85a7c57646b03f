#pragma once

#include <cstddef>
#include <unordered_map>

#include "barrel/base/socket_address.hpp"

namespace barrel::quic {

/// Counts server handshakes that are not finished: all, those whose client has not proven its address, and
/// those of each network neighbour. Holds only addresses with a count.
class HalfOpen {
 public:
  void add(const SocketAddress& remote, bool proven) {
    ++total_;
    if (!proven) ++unproven_;
    ++by_address_[group(remote)];
  }
  void remove(const SocketAddress& remote, bool proven) {
    --total_;
    if (!proven) --unproven_;
    const auto found = by_address_.find(group(remote));
    if (--found->second == 0) by_address_.erase(found);
  }

  [[nodiscard]] std::size_t total() const { return total_; }
  [[nodiscard]] std::size_t unproven() const { return unproven_; }
  [[nodiscard]] std::size_t of(const SocketAddress& remote) const {
    const auto found = by_address_.find(group(remote));
    return found == by_address_.end() ? 0 : found->second;
  }

 private:
  /// An IPv4 address or an IPv6 /64: what one subscriber has.
  [[nodiscard]] static SocketAddress group(const SocketAddress& remote) {
    if (remote.family() != SocketAddress::Family::v6) return remote.with_port(0);
    std::array<std::uint8_t, 16> prefix{};
    for (std::size_t i = 0; i < 8; ++i) prefix[i] = remote.ip()[i];
    return SocketAddress::v6(prefix, 0);
  }

  std::size_t total_ = 0;
  std::size_t unproven_ = 0;
  std::unordered_map<SocketAddress, std::size_t> by_address_;
};

}  // namespace barrel::quic
