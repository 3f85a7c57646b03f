#include "crdt/hlc.hpp"

#include <algorithm>

namespace barrel {

Term to_term(const Timestamp& timestamp) {
  static const Atom tag("timestamp");
  return Term::tuple_of(tag, timestamp.wall_ms, timestamp.logical);
}

Result<Timestamp> timestamp_from_term(const Term& term) {
  if (!term.is_tagged("timestamp", 3)) return Error{Errc::malformed, Atom("timestamp")};
  const auto wall = term.elements()[1].as_int64();
  const auto logical = term.elements()[2].as_int64();
  if (!wall || *wall < 0 || !logical || *logical < 0 || *logical > Timestamp::logical_max) {
    return Error{Errc::malformed, Atom("timestamp")};
  }
  return Timestamp{*wall, *logical};
}

void HybridClock::advance_logical(std::int64_t logical) {
  // Past the limit the wall part takes the carry, so that order is kept and no peer's clock overflows.
  if (logical > Timestamp::logical_max) last_ = {last_.wall_ms + 1, 0};
  else last_.logical = logical;
}

Timestamp HybridClock::now(std::int64_t wall_ms) {
  if (last_.wall_ms >= wall_ms) advance_logical(last_.logical + 1);
  else last_ = {wall_ms, 0};
  return last_;
}

void HybridClock::update(const Timestamp& remote, std::int64_t wall_ms) {
  if (wall_ms > last_.wall_ms && wall_ms > remote.wall_ms) {
    last_ = {wall_ms, 0};
  } else if (remote.wall_ms > last_.wall_ms) {
    last_.wall_ms = remote.wall_ms;
    advance_logical(remote.logical + 1);
  } else if (last_.wall_ms > remote.wall_ms) {
    advance_logical(last_.logical + 1);
  } else {
    advance_logical(std::max(last_.logical, remote.logical) + 1);
  }
}

}  // namespace barrel
