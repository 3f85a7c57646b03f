#pragma once

#include <cstddef>
#include <cstdint>

#include "barrel/base/datagram.hpp"
#include "barrel/base/socket_address.hpp"

namespace barrel::loop {

/// What a UdpSocket reports, on the loop thread.
class UdpEvents {
 public:
  virtual ~UdpEvents() = default;
  /// Datagrams of one path as the kernel coalesced them; the bytes are valid during the call.
  virtual void on_datagrams(const DatagramTrain& train) = 0;
  /// After send() answered `blocked`: there is room again.
  virtual void on_writable() = 0;
  /// An ICMP error said that nobody listens at `remote`. Unauthenticated: a hint to probe, not a fact.
  virtual void on_refused(const SocketAddress& remote) = 0;
};

struct UdpOptions {
  /// Where to listen; port 0 takes an ephemeral one. A wildcard IPv6 address also receives IPv4.
  SocketAddress bind;
  /// Asked of the kernel for each direction; it may grant less.
  std::size_t buffer_bytes = std::size_t{4} << 20;
  /// Trains through the kernel where it can do it (GSO, GRO), found out at run time; false is for tests and
  /// for kernels that lie.
  bool offload = true;
  /// Lets several sockets share the port.
  bool reuse_port = false;
};

/// A bound UDP socket of a Loop. Sends on the loop thread; destroying it closes the socket.
class UdpSocket : public DatagramSink {
 public:
  /// The bound address, with the port that the system chose.
  [[nodiscard]] virtual const SocketAddress& local_address() const = 0;
  /// Whether trains leave as one system call (GSO).
  [[nodiscard]] virtual bool sends_trains() const = 0;
};

}  // namespace barrel::loop
