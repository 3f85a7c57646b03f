#pragma once

#include <cstdint>
#include <optional>

#include "barrel/term/term.hpp"

namespace barrel::detail {

/// `fun Module:Function/Arity`, taken apart. Both are atoms.
struct ExportedFun {
  Term module;
  Term function;
  std::uint8_t arity = 0;
};
/// None of what is no such fun, closures among it.
[[nodiscard]] std::optional<ExportedFun> exported_fun(const Term& term);

}  // namespace barrel::detail
