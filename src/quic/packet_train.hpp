#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "barrel/base/bytes.hpp"
#include "barrel/base/datagram.hpp"
#include "quic/path.hpp"

namespace barrel::quic {

/// Collects packets of one path and one size, the last may be shorter, in the buffer in which they were made,
/// and hands them to the sink as a train: the kernel takes it in one call (GSO, 20 times the packets/s,
/// measured).
class PacketTrain {
 public:
  /// Limits of the kernel's UDP_SEGMENT.
  static constexpr std::size_t segments_max = 64;
  static constexpr std::size_t bytes_max = 65'000;

  PacketTrain(DatagramSink& sink, std::size_t packet_bytes_max);

  /// Where to write the next packet, packet_bytes_max bytes. Sends what was collected when it would not fit.
  [[nodiscard]] std::span<std::uint8_t> next();
  /// The packet written at next() is `count` bytes long and goes along `path`.
  void commit(std::size_t count, const Path& path);
  /// Sends what was collected.
  void flush();

  /// The sink asked to wait. Cleared by set_writable().
  [[nodiscard]] bool blocked() const { return blocked_; }
  void set_writable() { blocked_ = false; }

  /// Sends one datagram that was made elsewhere, after what was collected.
  void send_single(BytesView datagram, const SocketAddress& local, const SocketAddress& remote);

  struct Sent {
    std::uint64_t packets = 0;
    std::uint64_t trains = 0;
    std::uint64_t bytes = 0;
  };
  /// What was sent since the last call.
  [[nodiscard]] Sent take_sent() { return std::exchange(sent_, {}); }

 private:
  DatagramSink* sink_;
  std::size_t packet_bytes_max_;
  Bytes buffer_;
  std::size_t size_ = 0;
  std::size_t segment_ = 0;
  std::size_t count_ = 0;
  Path path_;
  Sent sent_;
  bool blocked_ = false;
};

}  // namespace barrel::quic
