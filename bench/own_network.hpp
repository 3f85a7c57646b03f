#pragma once

#include <string>

namespace barrel::bench {

/// Where the system's TCP does not use cubic, Linux's default, moves this process and its children to a
/// network of their own (a namespace with a loopback device) that does, if it may. Returns what TCP uses
/// then. To be called before there are other threads.
///
/// BBR paces what is sent over loopback, too, and settles on a rate that differs by half from one connection
/// to the next, whoever sends.
[[nodiscard]] std::string use_cubic();

}  // namespace barrel::bench
