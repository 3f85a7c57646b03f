#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "barrel/base/socket_address.hpp"
#include "barrel/base/time.hpp"
#include "barrel/process/runtime.hpp"
#include "loop/loop.hpp"
#include "sim/event_queue.hpp"
#include "sim/nodes/datagram_network.hpp"

namespace barrel::sim {

class SimLoop;

/// A simulated computer: a clock that can be wrong, a network card with a bounded buffer, and the loop of the
/// node that runs on it, if one does. The loop and the node's processes take turns when there is a reason,
/// all on the one thread of the simulation.
class Machine final : public DatagramReceiver {
 public:
  /// What a socket buffers before the node has looked; the default of Linux.
  static constexpr std::size_t buffer_bytes_max = 212'992;

  Machine(EventQueue& queue, DatagramNetwork& network, std::size_t index, const SocketAddress& address);

  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] const SocketAddress& address() const { return address_; }

  /// For a node's environment; one at a time.
  [[nodiscard]] std::unique_ptr<loop::Loop> make_loop();
  /// Steps these processes in the loop's turns; null: none.
  void drive(Runtime* processes) { processes_ = processes; }
  /// The node runs no more: it sends nothing, not even while it is taken apart. `refuses`: the machine lives
  /// on, and says that nobody listens.
  void unplug(bool refuses);

  /// Takes no turns for so long, or as long as an earlier pause lasts. Datagrams pile up, timers become due.
  void pause(Duration span);
  [[nodiscard]] bool paused() const { return paused_until_ != Instant{}; }
  void step_wall_clock(Duration by) { clock_error_ += by; }
  [[nodiscard]] Duration clock_error() const { return clock_error_; }
  [[nodiscard]] std::uint64_t buffer_overflows() const { return buffer_overflows_; }

  // DatagramReceiver
  void arrived(const SocketAddress& from, std::shared_ptr<const Bytes> datagram) override;
  void refused(const SocketAddress& remote) override;
  [[nodiscard]] bool listens() const override { return plugged_; }
  [[nodiscard]] bool refuses() const override { return refuses_; }

 private:
  friend class SimLoop;
  friend class SimSocket;
  struct Arrival {
    SocketAddress from;
    std::shared_ptr<const Bytes> datagram;  ///< Null: a refusal.
  };

  void plan(Instant when);
  void turn();
  void read_socket(loop::UdpEvents& events);

  EventQueue& queue_;
  DatagramNetwork& network_;
  const std::size_t index_;
  const SocketAddress address_;
  SimLoop* loop_ = nullptr;
  Runtime* processes_ = nullptr;
  bool plugged_ = false;
  bool refuses_ = false;
  Instant paused_until_{};  ///< The beginning of time: not paused.
  Duration clock_error_{};
  std::deque<Arrival> buffer_;
  std::size_t buffered_bytes_ = 0;
  std::uint64_t buffer_overflows_ = 0;
  std::optional<Instant> planned_;
  /// A turn takes some time: the next one is not before.
  Instant ready_at_{};
};

}  // namespace barrel::sim
