#pragma once

#include <cstddef>
#include <memory>

#include "barrel/base/log.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/base/time.hpp"
#include "loop/loop.hpp"

namespace barrel::loop {

struct LoopOptions {
  /// How long the loop polls before it sleeps when there was traffic a moment ago (transport.md: a round trip
  /// between two cores falls from 60 to 11 us). Adaptive: spinning stops when it finds nothing. Zero never
  /// spins.
  Duration spin_max = std::chrono::microseconds(50);
  /// Threads for files and DNS, started on first use.
  std::size_t blocking_threads_max = 4;
  /// Tasks that may wait for them before offload() answers false.
  std::size_t blocking_queue_max = 256;
};

/// The loop on Linux epoll; why not Asio: docs/adr/0001-native-epoll-loop.md. `metrics` must outlive it.
/// Errors: Errc::io when the kernel refuses the descriptors.
[[nodiscard]] Result<std::unique_ptr<Loop>> make_epoll_loop(Metrics& metrics, const LoopOptions& options = {},
                                                            Log log = {});

}  // namespace barrel::loop
