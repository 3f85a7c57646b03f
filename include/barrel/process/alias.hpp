#pragma once

#include <cstdint>

#include "barrel/process/process_fwd.hpp"
#include "barrel/term/pid.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// What ends an alias of Self::alias, besides Self::unalias and the end of its process. After it, what is
/// sent to the alias is dropped, also what was on its way.
enum class AliasEnds : std::uint8_t {
  explicit_unalias,  ///< Nothing else.
  reply,             ///< The first message that comes through it.
};

/// The same for the alias that a monitor's reference is, with the names of erlang:monitor/3.
enum class MonitorAlias : std::uint8_t {
  explicit_unalias,  ///< Nothing else; the alias and the monitor know nothing of each other.
  demonitor,         ///< The end of the monitor: its Down, or the end of the Monitor.
  reply_demonitor,   ///< Either, and the first message that comes through it, which ends the monitor, too.
};

namespace detail {
/// How an alias ends by itself.
struct AliasEnd {
  bool with_message = false;
  bool with_monitor = false;
};
[[nodiscard]] constexpr AliasEnd end_of(AliasEnds ends) noexcept {
  return {.with_message = ends == AliasEnds::reply};
}
[[nodiscard]] constexpr AliasEnd end_of(MonitorAlias ends) noexcept {
  return {.with_message = ends == MonitorAlias::reply_demonitor,
          .with_monitor = ends != MonitorAlias::explicit_unalias};
}
[[nodiscard]] Ref make_alias(Process& process, AliasEnd end);
[[nodiscard]] bool end_alias(Process& process, const Ref& alias);
}  // namespace detail

}  // namespace barrel
#pragma GCC visibility pop
