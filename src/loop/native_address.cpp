#include "loop/native_address.hpp"

#include <arpa/inet.h>

#include <array>
#include <cstring>

namespace barrel::loop {

int native_family(const SocketAddress& address) {
  return address.family() == SocketAddress::Family::v6 ? AF_INET6 : AF_INET;
}

in_addr native_v4(const SocketAddress& address) {
  in_addr ip{};
  if (address.family() == SocketAddress::Family::v4) std::memcpy(&ip, address.ip().data(), sizeof ip);
  return ip;
}

in6_addr native_v6(const SocketAddress& address) {
  in6_addr ip{};
  const auto bytes = address.ip();
  if (address.family() == SocketAddress::Family::v6) {
    std::memcpy(&ip, bytes.data(), bytes.size());
  } else if (address.family() == SocketAddress::Family::v4) {
    ip.s6_addr[10] = 0xff;
    ip.s6_addr[11] = 0xff;
    std::memcpy(&ip.s6_addr[12], bytes.data(), bytes.size());
  }
  return ip;
}

SocketAddress from_native(const in_addr& ip, std::uint16_t port) {
  std::array<std::uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &ip, bytes.size());
  return SocketAddress::v4(bytes, port);
}

SocketAddress from_native(const in6_addr& ip, std::uint16_t port, std::uint32_t scope) {
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &ip, bytes.size());
  return SocketAddress::v6(bytes, port, scope);
}

NativeAddress::NativeAddress(const SocketAddress& address, int family) {
  if (family == AF_INET6) {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(address.port());
    in.sin6_scope_id = address.scope();
    in.sin6_addr = native_v6(address);
    std::memcpy(&storage, &in, sizeof in);
    length = sizeof in;
  } else {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port());
    in.sin_addr = native_v4(address);
    std::memcpy(&storage, &in, sizeof in);
    length = sizeof in;
  }
}

SocketAddress NativeAddress::value() const {
  if (storage.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &storage, sizeof in);
    return from_native(in.sin_addr, ntohs(in.sin_port));
  }
  if (storage.ss_family != AF_INET6) return {};
  sockaddr_in6 in{};
  std::memcpy(&in, &storage, sizeof in);
  return from_native(in.sin6_addr, ntohs(in.sin6_port), in.sin6_scope_id);
}

}  // namespace barrel::loop
