#pragma once

#include <cstddef>
#include <cstdint>

#include "quic/connection.hpp"

/// Which stream is what (docs/wire.md, Streams): decided by the number alone.
namespace barrel::carrier {

enum class StreamClass : std::uint8_t {
  control,         ///< 0: distribution handshake, then ticks.
  data,            ///< Distribution messages; opened by either side.
  user,            ///< From 68 (client) and 65 (server) on.
  unidirectional,  ///< The first one of each side is its authentication stream.
};

inline constexpr quic::StreamId control_stream = 0;
inline constexpr quic::StreamId user_stream_first_of_client = 68;
inline constexpr quic::StreamId user_stream_first_of_server = 65;
/// What an Erlang node resets a user stream with that nobody accepts.
inline constexpr std::uint64_t user_stream_refused = 0x100;

[[nodiscard]] constexpr StreamClass classify(quic::StreamId stream) {
  if (quic::is_unidirectional(stream)) return StreamClass::unidirectional;
  if (stream == control_stream) return StreamClass::control;
  const bool server = quic::opened_by_server(stream);
  const quic::StreamId first = server ? user_stream_first_of_server : user_stream_first_of_client;
  return stream >= first ? StreamClass::user : StreamClass::data;
}

/// The first unidirectional stream of a side.
[[nodiscard]] constexpr quic::StreamId auth_stream(bool of_client) {
  return of_client ? 2 : 3;
}
/// A side's streams for messages and for overlay traffic: the first two of its data pool.
[[nodiscard]] constexpr quic::StreamId messages_stream(bool of_client) {
  return of_client ? 4 : 1;
}
[[nodiscard]] constexpr quic::StreamId overlay_stream(bool of_client) {
  return of_client ? 8 : 5;
}

/// Data streams there can be: 16 of each side.
inline constexpr std::size_t data_stream_count = 32;
/// A dense number for each data stream.
[[nodiscard]] constexpr std::size_t data_stream_index(quic::StreamId stream) {
  const auto ordinal = static_cast<std::size_t>(stream >> 2);
  return quic::opened_by_server(stream) ? 16 + ordinal : ordinal - 1;
}
static_assert(data_stream_index(4) == 0 && data_stream_index(64) == 15);
static_assert(data_stream_index(1) == 16 && data_stream_index(61) == 31);

}  // namespace barrel::carrier
