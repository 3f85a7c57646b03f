#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "barrel/base/random.hpp"
#include "barrel/base/time.hpp"
#include "sim/event_queue.hpp"

namespace barrel::sim {

struct NetworkOptions {
  Duration latency_min = std::chrono::milliseconds(1);
  Duration latency_max = std::chrono::milliseconds(50);
  /// Of each transmission.
  std::uint32_t loss_per_million = 10'000;
  /// Of each delivered message.
  std::uint32_t duplicates_per_million = 0;
  /// How long a lost packet waits for its retransmission; doubles with each.
  Duration retransmit_after = std::chrono::milliseconds(100);
  /// Chance of each link, in each second, to go mute.
  std::uint32_t failures_per_million_seconds = 1'000;
  /// A dial to a node that is not there.
  Duration dial_timeout = std::chrono::seconds(2);
  /// A link's silence until it is suspect, and until it is lost (the carrier's defaults).
  Duration suspect_after = std::chrono::seconds(3);
  Duration lost_after = std::chrono::seconds(5);
  /// Longest time since the last packet of an idle peer (the ping interval).
  Duration ping_interval = std::chrono::seconds(1);
};

/// A network of nodes 0..n-1 with links as the carrier offers them: symmetric, ordered and reliable while
/// they live. A lost packet delays what is behind it. A link that goes mute delivers nothing more, and each
/// end finds out by itself: suspect, then lost. What was under way is gone.
class Network {
 public:
  /// What a link tells the node at its end.
  struct Handlers {
    std::function<void(std::size_t node, std::size_t peer, bool dialed)> link_up;
    std::function<void(std::size_t node, std::size_t peer)> link_suspect;
    std::function<void(std::size_t node, std::size_t peer, bool lost)> link_down;
    std::function<void(std::size_t node, std::size_t peer)> dial_failed;
  };
  using Delivery = std::function<void()>;

  Network(EventQueue& queue, NetworkOptions options, Random random, Handlers handlers)
      : queue_(queue), options_(options), random_(random), handlers_(std::move(handlers)) {}

  void node_started(std::size_t node) { running_[node] = true; }
  /// The node is gone from one moment to the next. `noticed`: its machine still runs and resets the links;
  /// otherwise they go mute.
  void node_crashed(std::size_t node, bool noticed);
  void dial(std::size_t from, std::size_t to);
  /// Runs `deliver` at the far end, unless the link ends before. Dropped when there is no link.
  void send(std::size_t from, std::size_t to, const Delivery& deliver);
  /// Both ends close the link in order.
  void close(std::size_t a, std::size_t b);
  void go_mute(std::size_t a, std::size_t b);
  /// Cuts those for whom `side` is true from the rest, until it is called with none: links across go mute,
  /// dials across fail.
  void partition(std::function<bool(std::size_t node)> side);
  /// From now on no link fails of itself.
  void stop_failures() { failing_ = false; }
  [[nodiscard]] bool linked(std::size_t a, std::size_t b) const;
  [[nodiscard]] std::uint64_t messages() const { return messages_; }

 private:
  using Pair = std::pair<std::size_t, std::size_t>;
  struct Link {
    std::uint64_t id = 0;
    bool mute = false;
    /// By the end: 0 is the smaller node.
    std::array<bool, 2> open{};
    /// When the last message to that end arrives: none overtakes another.
    std::array<Instant, 2> last_arrival{};
  };

  static Pair pair_of(std::size_t a, std::size_t b) { return {std::min(a, b), std::max(a, b)}; }
  static std::size_t end_of(std::size_t node, const Pair& pair) { return node == pair.first ? 0 : 1; }
  [[nodiscard]] Duration delay();
  [[nodiscard]] bool running(std::size_t node) const;
  [[nodiscard]] bool reachable(std::size_t from, std::size_t to) const;
  [[nodiscard]] Link* current(const Pair& pair, std::uint64_t id);
  void establish(std::size_t from, std::size_t to);
  void open_end(const Pair& pair, std::uint64_t id, std::size_t node, bool dialed);
  void end(const Pair& pair, std::uint64_t id, std::size_t node, bool lost);
  void plan_failure(const Pair& pair, std::uint64_t id);
  void mute(const Pair& pair);

  EventQueue& queue_;
  NetworkOptions options_;
  Random random_;
  Handlers handlers_;
  std::map<std::size_t, bool> running_;
  std::map<Pair, Link> links_;
  std::map<Pair, bool> dialing_;
  std::uint64_t next_id_ = 1;
  std::uint64_t messages_ = 0;
  bool failing_ = true;
  std::function<bool(std::size_t)> side_;
};

}  // namespace barrel::sim
