#pragma once

#include <cstdint>

#include "barrel/base/time.hpp"
#include "barrel/term/result.hpp"
#include "crdt/or_map.hpp"

namespace barrel {

/// `{value, V, #{{Node, T} => true}}` or `{tombstone, T}`.
[[nodiscard]] Term to_term(const OrMapEntry& entry);

/// The shape check of the original for what others send, and more: numbers must
/// be numbers within their limits and nodes valid names. Errc::malformed otherwise.
[[nodiscard]] Result<OrMapEntry> entry_from_term(const Term& term);

/// Whether a write or removal of `entry` claims to come from further in the future than `skew_max`: such an
/// entry is refused before its time can reach a clock.
[[nodiscard]] bool is_from_future(const OrMapEntry& entry, std::int64_t wall_ms, Duration skew_max);

}  // namespace barrel
