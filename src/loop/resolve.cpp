#include "loop/resolve.hpp"

#include <netdb.h>

#include <algorithm>
#include <cstring>

#include "loop/native_address.hpp"

namespace barrel::loop {

Result<ResolvedHost> resolve_blocking(const std::string& host, std::uint16_t port) {
  if (const auto literal = SocketAddress::from_ip(host, port)) return ResolvedHost{.addresses = {*literal}};
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (failed != 0) {
    const bool unknown = failed == EAI_NONAME || failed == EAI_NODATA;
    return Error{unknown ? Errc::not_found : Errc::io,
                 Term::binary(as_bytes(host + ": " + ::gai_strerror(failed)))};
  }
  ResolvedHost resolved;
  auto& addresses = resolved.addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    NativeAddress native;
    native.length = std::min<socklen_t>(at->ai_addrlen, sizeof native.storage);
    std::memcpy(&native.storage, at->ai_addr, native.length);
    const auto address = native.value().with_port(port);
    if (!address.is_valid() || std::ranges::find(addresses, address) != addresses.end()) continue;
    if (addresses.size() < resolved_addresses_max) addresses.push_back(address);
    else ++resolved.left_out;
  }
  ::freeaddrinfo(found);
  if (addresses.empty()) return Error{Errc::not_found, Term::binary(as_bytes(host))};
  return resolved;
}

}  // namespace barrel::loop
