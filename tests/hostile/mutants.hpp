#pragma once

#include <vector>

#include "barrel/term/term.hpp"

namespace barrel::hostile {

/// What may stand in the place of any field: wrong types, huge, negative, empty and deep values.
[[nodiscard]] const std::vector<Term>& strange_values();

/// `whole` with each field in turn, at every depth, replaced by each of `values`, and with one element more
/// or less wherever there are elements.
[[nodiscard]] std::vector<Term> mutants(const Term& whole,
                                        const std::vector<Term>& values = strange_values());

}  // namespace barrel::hostile
