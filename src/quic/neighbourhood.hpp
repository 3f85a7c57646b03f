#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "barrel/base/socket_address.hpp"

namespace barrel::quic {

/// An IPv4 address or an IPv6 /64, without the port: what one subscriber has. Shares of limits are by it.
[[nodiscard]] inline SocketAddress neighbourhood(const SocketAddress& remote) {
  if (remote.family() != SocketAddress::Family::v6) return remote.with_port(0);
  std::array<std::uint8_t, 16> prefix{};
  for (std::size_t i = 0; i < 8; ++i) prefix[i] = remote.ip()[i];
  return SocketAddress::v6(prefix, 0);
}

}  // namespace barrel::quic
