#include "support/udp_forwarder.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace barrel::test {

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int open_socket() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const sockaddr_in any = loopback(0);
  if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) {
    throw std::system_error(errno, std::generic_category(), "a socket of the forwarder");
  }
  const int bytes = 4 << 20;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

}  // namespace

UdpForwarder::UdpForwarder(std::uint16_t target_port, std::uint64_t seed)
    : front_(open_socket()),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      port_(port_of(front_)),
      random_(seed),
      target_port_(target_port) {
  thread_ = std::thread([this] { run(); });
}

UdpForwarder::~UdpForwarder() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
  for (const auto& [client, fd] : backs_) ::close(fd);
  for (const int fd : old_backs_) ::close(fd);
  ::close(front_);
  ::close(wake_);
}

void UdpForwarder::wake() const {
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
}

void UdpForwarder::set_conditions(const Conditions& conditions) {
  const std::lock_guard lock(mutex_);
  conditions_ = conditions;
}

void UdpForwarder::set_cut(bool cut) {
  const std::lock_guard lock(mutex_);
  cut_ = cut;
}

void UdpForwarder::set_target(std::uint16_t port) {
  const std::lock_guard lock(mutex_);
  target_port_ = port;
}

void UdpForwarder::rebind() {
  {
    const std::lock_guard lock(mutex_);
    for (auto& [client, fd] : backs_) old_backs_.push_back(std::exchange(fd, open_socket()));
  }
  wake();
}

UdpForwarder::Counts UdpForwarder::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

int UdpForwarder::socket_of(std::uint16_t client) {
  const auto [place, fresh] = backs_.try_emplace(client, -1);
  if (fresh) place->second = open_socket();
  return place->second;
}

void UdpForwarder::run() {
  for (;;) {
    std::vector<pollfd> fds{{wake_, POLLIN, 0}, {front_, POLLIN, 0}};
    std::vector<std::uint16_t> clients;
    int timeout_ms = -1;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      for (const int fd : std::exchange(old_backs_, {})) ::close(fd);
      for (const auto& [client, fd] : backs_) {
        clients.push_back(client);
        fds.push_back({fd, POLLIN, 0});
      }
      if (!held_.empty()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(held_.top().at - Clock::now());
        timeout_ms = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
      }
    }
    if (::poll(fds.data(), fds.size(), timeout_ms) < 0 && errno != EINTR) return;
    if (fds[0].revents != 0) {
      std::uint64_t count = 0;
      (void)!::read(wake_, &count, sizeof count);
    }
    const std::lock_guard lock(mutex_);
    if (fds[1].revents != 0) receive(front_, true, 0);
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (fds[i + 2].revents != 0) receive(fds[i + 2].fd, false, clients[i]);
    }
    deliver_due();
  }
}

void UdpForwarder::receive(int socket, bool from_client, std::uint16_t client) {
  std::array<std::uint8_t, 65536> buffer{};
  for (;;) {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t n =
        ::recvfrom(socket, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    // An earlier datagram to a port where nobody listens shows here as ECONNREFUSED; only EAGAIN is the end.
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (n < 0) continue;
    std::vector<std::uint8_t> bytes(buffer.begin(), buffer.begin() + n);
    pass(from_client ? ntohs(from.sin_port) : client, from_client, std::move(bytes));
  }
}

void UdpForwarder::pass(std::uint16_t client, bool to_target, std::vector<std::uint8_t> bytes) {
  if (cut_ || random_.chance(conditions_.loss_ppm)) {
    ++counts_.lost;
    return;
  }
  Clock::time_point at = Clock::now() + conditions_.delay;
  if (random_.chance(conditions_.reorder_ppm)) {
    ++counts_.reordered;
    at += conditions_.reorder_delay;
  }
  if (random_.chance(conditions_.duplicate_ppm)) {
    ++counts_.duplicated;
    held_.push({at, order_++, client, to_target, bytes});
  }
  held_.push({at, order_++, client, to_target, std::move(bytes)});
}

void UdpForwarder::deliver_due() {
  const auto now = Clock::now();
  while (!held_.empty() && held_.top().at <= now) {
    const Held held = held_.top();
    held_.pop();
    deliver(held);
  }
}

void UdpForwarder::deliver(const Held& held) {
  const sockaddr_in to = loopback(held.to_target ? target_port_ : held.client);
  const int from = held.to_target ? socket_of(held.client) : front_;
  // What the kernel does not take is lost, as on any network.
  const ssize_t sent = ::sendto(from, held.bytes.data(), held.bytes.size(), 0,
                                reinterpret_cast<const sockaddr*>(&to), sizeof to);
  if (sent >= 0) ++counts_.forwarded;
}

}  // namespace barrel::test
