#pragma once

#include <cstdint>

namespace barrel {

/// Whom a link leads to: a Barrel node (it speaks `barrel/1`) or an Erlang node that runs the original.
enum class PeerKind : std::uint8_t { barrel, erlang };

}  // namespace barrel
