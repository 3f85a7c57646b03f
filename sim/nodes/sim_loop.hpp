#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loop/loop.hpp"
#include "loop/timer_queue.hpp"
#include "sim/nodes/machine.hpp"

namespace barrel::sim {

/// The loop of a node on a simulated machine. run() is never called: the machine takes the turns.
class SimLoop final : public loop::Loop {
 public:
  explicit SimLoop(Machine& machine) : machine_(machine) { machine_.loop_ = this; }
  ~SimLoop() override { machine_.loop_ = nullptr; }
  SimLoop(const SimLoop&) = delete;
  SimLoop& operator=(const SimLoop&) = delete;

  [[nodiscard]] Instant now() const override { return machine_.queue_.now(); }
  [[nodiscard]] SystemTime system_now() const override;
  void post(loop::Task task) override;
  void wake() override { machine_.plan(now()); }
  [[nodiscard]] loop::TimerId add_timer(Instant when, loop::Task task) override;
  void cancel(const loop::TimerId& timer) override { timers_.cancel(timer); }
  void set_turn_hook(loop::Task hook) override { hook_ = std::move(hook); }
  [[nodiscard]] Result<std::unique_ptr<loop::UdpSocket>> open_udp(const loop::UdpOptions& options,
                                                                  loop::UdpEvents& events) override;
  /// Simulated machines have no TCP: listening is refused, and nobody can be dialed.
  [[nodiscard]] Result<std::unique_ptr<loop::TcpListener>> listen_tcp(
      const loop::TcpListenerOptions& options, loop::TcpListenerEvents& events) override;
  [[nodiscard]] StreamDialer& tcp_dialer() override { return no_streams_; }
  /// The work is done at once, its end is told in a later turn.
  [[nodiscard]] bool offload(loop::Task work, loop::Task done) override;
  /// Only IP literals have addresses here.
  void resolve(std::string host, std::uint16_t port, Resolved done) override;
  void run() override;
  void stop() override {}

  // For the machine.
  void turn(Runtime* processes);
  [[nodiscard]] std::optional<Instant> next_timer() const { return timers_.next(); }

 private:
  friend class SimSocket;

  struct NoStreams final : StreamDialer {
    [[nodiscard]] std::unique_ptr<ByteStream> dial(const SocketAddress&) override { return nullptr; }
  };

  Machine& machine_;
  NoStreams no_streams_;
  loop::TimerQueue timers_;
  std::vector<loop::Task> posted_;
  loop::Task hook_;
  loop::UdpEvents* socket_ = nullptr;
};

}  // namespace barrel::sim
