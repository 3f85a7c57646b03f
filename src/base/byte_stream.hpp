#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "barrel/base/bytes.hpp"
#include "barrel/base/socket_address.hpp"

namespace barrel {

/// What a ByteStream reports, on the thread that drives it.
class StreamEvents {
 public:
  virtual ~StreamEvents() = default;
  /// A stream that was dialed has reached the other end.
  virtual void on_connected() = 0;
  /// Where the next bytes have a place already: the stream may put them there itself, and says so by
  /// on_placed() before it reports anything else. Empty: nowhere.
  [[nodiscard]] virtual std::span<std::uint8_t> room() { return {}; }
  /// The next bytes are in the room(), at its front.
  virtual void on_placed(std::size_t /*count*/) {}
  /// The next bytes, valid during the call.
  virtual void on_bytes(BytesView bytes) = 0;
  /// After write() took less than it was given: there is room again.
  virtual void on_writable() = 0;
  /// The end, once, unless close() was called before: the peer ended the stream, or it broke, or the dial
  /// failed; `why` for people.
  virtual void on_closed(const std::string& why) = 0;
};

/// A stream of bytes to another process: a TCP connection. Used by one thread, also from within its events;
/// must not be destroyed within one of its own events.
class ByteStream {
 public:
  /// Closes. What was written still is sent.
  virtual ~ByteStream() = default;
  /// Begins to report; `events` must live until close(). Once.
  virtual void start(StreamEvents& events) = 0;
  /// Writes as much of the pieces as the system takes at once, in order, without keeping any of it: how many
  /// bytes that was. Less than all means that on_writable() follows, or on_closed().
  virtual std::size_t write(std::span<const BytesView> pieces) = 0;
  /// The peer sends large messages: it may send ahead as much as the path holds. Until then a stream may hold
  /// it back, so that it gathers small ones.
  virtual void widen() {}
  /// Ends the stream; nothing is reported any more.
  virtual void close() = 0;
  [[nodiscard]] virtual const SocketAddress& remote_address() const = 0;
};

/// Makes streams.
class StreamDialer {
 public:
  virtual ~StreamDialer() = default;
  /// Its outcome is on_connected() or on_closed(), after start(). Null when the system has no more sockets.
  [[nodiscard]] virtual std::unique_ptr<ByteStream> dial(const SocketAddress& remote) = 0;
};

}  // namespace barrel
