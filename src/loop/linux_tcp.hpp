#pragma once

#include <memory>
#include <span>
#include <string>

#include "barrel/base/metrics.hpp"
#include "barrel/term/result.hpp"
#include "loop/file_descriptor.hpp"
#include "loop/flood_gate.hpp"
#include "loop/loop.hpp"
#include "loop/poller.hpp"
#include "loop/receive_window.hpp"
#include "loop/tcp_socket.hpp"

namespace barrel::loop {

/// What the TCP streams of one loop share.
struct TcpShared {
  TcpShared(Loop& loop, Metrics& metrics);

  Loop& loop;
  /// Read at once: what a socket buffer of the default size holds. One buffer for all streams.
  static constexpr std::size_t read_bytes = std::size_t{256} << 10;
  std::unique_ptr<std::uint8_t[]> buffer;
  Counter& accepted;
  Counter& accept_errors;
  Counter& read_bytes_total;
  Counter& read_calls;
  Counter& rests;
  ReceiveWindow::Counters windows;
  Counter& written_bytes_total;
  Counter& write_calls;
  Counter& write_blocked;
};

class LinuxTcpStream final : public ByteStream, private ReadyHandler {
 public:
  /// Of a connected socket, or of one to connect().
  LinuxTcpStream(Poller& poller, TcpShared& shared, FileDescriptor fd, const SocketAddress& remote);
  /// Begins to connect a socket of the address's family.
  void connect();
  ~LinuxTcpStream() override;

  void start(StreamEvents& events) override;
  std::size_t write(std::span<const BytesView> pieces) override;
  void widen() override;
  void close() override;
  [[nodiscard]] const SocketAddress& remote_address() const override { return remote_; }

 private:
  void on_ready(std::uint32_t events) override;
  void connect_done();
  void read();
  /// False when there is no more to read now, or nobody to read it.
  [[nodiscard]] bool read_once();
  void rest_if_flood(std::size_t read, bool is_drained);
  void end_rest();
  void want(std::uint32_t events);
  void fail(const std::string& why);

  Poller* poller_;
  TcpShared* shared_;
  FileDescriptor fd_;
  SocketAddress remote_;
  StreamEvents* events_ = nullptr;
  bool is_watched_ = false;
  std::uint32_t watched_ = 0;
  bool connecting_ = false;
  FloodGate floods_;
  ReceiveWindow window_;
  Timer rest_;
  std::string failed_;  // why there is no stream: told with the next turn
};

/// Null when the system has no more sockets.
[[nodiscard]] std::unique_ptr<ByteStream> dial_linux_tcp(Poller& poller, TcpShared& shared,
                                                         const SocketAddress& remote);
/// Errors: io, invalid_argument.
[[nodiscard]] Result<std::unique_ptr<TcpListener>> open_linux_tcp_listener(Poller& poller, TcpShared& shared,
                                                                           const TcpListenerOptions& options,
                                                                           TcpListenerEvents& events);

}  // namespace barrel::loop
