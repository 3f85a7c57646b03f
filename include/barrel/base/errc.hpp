#pragma once

#include <cstdint>
#include <string_view>

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// Why an operation failed. Closed: switch over it without a default.
/// What exactly happened is in the reason of the Error that carries it.
enum class Errc : std::uint8_t {
  timeout,             ///< The deadline passed before an answer came.
  no_process,          ///< The addressed process or name does not exist (Erlang's noproc).
  no_connection,       ///< The node is not reachable (Erlang's noconnection).
  not_found,           ///< A looked up name, file or entry does not exist.
  already_registered,  ///< Another process holds the name on this node.
  rejected,            ///< The peer answered {error, Reason}; Reason is the error's reason.
  busy,                ///< A queue or budget is full; try again when it has drained.
  limit_exceeded,      ///< A named limit was hit; the reason names it.
  malformed,           ///< Bytes or a term do not have the required shape.
  invalid_argument,    ///< The caller passed a value that is not allowed.
  not_trusted,         ///< Authentication failed or the key is not accepted.
  protocol_violation,  ///< A peer broke the protocol.
  closed,              ///< The handle, connection or node is closed.
  io,                  ///< The operating system refused; the reason has its words.
  unsupported,         ///< The peer or this build cannot do it.
  exited,              ///< The process ended; the reason is its exit reason.
  wrong_thread,        ///< A blocking call on a thread that must not block.
};

/// The code's name as written above, e.g. "no_process".
[[nodiscard]] std::string_view to_string(Errc code) noexcept;

}  // namespace barrel
#pragma GCC visibility pop
