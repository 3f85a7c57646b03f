#pragma once

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel::detail {

/// What a process is made of; internal.
struct [[gnu::visibility("hidden")]] Process;

}  // namespace barrel::detail
#pragma GCC visibility pop
