#pragma once

#include <memory>
#include <vector>

#include "loop/epoll_loop.hpp"
#include "loop/file_descriptor.hpp"
#include "loop/poller.hpp"

namespace barrel::loop {

/// Blocked signals as events of a loop (signalfd). The signals stay blocked when it goes.
class SignalWatch final : private ReadyHandler {
 public:
  [[nodiscard]] static Result<std::unique_ptr<SignalWatch>> make(Poller& poller,
                                                                 const std::vector<int>& signals,
                                                                 EpollLoop::OnSignal on_signal);
  ~SignalWatch() override;

 private:
  SignalWatch(Poller& poller, FileDescriptor fd, EpollLoop::OnSignal on_signal)
      : poller_(&poller), fd_(std::move(fd)), on_signal_(std::move(on_signal)) {}
  void on_ready(std::uint32_t events) override;

  Poller* poller_;
  FileDescriptor fd_;
  EpollLoop::OnSignal on_signal_;
};

}  // namespace barrel::loop
