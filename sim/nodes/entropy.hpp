#pragma once

#include <cstdint>

namespace barrel::sim {

/// From now on GnuTLS's random numbers for this thread come from `seed`: connection ids, probing choices of
/// the congestion control and reset tokens repeat with it. (GnuTLS makes its own keys as it likes.) A program
/// that links this has no secrets.
void seed_entropy(std::uint64_t seed);

}  // namespace barrel::sim
