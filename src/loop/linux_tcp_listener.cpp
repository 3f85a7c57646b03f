#include <sys/epoll.h>

#include <cerrno>
#include <utility>

#include "loop/linux_tcp.hpp"
#include "loop/native_address.hpp"

namespace barrel::loop {
namespace {

/// Connections accepted before others get their turn of the loop.
constexpr int accepts_per_turn = 64;

class LinuxTcpListener final : public TcpListener, private ReadyHandler {
 public:
  LinuxTcpListener(Poller& poller, TcpShared& shared, TcpListenerEvents& events)
      : poller_(&poller), shared_(&shared), events_(&events) {}
  ~LinuxTcpListener() override {
    if (watched_) poller_->unwatch(fd_.get(), *this);
  }

  Result<> open(const TcpListenerOptions& options);
  [[nodiscard]] const SocketAddress& local_address() const override { return local_; }

 private:
  void on_ready(std::uint32_t) override {
    for (int i = 0; i < accepts_per_turn; ++i) {
      if (!accept()) return;
    }
  }
  [[nodiscard]] bool accept();
  void turn_away();

  Poller* poller_;
  TcpShared* shared_;
  TcpListenerEvents* events_;
  FileDescriptor fd_;
  FileDescriptor spare_;  // given up for a moment to turn somebody away when the process has no more
  SocketAddress local_;
  bool watched_ = false;
};

Result<> LinuxTcpListener::open(const TcpListenerOptions& options) {
  if (!options.bind.is_valid()) return Error{Errc::invalid_argument, Term::binary(as_bytes("bind address"))};
  const int family = native_family(options.bind);
  fd_ = FileDescriptor(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_.is_open()) return system_error("socket", errno);
  const int on = 1;
  const int off = 0;
  // A node that restarts takes its port back at once.
  (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) (void)::setsockopt(fd_.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  NativeAddress address(options.bind, family);
  if (::bind(fd_.get(), address.get(), address.length) != 0 || ::listen(fd_.get(), options.backlog) != 0) {
    return system_error(("listen on TCP " + options.bind.to_string()).c_str(), errno);
  }
  NativeAddress bound;
  if (::getsockname(fd_.get(), bound.get(), &bound.length) != 0) return system_error("getsockname", errno);
  local_ = bound.value();
  spare_ = FileDescriptor(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (auto watched = poller_->watch(fd_.get(), EPOLLIN, *this); !watched) return watched;
  watched_ = true;
  return {};
}

bool LinuxTcpListener::accept() {
  NativeAddress remote;
  FileDescriptor fd(::accept4(fd_.get(), remote.get(), &remote.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd.is_open()) {
    if (errno == EAGAIN || errno == EINTR) return false;
    shared_->accept_errors.add();
    if (errno == EMFILE || errno == ENFILE) turn_away();
    return errno == ECONNABORTED;
  }
  shared_->accepted.add();
  events_->on_accepted(std::make_unique<LinuxTcpStream>(*poller_, *shared_, std::move(fd), remote.value()));
  return true;
}

/// Whoever waits would wake the loop again and again.
void LinuxTcpListener::turn_away() {
  spare_ = FileDescriptor();
  FileDescriptor fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  fd = FileDescriptor();
  spare_ = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

}  // namespace

Result<std::unique_ptr<TcpListener>> open_linux_tcp_listener(Poller& poller, TcpShared& shared,
                                                             const TcpListenerOptions& options,
                                                             TcpListenerEvents& events) {
  auto made = std::make_unique<LinuxTcpListener>(poller, shared, events);
  if (auto opened = made->open(options); !opened) return std::move(opened).error();
  std::unique_ptr<TcpListener> listener = std::move(made);
  return listener;
}

}  // namespace barrel::loop
