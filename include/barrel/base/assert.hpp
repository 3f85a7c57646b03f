#pragma once

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel::detail {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;
}  // namespace barrel::detail
#pragma GCC visibility pop

/// Stays on in release builds. Only for what this program controls: never for bytes, terms or
/// timing that come from a peer, a file or a user.
#define BARREL_ASSERT(condition)          \
  (static_cast<bool>(condition) ? void(0) \
                                : ::barrel::detail::assertion_failed(#condition, __FILE__, __LINE__))
