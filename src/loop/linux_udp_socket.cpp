#include "loop/linux_udp_socket.hpp"

#include <linux/errqueue.h>
#include <netinet/udp.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "loop/epoll_loop_impl.hpp"
#include "loop/udp_control.hpp"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace barrel::loop {
namespace {

/// Messages per recvmmsg, each up to a GRO train of 64 KB.
constexpr std::size_t batch_messages = 16;
constexpr std::size_t message_bytes_max = 65'536;
/// Batches received before others get their turn of the loop.
constexpr int batches_per_turn = 4;
/// ICMP errors read at once.
constexpr int errors_per_turn = 64;
/// Every path takes datagrams of this size (RFC 9000 section 14).
constexpr std::uint16_t smallest_mtu = 1200;
/// What is kept while the kernel's buffer is full: a few trains of those who had not heard of it yet.
constexpr std::size_t pending_bytes_max = std::size_t{1} << 20;

std::uint64_t datagrams_in(const DatagramTrain& train) {
  if (train.segment_size == 0) return 1;
  return (train.bytes.size() + train.segment_size - 1) / train.segment_size;
}

template <class T>
bool set(int fd, int level, int option, T value) {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

}  // namespace

struct LinuxUdpSocket::ReceiveBatch {
  // Left uninitialised, so that buffers that are never used cost no memory.
  std::unique_ptr<std::uint8_t[]> bytes =
      std::make_unique_for_overwrite<std::uint8_t[]>(batch_messages * message_bytes_max);
  std::array<mmsghdr, batch_messages> messages{};
  std::array<iovec, batch_messages> vectors{};
  std::array<NativeAddress, batch_messages> senders{};
  std::array<ControlBuffer, batch_messages> controls{};

  void prepare() {
    for (std::size_t i = 0; i < batch_messages; ++i) {
      vectors[i] = {bytes.get() + i * message_bytes_max, message_bytes_max};
      msghdr& header = messages[i].msg_hdr;
      header.msg_name = &senders[i].storage;
      header.msg_namelen = sizeof senders[i].storage;
      header.msg_iov = &vectors[i];
      header.msg_iovlen = 1;
      header.msg_control = controls[i].bytes.data();
      header.msg_controllen = controls[i].bytes.size();
      header.msg_flags = 0;
    }
  }
};

Result<std::unique_ptr<UdpSocket>> open_linux_udp(Poller& poller, Metrics& metrics, const UdpOptions& options,
                                                  UdpEvents& events) {
  auto made = std::make_unique<LinuxUdpSocket>(poller, metrics, events);
  if (auto opened = made->open(options); !opened) return std::move(opened).error();
  std::unique_ptr<UdpSocket> socket = std::move(made);
  return socket;
}

LinuxUdpSocket::LinuxUdpSocket(Poller& poller, Metrics& metrics, UdpEvents& events)
    : poller_(&poller),
      events_(&events),
      received_(metrics.counter("loop.udp_datagrams_received")),
      receive_calls_(metrics.counter("loop.udp_receive_calls")),
      sent_(metrics.counter("loop.udp_datagrams_sent")),
      send_calls_(metrics.counter("loop.udp_send_calls")),
      blocked_(metrics.counter("loop.udp_send_blocked")),
      dropped_(metrics.counter("loop.udp_send_dropped")),
      errors_(metrics.counter("loop.udp_send_errors")),
      truncated_(metrics.counter("loop.udp_truncated")),
      overflows_(metrics.counter("loop.udp_overflows")),
      waiting_bytes_(metrics.gauge("loop.udp_waiting_bytes")),
      batch_(std::make_unique<ReceiveBatch>()) {}

LinuxUdpSocket::~LinuxUdpSocket() {
  if (watched_) poller_->unwatch(fd_.get(), *this);
  take_off_pending(pending_bytes_);
}

Result<> LinuxUdpSocket::open(const UdpOptions& options) {
  if (!options.bind.is_valid()) return Error{Errc::invalid_argument, Term::binary(as_bytes("bind address"))};
  family_ = native_family(options.bind);
  fd_ = FileDescriptor(::socket(family_, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_.is_open()) return system_error("socket", errno);
  wildcard_ = options.bind.is_wildcard();
  set_options(options);
  NativeAddress address(options.bind, family_);
  if (::bind(fd_.get(), address.get(), address.length) != 0) {
    return system_error(("bind to " + options.bind.to_string()).c_str(), errno);
  }
  NativeAddress bound;
  if (::getsockname(fd_.get(), bound.get(), &bound.length) != 0) return system_error("getsockname", errno);
  local_ = bound.value();
  if (auto watched = poller_->watch(fd_.get(), EPOLLIN, *this); !watched) return watched;
  watched_ = true;
  return {};
}

/// What fails here is done without; only speed suffers.
void LinuxUdpSocket::set_options(const UdpOptions& options) {
  const int fd = fd_.get();
  const int bytes = static_cast<int>(options.buffer_bytes);
  // Privileged processes may exceed the system's maximum.
  if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes)) set(fd, SOL_SOCKET, SO_RCVBUF, bytes);
  if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes)) set(fd, SOL_SOCKET, SO_SNDBUF, bytes);
  if (options.reuse_port) set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  // QUIC finds the path's MTU itself: never fragment, and do not let the kernel's opinion refuse a probe.
  if (family_ == AF_INET6) {
    set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
    if (wildcard_) set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  }
  set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  set(fd, IPPROTO_IP, IP_RECVERR, 1);
  set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
  if (wildcard_ && family_ == AF_INET) set(fd, IPPROTO_IP, IP_PKTINFO, 1);
  if (!options.offload) return;
  set(fd, IPPROTO_UDP, UDP_GRO, 1);
  // Setting no segment size changes nothing, but an old kernel does not know the option.
  gso_ = set(fd, IPPROTO_UDP, UDP_SEGMENT, 0);
}

