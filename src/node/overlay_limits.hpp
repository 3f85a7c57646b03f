#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "barrel/term/atom.hpp"

namespace barrel {

/// What one message to a name of the overlay may be. The thread of the cluster decodes it, and what it
/// carries is kept or passed on, so that less is enough than for messages to processes. More is dropped and
/// counted.
struct OverlayLimits {
  std::size_t bytes_max = 0;
  /// A term takes up to 24 times as much memory as the wire: `{}` has 2 bytes there and 48 here.
  std::uint32_t terms_max = 0;
};

/// Empty for names whose messages are never looked at.
[[nodiscard]] std::optional<OverlayLimits> overlay_limits(Atom name);

}  // namespace barrel
