#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "barrel/base/socket_address.hpp"
#include "barrel/term/result.hpp"

namespace barrel::loop {

/// Addresses kept of one lookup; a name with more is a mistake or an attack. Guess.
constexpr std::size_t resolved_addresses_max = 16;

struct ResolvedHost {
  std::vector<SocketAddress> addresses;
  /// Further ones that the system knows.
  std::size_t left_out = 0;
};

/// Asks the system for the addresses of a host name, each once, in its order of preference. Blocks.
/// Errors: not_found, io.
[[nodiscard]] Result<ResolvedHost> resolve_blocking(const std::string& host, std::uint16_t port);

}  // namespace barrel::loop
