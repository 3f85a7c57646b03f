#pragma once

#include <future>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "loop/epoll_loop.hpp"
#include "loop/system_clock.hpp"
#include "quic/test_support.hpp"

namespace barrel::transport_test {

/// A QUIC endpoint on a real socket with a loop and a thread of its own: how `node` puts loop and quic
/// together, in the small. Everything is touched on the loop's thread; tests come in through call().
class Driver : public loop::UdpEvents, public quic::EndpointEvents {
 public:
  struct Options {
    quic::EndpointConfig quic;
    const char* bind = "127.0.0.1:0";
    bool offload = true;
    Duration spin = std::chrono::microseconds(50);
  };
  explicit Driver(Options options)
      : loop_(std::move(*loop::make_epoll_loop(metrics_, {.spin_max = options.spin}))),
        timer_(*loop_, [this] { endpoint_->handle_timeout(loop_->now()); }),
        socket_(std::move(*loop_->open_udp(
            {.bind = *SocketAddress::parse(options.bind), .offload = options.offload}, *this))),
        endpoint_(std::move(*quic::Endpoint::make(std::move(options.quic), *socket_, *this, metrics_))) {
    loop_->set_turn_hook([this] {
      endpoint_->flush(loop_->now());
      if (const auto next = endpoint_->next_timeout()) timer_.arm(*next);
      else timer_.cancel();
    });
    thread_ = std::thread([this] { loop_->run(); });
  }
  ~Driver() override {
    loop_->stop();
    thread_.join();
  }

  void on_datagrams(const DatagramTrain& train) override { endpoint_->receive(train, loop_->now()); }
  void on_writable() override { endpoint_->writable(loop_->now()); }
  void on_refused(const SocketAddress& remote) override { endpoint_->refused(remote, loop_->now()); }
  quic::ConnectionEvents* on_accept(quic::Connection& connection) override { return accept(connection); }

  /// Runs `f` on the loop's thread and waits for what it gives.
  template <class F>
  auto call(F f) {
    std::packaged_task<std::invoke_result_t<F>()> task(std::move(f));
    auto result = task.get_future();
    loop_->post([&task] { task(); });
    return result.get();
  }
  /// Asks `f` on the loop's thread until it says true; false after `limit`.
  template <class F>
  bool wait_until(F f, Duration limit = std::chrono::seconds(20)) {
    const auto end = clock_.now() + limit;
    while (!call(f)) {
      if (clock_.now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }
  quic::Connection* dial(const SocketAddress& remote, quic::ConnectionEvents& owner) {
    auto made = endpoint_->connect(
        {.remote = remote, .local = socket_->local_address(), .server_name = {}, .alpn = {}, .deadline = {}},
        owner, loop_->now());
    return made ? *made : nullptr;
  }
  [[nodiscard]] const SocketAddress& address() const { return socket_->local_address(); }
  [[nodiscard]] quic::Endpoint& endpoint() { return *endpoint_; }
  [[nodiscard]] loop::UdpSocket& socket() { return *socket_; }
  [[nodiscard]] loop::Loop& loop() { return *loop_; }
  [[nodiscard]] std::uint64_t count(const char* name) { return metrics_.counter(name).value(); }

  std::function<quic::ConnectionEvents*(quic::Connection&)> accept = [](quic::Connection&) {
    return nullptr;
  };

 private:
  Metrics metrics_;
  loop::SystemClock clock_;
  std::unique_ptr<loop::EpollLoop> loop_;
  loop::Timer timer_;
  std::unique_ptr<loop::UdpSocket> socket_;
  std::unique_ptr<quic::Endpoint> endpoint_;
  std::thread thread_;
};

/// FNV-1a over a stream of bytes.
struct Hash {
  std::uint64_t value = 0xcbf29ce484222325U;
  void add(BytesView bytes) {
    for (const auto byte : bytes) value = (value ^ byte) * 0x100000001b3U;
  }
  friend bool operator==(const Hash&, const Hash&) = default;
};

}  // namespace barrel::transport_test
