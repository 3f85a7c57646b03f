#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "barrel/base/bytes.hpp"
#include "barrel/base/random.hpp"
#include "barrel/base/socket_address.hpp"
#include "barrel/base/time.hpp"
#include "sim/event_queue.hpp"
#include "sim/nodes/trace.hpp"

namespace barrel::sim {

/// How the network treats datagrams.
struct Weather {
  std::uint32_t loss_per_million = 0;
  std::uint32_t duplicates_per_million = 0;
  /// Datagrams that are held up, so that later ones overtake them.
  std::uint32_t reordered_per_million = 0;
  /// Each pair of machines has a latency of its own in between.
  Duration latency_min = std::chrono::milliseconds(1);
  Duration latency_max = std::chrono::milliseconds(20);
};

/// The network card of a simulated machine.
class DatagramReceiver {
 public:
  virtual ~DatagramReceiver() = default;
  virtual void arrived(const SocketAddress& from, std::shared_ptr<const Bytes> datagram) = 0;
  /// Nobody listens at `remote`.
  virtual void refused(const SocketAddress& remote) = 0;
  /// Whether datagrams for it are taken; otherwise their senders are told so, if it `refuses`.
  [[nodiscard]] virtual bool listens() const = 0;
  [[nodiscard]] virtual bool refuses() const = 0;
};

/// A network of machines 0..n-1 that exchange datagrams. One thread, all chance from one seed.
class DatagramNetwork {
 public:
  DatagramNetwork(EventQueue& queue, Trace& trace, const Weather& weather, Random random)
      : queue_(queue), trace_(trace), weather_(weather), random_(random) {}

  /// Machines come in the order of their numbers.
  void attach(const SocketAddress& address, DatagramReceiver& machine);
  void send(std::size_t from, const SocketAddress& to, BytesView datagram);

  void set_weather(const Weather& weather) { weather_ = weather; }
  /// Nothing passes from one to the other; the way back stays as it is.
  void cut(std::size_t from, std::size_t to) { cuts_.emplace(from, to); }
  void mend(std::size_t from, std::size_t to) { cuts_.erase({from, to}); }
  /// One direction loses that much more; 0 ends it.
  void lose(std::size_t from, std::size_t to, std::uint32_t per_million) {
    if (per_million == 0) losses_.erase({from, to});
    else losses_.insert_or_assign({from, to}, per_million);
  }
  /// These pairs, the smaller number first, do not reach each other, and all others do; nobody: the partition
  /// ends.
  void partition(std::set<std::pair<std::size_t, std::size_t>> apart) { apart_ = std::move(apart); }
  /// No partition, no cut and no lossy direction any more.
  void heal() {
    cuts_.clear();
    losses_.clear();
    apart_.clear();
  }
  /// Whether anything can pass from one to the other.
  [[nodiscard]] bool reaches(std::size_t from, std::size_t to) const {
    return !cuts_.contains({from, to}) && !apart_.contains(std::minmax({from, to}));
  }
  /// How much that direction loses beyond what all do.
  [[nodiscard]] std::uint32_t loss_per_million(std::size_t from, std::size_t to) const {
    const auto known = losses_.find({from, to});
    return known == losses_.end() ? 0 : known->second;
  }
  [[nodiscard]] const Weather& weather() const { return weather_; }

  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  struct Path {
    Duration latency;
    Instant last_arrival;
  };

  [[nodiscard]] bool passes(std::size_t from, std::size_t to);
  [[nodiscard]] Path& path(std::size_t from, std::size_t to);
  void deliver(std::size_t from, std::size_t to, const std::shared_ptr<const Bytes>& datagram);

  EventQueue& queue_;
  Trace& trace_;
  Weather weather_;
  Random random_;
  std::vector<std::pair<SocketAddress, DatagramReceiver*>> machines_;
  std::map<SocketAddress, std::size_t> by_address_;
  std::map<std::pair<std::size_t, std::size_t>, Path> paths_;
  std::set<std::pair<std::size_t, std::size_t>> cuts_;
  std::set<std::pair<std::size_t, std::size_t>> apart_;
  std::map<std::pair<std::size_t, std::size_t>, std::uint32_t> losses_;
  std::uint64_t sent_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace barrel::sim
