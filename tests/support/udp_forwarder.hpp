#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <queue>
#include <thread>
#include <vector>

#include "barrel/base/random.hpp"

namespace barrel::test {

/// A stretch of network between the nodes of this machine and one of them: datagrams that come to port() on
/// 127.0.0.1 go on to the target, and its answers back, each client from a socket of its own as behind a NAT.
/// On the way they are lost, held back, doubled and put out of order, after a seed. Runs on its own thread;
/// all calls are thread-safe.
class UdpForwarder {
 public:
  /// Chances in a million, for each datagram of either direction.
  struct Conditions {
    std::uint32_t loss_ppm = 0;
    std::uint32_t duplicate_ppm = 0;
    /// Held back for reorder_delay more, so that later ones overtake it.
    std::uint32_t reorder_ppm = 0;
    std::chrono::microseconds delay{0};
    std::chrono::microseconds reorder_delay{5'000};
  };

  /// Throws std::system_error when there is no socket to be had.
  UdpForwarder(std::uint16_t target_port, std::uint64_t seed);
  ~UdpForwarder();
  UdpForwarder(const UdpForwarder&) = delete;
  UdpForwarder& operator=(const UdpForwarder&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  void set_conditions(const Conditions& conditions);
  /// Nothing goes through any more, or everything again.
  void set_cut(bool cut);
  /// Every client gets another outgoing port, as when a NAT has forgotten it.
  void rebind();
  /// Where datagrams go on to, from now on and for new clients.
  void set_target(std::uint16_t port);

  struct Counts {
    std::uint64_t forwarded = 0;
    std::uint64_t lost = 0;
    std::uint64_t duplicated = 0;
    std::uint64_t reordered = 0;
  };
  [[nodiscard]] Counts counts() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Held {
    Clock::time_point at;
    std::uint64_t order;
    std::uint16_t client;
    bool to_target;
    std::vector<std::uint8_t> bytes;
    friend bool operator>(const Held& a, const Held& b) {
      return a.at != b.at ? a.at > b.at : a.order > b.order;
    }
  };

  void run();
  void receive(int socket, bool from_client, std::uint16_t client);
  void pass(std::uint16_t client, bool to_target, std::vector<std::uint8_t> bytes);
  void deliver_due();
  void deliver(const Held& held);
  [[nodiscard]] int socket_of(std::uint16_t client);
  void wake() const;

  int front_ = -1;
  int wake_ = -1;
  std::uint16_t port_ = 0;

  mutable std::mutex mutex_;
  Random random_;
  Conditions conditions_;
  bool cut_ = false;
  bool stopping_ = false;
  std::uint16_t target_port_;
  Counts counts_;
  /// By the client's port: the socket that stands for it towards the target.
  std::map<std::uint16_t, int> backs_;
  /// Replaced by rebind(); closed by the thread, which may be waiting for them.
  std::vector<int> old_backs_;
  std::priority_queue<Held, std::vector<Held>, std::greater<>> held_;
  std::uint64_t order_ = 0;
  std::thread thread_;
};

}  // namespace barrel::test
