#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "barrel/base/socket_address.hpp"

namespace barrel::loop {

/// A SocketAddress as the kernel wants it.
struct NativeAddress {
  NativeAddress() = default;
  /// For a socket of `family` AF_INET6 an IPv4 address is mapped into IPv6.
  NativeAddress(const SocketAddress& address, int family);

  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  /// Invalid when it is neither IPv4 nor IPv6.
  [[nodiscard]] SocketAddress value() const;

  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);
};

/// AF_INET or AF_INET6.
[[nodiscard]] int native_family(const SocketAddress& address);
[[nodiscard]] in_addr native_v4(const SocketAddress& address);
/// IPv4 becomes ::ffff:a.b.c.d.
[[nodiscard]] in6_addr native_v6(const SocketAddress& address);
[[nodiscard]] SocketAddress from_native(const in_addr& ip, std::uint16_t port);
[[nodiscard]] SocketAddress from_native(const in6_addr& ip, std::uint16_t port, std::uint32_t scope);

}  // namespace barrel::loop