void LinuxUdpSocket::on_ready(std::uint32_t events) {
  if ((events & EPOLLERR) != 0) read_errors();
  if ((events & EPOLLIN) != 0) receive();
  if ((events & EPOLLOUT) != 0) send_pending();
}

void LinuxUdpSocket::receive() {
  for (int i = 0; i < batches_per_turn; ++i) {
    if (!receive_batch()) return;
  }
}

bool LinuxUdpSocket::receive_batch() {
  batch_->prepare();
  receive_calls_.add();
  const int count = ::recvmmsg(fd_.get(), batch_->messages.data(), batch_messages, MSG_DONTWAIT, nullptr);
  // Errors of earlier sends are reported here once; their details are in the error queue.
  if (count < 0) return false;
  for (int i = 0; i < count; ++i) {
    auto& message = batch_->messages[static_cast<std::size_t>(i)];
    batch_->senders[static_cast<std::size_t>(i)].length = message.msg_hdr.msg_namelen;
    deliver(message.msg_hdr, message.msg_len);
  }
  return count == static_cast<int>(batch_messages);
}

void LinuxUdpSocket::deliver(const msghdr& message, std::size_t size) {
  if ((message.msg_flags & MSG_TRUNC) != 0) return truncated_.add();
  if (size == 0) return;
  NativeAddress sender;
  std::memcpy(&sender.storage, message.msg_name,
              std::min<std::size_t>(message.msg_namelen, sizeof sender.storage));
  const auto control = read_control(message);
  if (control.overflows)
    overflows_.add(*control.overflows - std::exchange(overflows_seen_, *control.overflows));
  DatagramTrain train{.local = local_,
                      .remote = sender.value(),
                      .bytes = {static_cast<const std::uint8_t*>(message.msg_iov[0].iov_base), size},
                      .segment_size = control.segment_size < size ? control.segment_size : 0};
  if (wildcard_ && control.destination.is_valid()) train.local = control.destination.with_port(local_.port());
  received_.add(datagrams_in(train));
  events_->on_datagrams(train);
}

