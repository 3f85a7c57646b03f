#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "barrel/base/metrics.hpp"
#include "loop/file_descriptor.hpp"
#include "loop/native_address.hpp"
#include "loop/poller.hpp"
#include "loop/udp_socket.hpp"

namespace barrel::loop {

class LinuxUdpSocket final : public UdpSocket, private ReadyHandler {
 public:
  LinuxUdpSocket(Poller& poller, Metrics& metrics, UdpEvents& events);
  ~LinuxUdpSocket() override;

  /// Creates, binds and watches the socket. Errors: io, invalid_argument.
  [[nodiscard]] Result<> open(const UdpOptions& options);

  Status send(const DatagramTrain& train) override;
  [[nodiscard]] const SocketAddress& local_address() const override { return local_; }
  [[nodiscard]] bool sends_trains() const override { return gso_; }

 private:
  /// A train that the kernel did not take yet.
  struct Pending {
    SocketAddress local;
    SocketAddress remote;
    Bytes bytes;
    std::size_t segment_size;
    [[nodiscard]] DatagramTrain train() const { return {local, remote, bytes, segment_size}; }
  };
  struct ReceiveBatch;
  enum class Outcome : std::uint8_t {
    sent,
    would_block,
    lost,
    refused_as_train,  ///< Nothing was sent: its datagrams may go one by one.
  };

  void set_options(const UdpOptions& options);
  void on_ready(std::uint32_t events) override;
  void receive();
  /// True when the kernel may have more.
  [[nodiscard]] bool receive_batch();
  void deliver(const msghdr& message, std::size_t size);
  void read_errors();
  void send_pending();
  /// Sends all of `train` or as much as fits; what was sent is taken off its front.
  [[nodiscard]] Outcome try_send(DatagramTrain& train);
  /// `segment_size` 0: it is one datagram.
  [[nodiscard]] Outcome send_at_once(const DatagramTrain& train, std::uint16_t segment_size);
  [[nodiscard]] Outcome send_one_by_one(DatagramTrain& train);
  [[nodiscard]] Outcome failed(int error);
  void keep(const DatagramTrain& train);
  void take_off_pending(std::size_t bytes);

  Poller* poller_;
  UdpEvents* events_;
  Counter& received_;
  Counter& receive_calls_;
  Counter& sent_;
  Counter& send_calls_;
  Counter& blocked_;
  Counter& dropped_;
  Counter& errors_;
  Counter& truncated_;
  Counter& overflows_;
  Gauge& waiting_bytes_;
  FileDescriptor fd_;
  int family_ = AF_INET;
  SocketAddress local_;
  bool wildcard_ = false;
  bool gso_ = false;
  bool watched_ = false;
  std::deque<Pending> pending_;
  std::size_t pending_bytes_ = 0;
  std::uint32_t overflows_seen_ = 0;
  std::unique_ptr<ReceiveBatch> batch_;
};

}  // namespace barrel::loop
