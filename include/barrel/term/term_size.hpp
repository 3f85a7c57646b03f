#pragma once

#include <cstddef>

#include "barrel/term/term.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// About how many bytes the external form of `term` takes (node names inside pids, references and ports count
/// as 16), for bounds and budgets. Stops counting above `enough`.
[[nodiscard]] std::size_t estimate_bytes(const Term& term, std::size_t enough = ~std::size_t{0});

/// Memory that a term takes, roughly. Bytes of binaries that are shared do not count: who keeps them counts
/// them.
[[nodiscard]] std::size_t memory_of(const Term& term);

}  // namespace barrel
#pragma GCC visibility pop
