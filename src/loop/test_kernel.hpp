#pragma once

#include <sys/socket.h>

#include "loop/file_descriptor.hpp"

namespace barrel::loop::test {

/// Whether the kernel can let a receive window go: since Linux 5.14.
inline bool can_let_windows_go() {
  const FileDescriptor any(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int locks = 0;
  socklen_t length = sizeof locks;
  return ::getsockopt(any.get(), SOL_SOCKET, SO_BUF_LOCK, &locks, &length) == 0;
}

}  // namespace barrel::loop::test
