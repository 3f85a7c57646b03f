#include "hostile/tcp_peer.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "barrel/base/random.hpp"
#include "barrel/term/etf.hpp"
#include "dist/control.hpp"
#include "dist/handshake.hpp"
#include "hostile/messages.hpp"

namespace barrel::hostile {

namespace {

using Clock = std::chrono::steady_clock;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int open_socket() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw std::runtime_error("no more sockets");
  return fd;
}

TcpPeer::Limit left(Clock::time_point deadline) {
  return std::max(std::chrono::duration_cast<TcpPeer::Limit>(deadline - Clock::now()), TcpPeer::Limit(0));
}

}  // namespace

TcpPeer::TcpPeer(std::uint16_t port) : fd_(open_socket()) {
  const sockaddr_in address = loopback(port);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return;
  ::close(fd_);
  throw std::runtime_error("nobody listens at port " + std::to_string(port));
}

TcpPeer::TcpPeer(TcpPeer&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}

TcpPeer::~TcpPeer() {
  if (fd_ >= 0) ::close(fd_);
}

bool TcpPeer::ready(short events, Limit limit) const {
  pollfd wanted{fd_, events, 0};
  return ::poll(&wanted, 1, static_cast<int>(limit.count())) == 1;
}

bool TcpPeer::send(BytesView bytes, Limit limit) {
  while (!bytes.empty()) {
    if (!ready(POLLOUT, limit)) return false;
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

Bytes TcpPeer::receive(Limit limit) {
  if (!buffer_.empty()) return std::exchange(buffer_, {});
  if (!ready(POLLIN, limit)) return {};
  Bytes bytes(65'536);
  const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), 0);
  bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return bytes;
}

Bytes TcpPeer::receive_exactly(std::size_t count, Limit limit) {
  const auto deadline = Clock::now() + limit;
  Bytes all;
  while (all.size() < count) {
    const Bytes more = receive(left(deadline));
    if (more.empty()) return {};
    all.insert(all.end(), more.begin(), more.end());
  }
  buffer_.assign(all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
  all.resize(count);
  return all;
}

bool TcpPeer::closed_within(Limit limit) {
  buffer_.clear();
  const auto deadline = Clock::now() + limit;
  std::array<std::uint8_t, 65'536> bytes;
  while (ready(POLLIN, left(deadline))) {
    if (::recv(fd_, bytes.data(), bytes.size(), 0) <= 0) return true;
  }
  return false;
}

TcpTrap::TcpTrap() : fd_(open_socket()) {
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd_, generic, length) != 0 || ::listen(fd_, 64) != 0 ||
      ::getsockname(fd_, generic, &length) != 0) {
    ::close(fd_);
    throw std::runtime_error("no free port");
  }
  port_ = ntohs(address.sin_port);
}

TcpTrap::~TcpTrap() {
  ::close(fd_);
}

std::optional<TcpPeer> TcpTrap::accept(TcpPeer::Limit limit) {
  pollfd wanted{fd_, POLLIN, 0};
  if (::poll(&wanted, 1, static_cast<int>(limit.count())) != 1) return std::nullopt;
  const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return std::nullopt;
  return TcpPeer::adopt(fd);
}

bool TcpNode::come_up(std::string_view cookie) {
  dist::HandshakeSetup setup;
  setup.framing = dist::Framing::length16;
  setup.self = own_;
  setup.peer = target_.text();
  setup.creation = creation;
  setup.cookie = std::string(cookie);
  dist::Handshake handshake(std::move(setup), Random(5));
  dist::HandshakeEffects effects;
  handshake.start(effects);
  for (;;) {
    for (const dist::HandshakeEffect& effect : std::exchange(effects, {})) {
      if (const auto* bytes = std::get_if<dist::SendBytes>(&effect)) peer_.send(bytes->bytes);
      if (std::holds_alternative<dist::HandshakeComplete>(effect)) return true;
      if (std::holds_alternative<dist::HandshakeFailed>(effect)) return false;
    }
    // One byte after the other: what follows the last message is not the handshake's.
    const Bytes next = peer_.receive_exactly(1);
    if (next.empty()) return false;
    handshake.receive(next, effects);
  }
}

bool TcpNode::frame(BytesView payload) {
  Bytes framed;
  ByteWriter writer(framed);
  writer.u32(static_cast<std::uint32_t>(payload.size()));
  writer.bytes(payload);
  return peer_.send(framed);
}

bool TcpNode::control(const Term& tuple, const Term* payload) {
  return frame(pass_through_message(tuple, payload));
}

Ref TcpNode::next_ref() {
  return {own_.atom(), creation, 3, {++refs_, 0, 0, 0, 0}};
}

std::optional<Term> TcpNode::answer_to(const Ref& ref) {
  const dist::MessageParser parser(own_, target_);
  const auto deadline = Clock::now() + 10s;
  while (Clock::now() < deadline) {
    const Bytes head = peer_.receive_exactly(4, left(deadline));
    if (head.empty()) return std::nullopt;
    ByteReader reader(head);
    const std::size_t size = reader.u32();
    if (size == 0) continue;  // a tick
    const Bytes body = peer_.receive_exactly(size, left(deadline));
    const auto message = parser.parse(body);
    if (!message) continue;
    if (is_refusal(*message)) ++refused_;
    if (message->payload.bytes.empty()) continue;
    const auto payload = decode_etf(message->payload.bytes);
    if (payload && payload->is_tuple(2) && payload->elements()[0].as_ref() == ref)
      return payload->elements()[1];
  }
  return std::nullopt;
}

std::optional<Pid> TcpNode::whereis(std::string_view name) {
  const Ref ref = next_ref();
  const Term call = Term::tuple_of(Atom("call"), Atom("erlang"), Atom("whereis"),
                                   Term::list({Term(Atom(std::string(name)))}), Atom("user"));
  send_name("rex", Term::tuple_of(Atom("$gen_call"), Term::tuple_of(own_pid(), ref), call));
  const auto answer = answer_to(ref);
  return answer ? answer->as_pid() : std::nullopt;
}

bool TcpNode::settled() {
  const Ref ref = next_ref();
  send_name("net_kernel", Term::tuple_of(Atom("$gen_call"), Term::tuple_of(own_pid(), ref),
                                         Term::tuple_of(Atom("is_auth"), own_)));
  return answer_to(ref).has_value();
}

}  // namespace barrel::hostile
