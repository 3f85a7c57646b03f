#pragma once

#include "barrel/base/metrics.hpp"

namespace barrel::loop {

/// How far ahead a TCP peer may send. The kernel widens that to what the path can hold, which is further than
/// a peer fills that sends small messages; so it never has to wait, and a writer that never waits gathers
/// nothing (docs/adr/0008). On a short path, where little keeps it full, the window can be held at 64 KiB
/// until let_go(); from then on the kernel decides.
class ReceiveWindow {
 public:
  /// What the streams of one loop count.
  struct Counters {
    Counter& held;
    Counter& let_go;
  };

  explicit ReceiveWindow(Counters counters) : counters_(counters) {}

  /// Once, when the socket is connected. Does nothing before Linux 5.14, which cannot let go again.
  void hold_if_short(int fd);
  void let_go(int fd);

 private:
  Counters counters_;
  bool held_ = false;
};

}  // namespace barrel::loop
