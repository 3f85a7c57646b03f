#include "quic/path.hpp"

#include <algorithm>
#include <cstring>

namespace barrel::quic {
namespace {

/// To network byte order, and as well from it.
std::uint16_t swap_port(std::uint16_t port) {
  const std::uint8_t bytes[2] = {static_cast<std::uint8_t>(port >> 8),
                                 static_cast<std::uint8_t>(port & 0xff)};
  std::uint16_t swapped = 0;
  std::memcpy(&swapped, bytes, sizeof swapped);
  return swapped;
}

SocketAddress from_native(const ngtcp2_addr& address) {
  if (address.addr == nullptr || address.addrlen == 0) return {};
  if (address.addr->sa_family == AF_INET) {
    ngtcp2_sockaddr_in in{};
    std::memcpy(&in, address.addr, sizeof in);
    std::array<std::uint8_t, 4> ip{};
    std::memcpy(ip.data(), &in.sin_addr, ip.size());
    return SocketAddress::v4(ip, swap_port(in.sin_port));
  }
  if (address.addr->sa_family != AF_INET6) return {};
  ngtcp2_sockaddr_in6 in{};
  std::memcpy(&in, address.addr, sizeof in);
  std::array<std::uint8_t, 16> ip{};
  std::memcpy(ip.data(), &in.sin6_addr, ip.size());
  return SocketAddress::v6(ip, swap_port(in.sin6_port), in.sin6_scope_id);
}

}  // namespace

NativeAddress::NativeAddress(const SocketAddress& address) {
  const auto ip = address.ip();
  if (address.family() == SocketAddress::Family::v6) {
    storage.in6.sin6_family = AF_INET6;
    storage.in6.sin6_port = swap_port(address.port());
    storage.in6.sin6_scope_id = address.scope();
    std::memcpy(&storage.in6.sin6_addr, ip.data(), ip.size());
    length = sizeof storage.in6;
  } else {
    storage.in.sin_family = AF_INET;
    storage.in.sin_port = swap_port(address.port());
    if (!ip.empty()) std::memcpy(&storage.in.sin_addr, ip.data(), ip.size());
    length = sizeof storage.in;
  }
}

Path::Path() {
  ngtcp2_path_storage_zero(&storage_);
}

Path::Path(const SocketAddress& local, const SocketAddress& remote) {
  const NativeAddress from(local);
  const NativeAddress to(remote);
  ngtcp2_path_storage_init(&storage_, from.get(), from.length, to.get(), to.length, nullptr);
}

SocketAddress Path::local() const {
  return from_native(storage_.path.local);
}
SocketAddress Path::remote() const {
  return from_native(storage_.path.remote);
}

bool Path::same_as(const Path& other) const {
  return same_as(other.storage_.path);
}
bool Path::same_as(const ngtcp2_path& other) const {
  return ngtcp2_path_eq(&storage_.path, &other) != 0;
}
void Path::assign(const ngtcp2_path& other) {
  ngtcp2_path_copy(&storage_.path, &other);
}

}  // namespace barrel::quic
