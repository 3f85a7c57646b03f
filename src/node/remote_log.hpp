#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "barrel/base/log.hpp"
#include "barrel/process/runtime.hpp"
#include "barrel/term/term.hpp"

namespace barrel::node {

/// What the logger of an Erlang node sends to the node where the group leader of a process is: when the
/// process was started from there, its crash is told there.
struct RemoteLogEvent {
  LogLevel level = LogLevel::error;
  std::string text;
  /// Of the process that it is about; empty when the event does not say.
  std::string pid;
};

/// Characters of an event that are written. A guess: a crash report with its first arguments.
inline constexpr std::size_t remote_log_text_bytes_max = 4096;
/// Bytes of an event that are read at all; a guess, far above reports of processes without large states.
inline constexpr std::size_t remote_log_event_bytes_max = std::size_t{1} << 20;
/// Events that are written, of all nodes together: the disk is ours. A guess: an operator reads no more.
inline constexpr std::uint64_t remote_log_lines_per_second = 10;

/// {log, Level, Format, Arguments, Metadata} or {log, Level, StringOrReport, Metadata}; empty for anything
/// else.
[[nodiscard]] std::optional<RemoteLogEvent> read_log_event(const Term& message, NodeName self);

/// Whether those events are sent to that name: logger_proxy, and logger by OTP 21.0. Any process may register
/// it, and gets them then.
[[nodiscard]] bool is_logger_name(Atom name);
/// Of the process that takes them when none has.
[[nodiscard]] Atom remote_log_name();

/// That process: writes them to this node's log, as far as the limits let it.
[[nodiscard]] Task<> remote_log(Self self);

}  // namespace barrel::node
