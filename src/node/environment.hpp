#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "barrel/base/log.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/node/config.hpp"
#include "barrel/term/result.hpp"
#include "loop/loop.hpp"

namespace barrel::node {

/// What a node takes from the world that it runs in, beside its configuration: sockets and time, where its
/// log goes, and chance. A simulation gives its own and runs the same node. A value; used while a node is
/// made.
struct Environment {
  /// Makes the loop: all time and all datagrams of the node.
  std::function<Result<std::unique_ptr<loop::Loop>>(Metrics&)> make_loop;
  std::function<Result<std::unique_ptr<LogSink>>(const NodeConfig::Logging&, Metrics&)> make_log_sink;
  /// Tells this incarnation of the node from the others; at least 4, as OTP has it.
  std::uint32_t creation = 4;
  /// Of every choice that is no secret.
  std::uint64_t seed = 0;
  /// False: whoever made the loop takes its turns, and steps the processes, which then run on no thread of
  /// their own (RuntimeConfig::deterministic).
  bool own_threads = true;
};

/// The machine: epoll, its clocks, the configured log, a creation and a seed that never come again.
[[nodiscard]] Environment real_environment();

}  // namespace barrel::node
