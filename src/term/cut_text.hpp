#pragma once

#include <cstdint>
#include <string>

#include "barrel/term/node_name.hpp"
#include "barrel/term/term.hpp"

namespace barrel {

/// A term as io_lib's ~P prints it on one line, or ~W when `raw`: each level, and each element behind the
/// first one of a tuple, list, map or binary, takes one from `depth`, and "..." stands for what is left when
/// there is one. A negative depth cuts nothing.
[[nodiscard]] std::string cut_text(const Term& term, std::int64_t depth, bool raw, NodeName local);

}  // namespace barrel
