#include "loop/receive_window.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <chrono>
#include <utility>

#include "barrel/base/time.hpp"

namespace barrel::loop {
namespace {

/// The kernel takes twice that for what it needs beside the bytes. Measured with bench_erlang: with 96 KiB
/// an Erlang node gathers in some runs and not in others, with 48 KiB as with this.
constexpr int held_bytes = 64 << 10;
/// What the window begins with when it is let go. From less the kernel does not widen it, as it waits to see
/// more at once than fits into a held one (500 MB/s instead of 3,500 then).
constexpr int free_bytes = 1 << 20;
/// Of a longer path 64 KiB could be the limit: of more than 64 MB/s.
constexpr Duration short_path = std::chrono::milliseconds(1);

template <class T>
[[nodiscard]] bool set(int fd, int level, int option, T value) {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

bool is_short(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 || info.tcpi_rtt == 0) return false;
  return std::chrono::microseconds(info.tcpi_rtt) < short_path;
}

bool can_let_go(int fd) {
  int locks = 0;
  socklen_t length = sizeof locks;
  return ::getsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &locks, &length) == 0;
}

}  // namespace

void ReceiveWindow::hold_if_short(int fd) {
  held_ = can_let_go(fd) && is_short(fd) && set(fd, SOL_SOCKET, SO_RCVBUF, held_bytes);
  if (held_) counters_.held.add();
}

void ReceiveWindow::let_go(int fd) {
  if (!std::exchange(held_, false)) return;
  counters_.let_go.add();
  // For what shall be there before we are woken the kernel makes room at once, beyond the limit of SO_RCVBUF
  // too. Where it refuses, the window stays small, which is slow and no more.
  if (set(fd, SOL_SOCKET, SO_BUF_LOCK, 0) && set(fd, SOL_SOCKET, SO_RCVLOWAT, free_bytes))
    (void)set(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
}

}  // namespace barrel::loop
