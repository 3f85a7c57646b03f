#pragma once

#include <cstddef>
#include <memory>

#include "barrel/base/socket_address.hpp"
#include "base/byte_stream.hpp"

namespace barrel::loop {

/// What a TcpListener reports, on the loop thread.
class TcpListenerEvents {
 public:
  virtual ~TcpListenerEvents() = default;
  /// Somebody has connected. Whoever does not want the stream destroys it.
  virtual void on_accepted(std::unique_ptr<ByteStream> stream) = 0;
};

struct TcpListenerOptions {
  /// Where to listen; port 0 takes an ephemeral one. A wildcard IPv6 address also receives IPv4.
  SocketAddress bind;
  /// Connections that the kernel completes before they are accepted.
  int backlog = 512;
};

/// A listening TCP socket of a Loop; destroying it closes the socket.
class TcpListener {
 public:
  virtual ~TcpListener() = default;
  /// The bound address, with the port that the system chose.
  [[nodiscard]] virtual const SocketAddress& local_address() const = 0;
};

}  // namespace barrel::loop
