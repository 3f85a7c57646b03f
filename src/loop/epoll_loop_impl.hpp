#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/blocking_pool.hpp"
#include "base/processor_offers.hpp"
#include "loop/epoll_loop.hpp"
#include "loop/file_descriptor.hpp"
#include "loop/linux_tcp.hpp"
#include "loop/poller.hpp"
#include "loop/system_clock.hpp"
#include "loop/timer_queue.hpp"

namespace barrel::loop {

class SignalWatch;

class EpollLoopImpl final : public EpollLoop, private Poller, private StreamDialer {
 public:
  EpollLoopImpl(FileDescriptor epoll, FileDescriptor wakeup, Metrics& metrics, const LoopOptions& options);
  ~EpollLoopImpl() override;

  [[nodiscard]] Instant now() const override;
  [[nodiscard]] SystemTime system_now() const override { return clock_.system_now(); }
  void post(Task task) override;
  void wake() override;
  [[nodiscard]] TimerId add_timer(Instant when, Task task) override {
    return timers_.add(when, std::move(task));
  }
  void cancel(const TimerId& timer) override { timers_.cancel(timer); }
  void set_turn_hook(Task hook) override { hook_ = std::move(hook); }
  [[nodiscard]] Result<std::unique_ptr<UdpSocket>> open_udp(const UdpOptions& options,
                                                            UdpEvents& events) override;
  [[nodiscard]] Result<std::unique_ptr<TcpListener>> listen_tcp(const TcpListenerOptions& options,
                                                                TcpListenerEvents& events) override;
  [[nodiscard]] StreamDialer& tcp_dialer() override { return *this; }
  [[nodiscard]] bool offload(Task work, Task done) override;
  void resolve(std::string host, std::uint16_t port, Resolved done) override;
  void run() override;
  void stop() override;
  [[nodiscard]] Result<> watch_signals(const std::vector<int>& signals, OnSignal on_signal) override;

  /// Watches the descriptor that wakes the loop. Errors: io.
  [[nodiscard]] Result<> start();

 private:
  /// Descriptors handled in one turn; more wait for the next.
  static constexpr std::size_t ready_max = 64;

  [[nodiscard]] Result<> watch(int fd, std::uint32_t events, ReadyHandler& handler) override;
  void change(int fd, std::uint32_t events, ReadyHandler& handler) override;
  void unwatch(int fd, ReadyHandler& handler) override;

  [[nodiscard]] std::unique_ptr<ByteStream> dial(const SocketAddress& remote) override;
  [[nodiscard]] TcpShared& tcp_shared();

  void turn();
  /// Fills ready_ and sets turn_now_; returns when there is something to do.
  void wait();
  [[nodiscard]] bool spin(std::optional<Instant> deadline);
  void sleep(std::optional<Instant> deadline);
  /// True when descriptors are ready.
  bool poll(std::optional<Duration> timeout);
  void drain_wakeup();
  void run_posted();

  FileDescriptor epoll_;
  FileDescriptor wakeup_;
  LoopOptions options_;
  SystemClock clock_;
  Counter& turns_;
  Counter& sleeps_;
  Counter& spins_;
  Counter& wakeups_;
  Gauge& posted_waiting_;
  Metrics* metrics_;

  std::atomic<bool> pending_{false};   ///< There is something that no descriptor tells of.
  std::atomic<bool> sleeping_{false};  ///< A wake-up has to be written.
  std::atomic<bool> stopping_{false};
  std::atomic<std::thread::id> thread_{};
  std::mutex mutex_;
  std::vector<Task> posted_;

  Instant turn_now_{};
  TimerQueue timers_;
  Task hook_;
  std::array<epoll_event, ready_max> events_{};
  std::span<epoll_event> ready_;
  Duration spin_budget_;
  ProcessorOffers offers_;
  std::unique_ptr<TcpShared> tcp_;  ///< Once there is TCP.
  bool fine_timeouts_ = true;       ///< The kernel has epoll_pwait2.
  std::unique_ptr<SignalWatch> signals_;
  BlockingPool pool_;
};

/// The sockets of the loop (linux_udp_socket.cpp).
[[nodiscard]] Result<std::unique_ptr<UdpSocket>> open_linux_udp(Poller& poller, Metrics& metrics,
                                                                const UdpOptions& options, UdpEvents& events);

}  // namespace barrel::loop
