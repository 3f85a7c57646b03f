#pragma once

#include <cstddef>
#include <string>

#include "barrel/term/node_name.hpp"
#include "barrel/term/term.hpp"

namespace barrel {

/// A guess: what a person reads of a reason, and as much as is logged of an event of another node.
inline constexpr std::size_t short_text_bytes_max = 4096;

/// to_string() for logs: cut to short_text_bytes_max bytes, with "..." behind them. Takes time for what it
/// shows, not for what the term holds: others choose how much that is.
[[nodiscard]] std::string short_text(const Term& term, NodeName local = NodeName{});

}  // namespace barrel
