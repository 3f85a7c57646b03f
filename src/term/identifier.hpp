#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "barrel/term/term.hpp"

namespace barrel::detail {

/// What a pid, port or reference consists of, its node as text: looking at it interns nothing. Valid as long
/// as the term.
struct Identifier {
  std::string_view node;
  std::uint32_t creation = 0;
  /// Of a pid its id and serial, of a port its id.
  std::uint64_t number = 0;
  /// Of a reference.
  std::span<const std::uint32_t> words;
};
/// Empty for other kinds.
[[nodiscard]] std::optional<Identifier> identifier_of(const Term& term) noexcept;

}  // namespace barrel::detail
