#pragma once

#include "barrel/term/term.hpp"

namespace barrel::detail {

/// {limit_exceeded, frame_bytes_max}: in place of the reason of an exit, or the result of a function, that is
/// longer than the other node accepts; and why a request to spawn is refused whose arguments are.
[[nodiscard]] inline Term frame_too_large() {
  return Term::tuple_of(Atom("limit_exceeded"), Atom("frame_bytes_max"));
}
/// {reply_too_large, frame_bytes_max}: why a call ends whose reply is. Unlike the above it does not mean that
/// the called process has ended.
[[nodiscard]] inline Term reply_too_large() {
  return Term::tuple_of(Atom("reply_too_large"), Atom("frame_bytes_max"));
}

}  // namespace barrel::detail
