#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "barrel/base/bytes.hpp"
#include "barrel/term/term.hpp"
#include "dist/flags.hpp"

namespace barrel::hostile {

using namespace std::chrono_literals;

/// A TCP connection on 127.0.0.1 that does what the test says. Nothing blocks for longer than a limit.
class TcpPeer {
 public:
  using Limit = std::chrono::milliseconds;

  /// Connects; throws when nobody listens.
  explicit TcpPeer(std::uint16_t port);
  /// Takes a connected socket over.
  static TcpPeer adopt(int fd) { return TcpPeer(Adopted{fd}); }
  TcpPeer(TcpPeer&& other) noexcept;
  TcpPeer& operator=(TcpPeer&&) = delete;
  ~TcpPeer();

  /// False when the other end has closed, or takes nothing for `limit`.
  bool send(BytesView bytes, Limit limit = 5s);
  /// At least one byte; empty when none came in time, or none will come.
  [[nodiscard]] Bytes receive(Limit limit = 5s);
  /// Exactly that many; empty when they did not come.
  [[nodiscard]] Bytes receive_exactly(std::size_t count, Limit limit = 5s);
  /// Reads what comes until the other end closes.
  [[nodiscard]] bool closed_within(Limit limit);

 private:
  struct Adopted {
    int fd;
  };
  explicit TcpPeer(Adopted adopted) : fd_(adopted.fd) {}
  [[nodiscard]] bool ready(short events, Limit limit) const;

  int fd_ = -1;
  Bytes buffer_;
};

/// A listening socket on 127.0.0.1 at a port of the system's choice.
class TcpTrap {
 public:
  TcpTrap();
  TcpTrap(const TcpTrap&) = delete;
  TcpTrap& operator=(const TcpTrap&) = delete;
  ~TcpTrap();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// The next connection; empty when none came.
  [[nodiscard]] std::optional<TcpPeer> accept(TcpPeer::Limit limit = 10s);

 private:
  int fd_ = -1;
  std::uint16_t port_ = 0;
};

/// An Erlang node over TCP, as far as a test wants it to be one.
class TcpNode {
 public:
  TcpNode(std::uint16_t port, NodeName target, NodeName own = NodeName("eve@127.0.0.1"))
      : peer_(port), target_(target), own_(own) {}

  /// The handshake as its initiator; false when it is not let in.
  [[nodiscard]] bool come_up(std::string_view cookie = "barrel_p2p");

  bool control(const Term& tuple, const Term* payload = nullptr);
  /// Bytes with their length before them.
  bool frame(BytesView payload);
  bool send(const Pid& to, const Term& message) {
    return control(Term::tuple_of(22, own_pid(), to), &message);
  }
  bool send_name(std::string_view name, const Term& message) {
    return control(Term::tuple_of(6, own_pid(), Atom(""), Atom(std::string(name))), &message);
  }
  /// Whether the target has dealt with what was sent, and answers; what comes meanwhile is dropped.
  [[nodiscard]] bool settled();
  /// Answers ticks no more, and reads what comes until the end.
  [[nodiscard]] bool closed_within(TcpPeer::Limit limit) { return peer_.closed_within(limit); }

  [[nodiscard]] Pid own_pid(std::uint32_t id = 1) const { return {own_.atom(), id, 0, creation}; }
  [[nodiscard]] NodeName name() const { return own_; }
  [[nodiscard]] TcpPeer& peer() { return peer_; }
  /// The process that has the name; asked by rpc.
  [[nodiscard]] std::optional<Pid> whereis(std::string_view name);
  /// How many messages that were read have said that something is refused: is_refusal().
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

  static constexpr std::uint32_t creation = 5;

 private:
  [[nodiscard]] Ref next_ref();
  /// The payload of the next message whose payload holds `ref`; none when it does not come.
  [[nodiscard]] std::optional<Term> answer_to(const Ref& ref);

  TcpPeer peer_;
  NodeName target_;
  NodeName own_;
  std::uint32_t refs_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace barrel::hostile
