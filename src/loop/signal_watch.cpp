#include "loop/signal_watch.hpp"

#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>

namespace barrel::loop {

Result<std::unique_ptr<SignalWatch>> SignalWatch::make(Poller& poller, const std::vector<int>& signals,
                                                       EpollLoop::OnSignal on_signal) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  if (const int failed = pthread_sigmask(SIG_BLOCK, &set, nullptr); failed != 0) {
    return system_error("pthread_sigmask", failed);
  }
  FileDescriptor fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd.is_open()) return system_error("signalfd", errno);
  std::unique_ptr<SignalWatch> self(new SignalWatch(poller, std::move(fd), std::move(on_signal)));
  if (auto watched = poller.watch(self->fd_.get(), EPOLLIN, *self); !watched)
    return std::move(watched).error();
  return self;
}

SignalWatch::~SignalWatch() {
  poller_->unwatch(fd_.get(), *this);
}

void SignalWatch::on_ready(std::uint32_t) {
  signalfd_siginfo info{};
  while (::read(fd_.get(), &info, sizeof info) == ssize_t{sizeof info})
    on_signal_(static_cast<int>(info.ssi_signo));
}

}  // namespace barrel::loop