void LinuxUdpSocket::read_errors() {
  for (int i = 0; i < errors_per_turn; ++i) {
    NativeAddress destination;
    std::array<std::uint8_t, 256> quoted{};
    iovec vector{quoted.data(), quoted.size()};
    ControlBuffer control;
    msghdr message{};
    message.msg_name = &destination.storage;
    message.msg_namelen = sizeof destination.storage;
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    if (::recvmsg(fd_.get(), &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
    const auto details = read_control(message);
    if (details.error == ECONNREFUSED) events_->on_refused(destination.value());
  }
  // An error that is in no queue would be reported for ever.
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
}

DatagramSink::Status LinuxUdpSocket::send(const DatagramTrain& train) {
  DatagramTrain rest = train;
  if (pending_.empty()) {
    const auto outcome = try_send(rest);
    if (outcome == Outcome::lost) dropped_.add(datagrams_in(rest));
    if (outcome != Outcome::would_block) return Status::accepted;
    blocked_.add();
    poller_->change(fd_.get(), EPOLLIN | EPOLLOUT, *this);
  }
  keep(rest);
  return Status::blocked;
}

void LinuxUdpSocket::keep(const DatagramTrain& train) {
  if (pending_bytes_ + train.bytes.size() > pending_bytes_max) return dropped_.add(datagrams_in(train));
  pending_.push_back(
      {train.local, train.remote, Bytes(train.bytes.begin(), train.bytes.end()), train.segment_size});
  pending_bytes_ += train.bytes.size();
  waiting_bytes_.add(train.bytes.size());
}

void LinuxUdpSocket::take_off_pending(std::size_t bytes) {
  pending_bytes_ -= bytes;
  waiting_bytes_.subtract(bytes);
}

void LinuxUdpSocket::send_pending() {
  while (!pending_.empty()) {
    auto train = pending_.front().train();
    const auto before = train.bytes.size();
    const auto outcome = try_send(train);
    if (outcome == Outcome::would_block) {
      auto& bytes = pending_.front().bytes;
      const auto gone = before - train.bytes.size();
      bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(gone));
      take_off_pending(gone);
      return;
    }
    if (outcome == Outcome::lost) dropped_.add(datagrams_in(train));
    take_off_pending(before);
    pending_.pop_front();
  }
  poller_->change(fd_.get(), EPOLLIN, *this);
  events_->on_writable();
}

LinuxUdpSocket::Outcome LinuxUdpSocket::try_send(DatagramTrain& train) {
  const bool single = train.segment_size == 0 || train.segment_size >= train.bytes.size();
  if (single) return send_at_once(train, 0);
  if (gso_) {
    const auto outcome = send_at_once(train, static_cast<std::uint16_t>(train.segment_size));
    if (outcome != Outcome::refused_as_train) return outcome;
  }
  return send_one_by_one(train);
}

LinuxUdpSocket::Outcome LinuxUdpSocket::send_at_once(const DatagramTrain& train, std::uint16_t segment_size) {
  NativeAddress to(train.remote, family_);
  iovec vector{const_cast<std::uint8_t*>(train.bytes.data()), train.bytes.size()};
  ControlBuffer control;
  msghdr message{};
  message.msg_name = to.get();
  message.msg_namelen = to.length;
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  const auto source = wildcard_ && !train.local.is_wildcard() ? train.local : SocketAddress();
  write_control(message, control, source, family_, segment_size);
  for (int attempt = 0;; ++attempt) {
    send_calls_.add();
    if (::sendmsg(fd_.get(), &message, MSG_DONTWAIT) >= 0) {
      sent_.add(segment_size == 0 ? 1 : datagrams_in(train));
      return Outcome::sent;
    }
    if (segment_size != 0 && (errno == EIO || errno == EINVAL || errno == ENOPROTOOPT)) {
      // The path's device cannot do it after all (no checksum offload, a tunnel): from now on one by one. But
      // some kernels say EINVAL of a train with a probe that is larger than the path's MTU: that one only.
      if (errno != EINVAL || segment_size <= smallest_mtu) gso_ = false;
      return Outcome::refused_as_train;
    }
    // The error of an earlier datagram is reported on the next call, which then has sent nothing.
    if (attempt == 0 && (errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENETUNREACH)) continue;
    return failed(errno);
  }
}

LinuxUdpSocket::Outcome LinuxUdpSocket::send_one_by_one(DatagramTrain& train) {
  NativeAddress to(train.remote, family_);
  ControlBuffer control;
  std::array<mmsghdr, 64> messages{};
  std::array<iovec, 64> vectors{};
  const std::size_t step = train.segment_size == 0 ? train.bytes.size() : train.segment_size;
  const auto source = wildcard_ && !train.local.is_wildcard() ? train.local : SocketAddress();
  int failures = 0;
  while (!train.bytes.empty()) {
    std::size_t count = 0;
    for (std::size_t at = 0; at < train.bytes.size() && count < messages.size(); at += step, ++count) {
      const auto datagram = train.bytes.subspan(at, std::min(step, train.bytes.size() - at));
      vectors[count] = {const_cast<std::uint8_t*>(datagram.data()), datagram.size()};
      msghdr& header = messages[count].msg_hdr;
      header.msg_name = to.get();
      header.msg_namelen = to.length;
      header.msg_iov = &vectors[count];
      header.msg_iovlen = 1;
      write_control(header, control, source, family_, 0);
    }
    send_calls_.add();
    const int sent = ::sendmmsg(fd_.get(), messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    if (sent > 0) {
      sent_.add(static_cast<std::uint64_t>(sent));
      train.bytes = train.bytes.subspan(std::min(train.bytes.size(), static_cast<std::size_t>(sent) * step));
      continue;
    }
    // One failure may be an earlier datagram's; a second is this one's, which is then skipped by giving up
    // the train.
    if (errno == EAGAIN || errno == EWOULDBLOCK || ++failures > 1) return failed(errno);
  }
  return Outcome::sent;
}

LinuxUdpSocket::Outcome LinuxUdpSocket::failed(int error) {
  if (error == EAGAIN || error == EWOULDBLOCK) return Outcome::would_block;
  errors_.add();
  return Outcome::lost;
}

}  // namespace barrel::loop
