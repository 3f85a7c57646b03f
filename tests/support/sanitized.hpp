#pragma once

#include "barrel/base/sanitizer.hpp"

// What a sanitizer changes of programs that are built as the test is.
namespace barrel::test {

/// Whether what is resident of a program tells what it holds: sanitizers keep what was freed for a while, and
/// shadows of all memory.
inline constexpr bool resident_tells = !BARREL_SANITIZED;

/// How many times as long a program may take. ThreadSanitizer's manual says 5 to 15 times.
inline constexpr int slowdown = BARREL_SANITIZED ? 10 : 1;

}  // namespace barrel::test
