#pragma once

#include <cstddef>
#include <cstdint>

#include "barrel/term/term.hpp"

namespace barrel {

/// A hash that agrees with ==, depends on texts and numbers only (never on addresses or atom indices) and is
/// the same on every platform, so that nodes can compare digests made of it. Not cryptographic: tables that
/// hold what peers chose pass a seed of their own.
[[nodiscard]] std::uint64_t hash_term(const Term& term, std::uint64_t seed = 0);

/// Spreads the bits of `value`; a step of hash_term for those who add numbers to it.
[[nodiscard]] std::uint64_t hash_mix(std::uint64_t hash, std::uint64_t value);

/// For unordered containers of terms.
struct TermHash {
  std::uint64_t seed = 0;
  std::size_t operator()(const Term& term) const { return hash_term(term, seed); }
};

}  // namespace barrel
