#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "barrel/base/bytes.hpp"
#include "barrel/term/result.hpp"

/// The protocol of EPMD, Erlang's port mapper: one on each host knows at which TCP port which node listens.
/// Requests are written and answers read here; whoever asks brings the connection.
namespace barrel::tcp {

/// ERL_EPMD_PORT's default.
inline constexpr std::uint16_t epmd_port_default = 4369;
/// Longest name without host that EPMD takes.
inline constexpr std::size_t epmd_name_bytes_max = 255;

/// What a node tells EPMD of itself, and EPMD others of it. Names are without host.
struct EpmdNode {
  std::string name;
  std::uint16_t port = 0;
  /// Not in nodes() of the others (a C node, or `-hidden`).
  bool hidden = false;
  /// Versions of the distribution handshake.
  std::uint16_t highest_version = 6;
  std::uint16_t lowest_version = 5;
  friend bool operator==(const EpmdNode&, const EpmdNode&) = default;
};

/// ALIVE2_REQ: registers the node for as long as the connection lives. Asserts the name's length.
[[nodiscard]] Bytes encode_register(const EpmdNode& node);
/// PORT_PLEASE2: asks where a node listens.
[[nodiscard]] Bytes encode_lookup(std::string_view name);
/// NAMES: asks for all nodes.
[[nodiscard]] Bytes encode_names();

/// EPMD's answer to a registration.
struct EpmdRegistered {
  bool accepted = false;
  /// A number for this incarnation; small with old EPMDs. A hint that nobody has to follow.
  std::uint32_t creation = 0;
  friend bool operator==(const EpmdRegistered&, const EpmdRegistered&) = default;
};
/// Empty when more bytes are needed; Errc::malformed when it is no answer. Both of its forms.
[[nodiscard]] Result<std::optional<EpmdRegistered>> parse_registered(BytesView bytes);

/// EPMD's answer to a lookup.
struct EpmdFound {
  /// Unset: no such node.
  std::optional<EpmdNode> node;
  friend bool operator==(const EpmdFound&, const EpmdFound&) = default;
};
/// Longest answer to a lookup.
inline constexpr std::size_t epmd_found_bytes_max = 16 + 2 * 65'535;
/// Empty when more bytes are needed; Errc::malformed when it is no answer.
[[nodiscard]] Result<std::optional<EpmdFound>> parse_found(BytesView bytes);

/// EPMD's answer to NAMES, which ends with the connection: the lines that can be read, in order.
/// Errc::malformed when it is no answer.
[[nodiscard]] Result<std::vector<EpmdNode>> parse_names(BytesView bytes);

}  // namespace barrel::tcp
