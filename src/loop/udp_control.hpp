#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "barrel/base/socket_address.hpp"

namespace barrel::loop {

/// Room for the control messages of one datagram: addresses, segment size, an ICMP error with its sender.
struct ControlBuffer {
  alignas(cmsghdr) std::array<std::uint8_t, 256> bytes{};
};

/// What came beside a received datagram.
struct ControlData {
  std::size_t segment_size = 0;  ///< Of a GRO train, otherwise 0.
  SocketAddress destination;     ///< Our address that it was sent to, without a port.
  int error = 0;                 ///< errno of an ICMP error.
  /// How many datagrams the kernel had dropped for want of room since the socket was opened, modulo 2^32.
  std::optional<std::uint32_t> overflows;
};
[[nodiscard]] ControlData read_control(const msghdr& message);

/// Puts what is wanted beside a datagram into `buffer` and makes `message` refer to it: the source address
/// when valid, the GSO segment size when not 0.
void write_control(msghdr& message, ControlBuffer& buffer, const SocketAddress& source, int family,
                   std::uint16_t segment_size);

}  // namespace barrel::loop
