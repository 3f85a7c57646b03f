#pragma once

#include <cstdint>
#include <string>

#include "barrel/term/result.hpp"

namespace barrel::loop {

/// Who is told that a file descriptor is ready.
class ReadyHandler {
 public:
  virtual ~ReadyHandler() = default;
  /// `events` are EPOLLIN, EPOLLOUT, EPOLLERR.
  virtual void on_ready(std::uint32_t events) = 0;
};

/// The part of the loop that its sockets use. Loop thread only.
class Poller {
 public:
  virtual ~Poller() = default;
  /// Level-triggered. Errors: io.
  [[nodiscard]] virtual Result<> watch(int fd, std::uint32_t events, ReadyHandler& handler) = 0;
  virtual void change(int fd, std::uint32_t events, ReadyHandler& handler) = 0;
  /// The handler is not called any more, not even for what has been reported already.
  virtual void unwatch(int fd, ReadyHandler& handler) = 0;
};

/// The system's words for an errno.
[[nodiscard]] std::string system_text(int number);
/// Errc::io with them.
[[nodiscard]] Error system_error(const char* what, int number);

}  // namespace barrel::loop
