#pragma once

#include "barrel/term/result.hpp"
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

/// {limit_exceeded, Limit}: why a call ends whose request is over that limit on terms, one of EtfLimits. Nor
/// does this mean that the called process has ended; but what is too deep of the reason of one that has is
/// the same.
[[nodiscard]] inline Term unread(const Error& why) {
  return Term::tuple_of(Atom("limit_exceeded"), why.reason);
}
[[nodiscard]] inline bool is_unread(const Term& why) {
  if (!why.is_tagged("limit_exceeded", 2)) return false;
  const Term& limit = why.elements()[1];
  return limit.is_atom("depth_max") || limit.is_atom("terms_max") || limit.is_atom("integer_bytes_max") ||
         limit.is_atom("uncompressed_bytes_max");
}

}  // namespace barrel::detail
