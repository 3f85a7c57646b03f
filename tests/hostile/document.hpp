#pragma once

#include <string>

namespace barrel::hostile {

/// The tables of attacks and answers in docs/security.md.
[[nodiscard]] std::string attacks_document();

}  // namespace barrel::hostile
