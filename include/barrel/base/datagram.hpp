#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "barrel/base/bytes.hpp"
#include "barrel/base/socket_address.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// One datagram, or several of equal size on one path that travel through the kernel as one (GSO, GRO): every
/// `segment_size` bytes are a datagram of their own, only the last may be shorter. Does not own its bytes.
struct DatagramTrain {
  SocketAddress local;   ///< Our side of the path; a wildcard IP lets the system choose the source.
  SocketAddress remote;  ///< The peer's side.
  BytesView bytes;
  std::size_t segment_size = 0;  ///< 0: all bytes are one datagram.

  /// Calls `f(BytesView)` for each datagram, in order.
  template <class F>
  void for_each(F&& f) const {
    if (segment_size == 0) return f(bytes);
    for (std::size_t at = 0; at < bytes.size(); at += segment_size) {
      f(bytes.subspan(at, std::min(segment_size, bytes.size() - at)));
    }
  }
};

/// Where datagrams leave: a socket, or a simulated network. Used by one thread.
class DatagramSink {
 public:
  enum class Status : std::uint8_t {
    accepted,  ///< Sent or kept; more may follow.
    blocked,   ///< Kept as far as its bound allows; nothing more should be sent until the sink reports itself
               ///< writable.
  };
  virtual ~DatagramSink() = default;
  /// Takes what it needs of the train before it returns. Delivery is never certain.
  virtual Status send(const DatagramTrain& train) = 0;
};

}  // namespace barrel
#pragma GCC visibility pop
