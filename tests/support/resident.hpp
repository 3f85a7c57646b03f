#pragma once

#include "barrel/base/sanitizer.hpp"

namespace barrel::test {

/// Whether what is resident of a program built like this one tells what it holds: sanitizers keep what was
/// freed for a while, and shadows of all memory.
inline constexpr bool resident_tells = !BARREL_SANITIZED;

}  // namespace barrel::test
