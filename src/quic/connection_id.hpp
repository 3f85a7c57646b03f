#pragma once

#include <array>
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
  Bytes destination;
  SocketAddress remote;
  friend auto operator<=>(const InitialRoute&, const InitialRoute&) = default;
};

using ResetToken = std::array<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN>;

}  // namespace barrel::quic
