#include "loop/linux_tcp.hpp"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "loop/native_address.hpp"

namespace barrel::loop {
namespace {

/// Reads of one stream before others get their turn of the loop.
constexpr int reads_per_turn = 8;
/// Pieces of one system call; more take another one.
constexpr std::size_t pieces_max = 64;
/// Read behind what has a place already. A guess: enough for the end of a large message and for what stands
/// before the next one's payload, and little of that payload, which can then be put in its place too.
constexpr std::size_t behind_bytes = std::size_t{2} << 10;

void set_options(int fd) {
  // Messages are gathered before they are written: the kernel must not wait for more. What fails here is done
  // without.
  const int on = 1;
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

TcpShared::TcpShared(Loop& owner, Metrics& metrics)
    : loop(owner),
      buffer(std::make_unique_for_overwrite<std::uint8_t[]>(read_bytes)),
      accepted(metrics.counter("loop.tcp_accepted")),
      accept_errors(metrics.counter("loop.tcp_accept_errors")),
      read_bytes_total(metrics.counter("loop.tcp_bytes_received")),
      read_calls(metrics.counter("loop.tcp_receive_calls")),
      rests(metrics.counter("loop.tcp_rests")),
      windows{metrics.counter("loop.tcp_windows_held"), metrics.counter("loop.tcp_windows_let_go")},
      written_bytes_total(metrics.counter("loop.tcp_bytes_sent")),
      write_calls(metrics.counter("loop.tcp_send_calls")),
      write_blocked(metrics.counter("loop.tcp_send_blocked")) {}

LinuxTcpStream::LinuxTcpStream(Poller& poller, TcpShared& shared, FileDescriptor fd,
                               const SocketAddress& remote)
    : poller_(&poller),
      shared_(&shared),
      fd_(std::move(fd)),
      remote_(remote),
      window_(shared.windows),
      rest_(shared.loop, [this] {
        if (failed_.empty()) end_rest();
        else fail(failed_);
      }) {
  set_options(fd_.get());
}

LinuxTcpStream::~LinuxTcpStream() {
  close();
}

void LinuxTcpStream::connect() {
  connecting_ = true;
  NativeAddress address(remote_, native_family(remote_));
  if (::connect(fd_.get(), address.get(), address.length) != 0 && errno != EINPROGRESS)
    failed_ = system_text(errno);
}

std::unique_ptr<ByteStream> dial_linux_tcp(Poller& poller, TcpShared& shared, const SocketAddress& remote) {
  FileDescriptor fd(::socket(native_family(remote), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return nullptr;
  auto stream = std::make_unique<LinuxTcpStream>(poller, shared, std::move(fd), remote);
  stream->connect();
  return stream;
}

void LinuxTcpStream::start(StreamEvents& events) {
  events_ = &events;
  // An unconnected socket is reported at once, with EPOLLHUP.
  const std::uint32_t wanted = connecting_ ? EPOLLOUT : EPOLLIN;
  const Result<> watched = poller_->watch(fd_.get(), wanted, *this);
  is_watched_ = watched.has_value();
  watched_ = wanted;
  if (!connecting_) window_.hold_if_short(fd_.get());
  if (is_watched_) return;
  // Nothing will ever be reported: told with the next turn, as every failure.
  failed_ = watched.error().message();
  rest_.arm_after(Duration::zero());
}

void LinuxTcpStream::want(std::uint32_t events) {
  if (events == watched_ || !is_watched_) return;
  watched_ = events;
  poller_->change(fd_.get(), events, *this);
}

void LinuxTcpStream::widen() {
  if (fd_.is_open()) window_.let_go(fd_.get());
}

void LinuxTcpStream::close() {
  if (!fd_.is_open()) return;
  if (is_watched_) poller_->unwatch(fd_.get(), *this);
  is_watched_ = false;
  rest_.cancel();
  events_ = nullptr;
  // What has arrived and nobody reads would make the kernel reset the connection, and what we have written
  // last be lost.
  if (!connecting_ && ::shutdown(fd_.get(), SHUT_WR) == 0) {
    (void)::recv(fd_.get(), nullptr, TcpShared::read_bytes, MSG_DONTWAIT | MSG_TRUNC);
  }
  fd_ = FileDescriptor();
}

void LinuxTcpStream::fail(const std::string& why) {
  StreamEvents* events = events_;
  close();
  if (events != nullptr) events->on_closed(why);
}

std::size_t LinuxTcpStream::write(std::span<const BytesView> pieces) {
  std::size_t written = 0;
  floods_.answered();
  if (rest_.armed() && is_watched_) end_rest();
  while (!pieces.empty() && fd_.is_open() && !connecting_) {
    std::array<iovec, pieces_max> vectors;
    const std::size_t count = std::min(pieces.size(), pieces_max);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) {
      vectors[i] = {const_cast<std::uint8_t*>(pieces[i].data()), pieces[i].size()};
      bytes += pieces[i].size();
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    shared_->write_calls.add();
    const ssize_t taken = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken > 0) {
      written += static_cast<std::size_t>(taken);
      shared_->written_bytes_total.add(static_cast<std::uint64_t>(taken));
    }
    if (taken != static_cast<ssize_t>(bytes)) {
      // Full, or broken, which is reported the same way.
      shared_->write_blocked.add();
      want(watched_ | EPOLLOUT);
      return written;
    }
    pieces = pieces.subspan(count);
  }
  return written;
}

void LinuxTcpStream::on_ready(std::uint32_t events) {
  if (connecting_) return connect_done();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read();
  if (!fd_.is_open() || (events & EPOLLOUT) == 0) return;
  want(watched_ & ~std::uint32_t{EPOLLOUT});
  events_->on_writable();
}

void LinuxTcpStream::connect_done() {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (!failed_.empty()) return fail(failed_);
  if (error != 0) return fail(system_text(error));
  connecting_ = false;
  window_.hold_if_short(fd_.get());
  want(EPOLLIN);
  events_->on_connected();
}

void LinuxTcpStream::read() {
  for (int i = 0; i < reads_per_turn; ++i) {
    if (!read_once()) return;
  }
}

bool LinuxTcpStream::read_once() {
  shared_->read_calls.add();
  const std::span<std::uint8_t> room = events_->room();
  const std::size_t behind = room.empty() ? TcpShared::read_bytes : behind_bytes;
  std::array<iovec, 2> vectors{{{room.data(), room.size()}, {shared_->buffer.get(), behind}}};
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = vectors.size();
  const ssize_t result = ::recvmsg(fd_.get(), &message, MSG_DONTWAIT);
  if (result < 0) {
    if (errno == EAGAIN) rest_if_flood(0, true);
    if (errno == EAGAIN || errno == EINTR) return false;
    fail(system_text(errno));
    return false;
  }
  if (result == 0) {
    fail("the other end has closed the connection");
    return false;
  }
  const auto count = static_cast<std::size_t>(result);
  shared_->read_bytes_total.add(count);
  const bool is_drained = count < room.size() + behind;
  const std::size_t placed = std::min(count, room.size());
  if (placed > 0) events_->on_placed(placed);
  if (count > placed && fd_.is_open()) events_->on_bytes({shared_->buffer.get(), count - placed});
  if (!fd_.is_open()) return false;
  rest_if_flood(count, is_drained);
  return !is_drained;
}

void LinuxTcpStream::rest_if_flood(std::size_t read, bool is_drained) {
  const Duration pause = floods_.rest_after(read, is_drained, shared_->loop.now());
  if (pause <= Duration::zero()) return;
  shared_->rests.add();
  want(watched_ & ~std::uint32_t{EPOLLIN});
  rest_.arm_after(pause);
}

void LinuxTcpStream::end_rest() {
  rest_.cancel();
  want(watched_ | EPOLLIN);
}

}  // namespace barrel::loop
