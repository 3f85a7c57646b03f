#pragma once

#include <memory>
#include <string>

#include "barrel/base/log.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/node/config.hpp"
#include "barrel/term/result.hpp"

namespace barrel::node {

/// Where a node's log lines go: standard error, or the end of a file, one line each:
///
///     2026-11-22T15:52:48.123Z warning auth: peer refused peer=bob@127.0.0.1 reason="no key is pinned"
///
/// Times are UTC. Thread-safe; writing never throws, and lines that cannot be written are lost, which the
/// first line that can be written again tells (counter log.lines_lost). Errc::io when the file cannot be
/// opened, with what to do.
[[nodiscard]] Result<std::unique_ptr<LogSink>> make_log_sink(const NodeConfig::Logging& config,
                                                             Metrics& metrics);

/// `text key=value key="value with spaces"`: what a line has after the component. Line breaks and other
/// control characters in text and values are escaped, so that nobody's input can forge a line.
[[nodiscard]] std::string format_log_text(std::string_view text, std::span<const LogField> fields);

}  // namespace barrel::node
