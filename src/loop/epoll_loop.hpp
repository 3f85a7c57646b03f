#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "barrel/base/metrics.hpp"
#include "barrel/base/time.hpp"
#include "loop/loop.hpp"

namespace barrel::loop {

struct LoopOptions {
  /// How long the loop polls before it sleeps when there was traffic a moment ago (measured: a round trip
  /// between two cores falls from 60 to 11 us). Adaptive: spinning stops when it finds nothing. Zero never
  /// spins.
  Duration spin_max = std::chrono::microseconds(50);
  /// How it offers the processor to others between two looks: sched_yield, unless a test knows better.
  std::function<void()> offer_processor = {};
  /// Threads for files and DNS, started on first use.
  std::size_t blocking_threads_max = 4;
  /// Tasks that may wait for them before offload() answers false.
  std::size_t blocking_queue_max = 256;
};

/// The loop on Linux epoll; why not Asio: docs/adr/0001-native-epoll-loop.md.
class EpollLoop : public Loop {
 public:
  using OnSignal = std::move_only_function<void(int)>;
  /// Blocks these signals in the calling thread and gives them to `on_signal` on the loop thread. Call it
  /// before other threads start, since they inherit what is blocked. Once per loop. Errors: io.
  [[nodiscard]] virtual Result<> watch_signals(const std::vector<int>& signals, OnSignal on_signal) = 0;
};

/// `metrics` must outlive the loop; sockets and timers must not. Errors: Errc::io when the kernel refuses
/// descriptors.
[[nodiscard]] Result<std::unique_ptr<EpollLoop>> make_epoll_loop(Metrics& metrics,
                                                                 const LoopOptions& options = {});

}  // namespace barrel::loop
