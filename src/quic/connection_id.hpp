#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "barrel/base/bytes.hpp"
#include "barrel/base/socket_address.hpp"
#include "quic/ngtcp2_api.hpp"

namespace barrel::quic {

/// Length of the connection ids that we issue; the original's.
constexpr std::size_t connection_id_bytes = 8;

/// A connection id that we issued, as a number: 64 random bits.
using WireId = std::uint64_t;

/// Empty unless `bytes` has the length of our own connection ids.
[[nodiscard]] inline std::optional<WireId> wire_id(BytesView bytes) {
  if (bytes.size() != connection_id_bytes) return {};
  WireId id = 0;
  std::memcpy(&id, bytes.data(), sizeof id);
  return id;
}
[[nodiscard]] inline std::optional<WireId> wire_id(const ngtcp2_cid& cid) {
  return wire_id(BytesView(cid.data, cid.datalen));
}

/// Where a client's first packets go before it knows our connection id: what it chose, together with who it
/// is, so that nobody can step into another's handshake by choosing the same.
struct InitialRoute {
  std::array<std::uint8_t, NGTCP2_MAX_CIDLEN> destination{};  ///< Zeros behind its bytes.
  std::size_t destination_bytes = 0;
  SocketAddress remote;
  friend auto operator<=>(const InitialRoute&, const InitialRoute&) = default;
};

/// Empty if `destination` is longer than connection ids of QUIC version 1 (RFC 9000 §17.2).
[[nodiscard]] inline std::optional<InitialRoute> initial_route(BytesView destination,
                                                               const SocketAddress& remote) {
  InitialRoute route{.destination_bytes = destination.size(), .remote = remote};
  if (destination.size() > route.destination.size()) return {};
  std::ranges::copy(destination, route.destination.begin());
  return route;
}

using ResetToken = std::array<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN>;

}  // namespace barrel::quic
