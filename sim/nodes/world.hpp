#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "barrel/base/random.hpp"
#include "barrel/node/node.hpp"
#include "node/node_core.hpp"
#include "sim/event_queue.hpp"
#include "sim/nodes/datagram_network.hpp"
#include "sim/nodes/identity_pool.hpp"
#include "sim/nodes/machine.hpp"
#include "sim/nodes/stage.hpp"
#include "sim/nodes/trace.hpp"

namespace barrel::sim {

struct WorldOptions {
  std::uint64_t seed = 1;
  std::size_t nodes = 5;
  Weather weather;
  /// Where nodes look for the cluster: the first few.
  std::size_t contacts = 3;
  /// Each node's wall clock is off by up to this.
  Duration clock_error_max{};
  /// Places in an active view.
  std::uint32_t active_size = 5;
  /// Links that nobody uses are closed within seconds, not minutes.
  bool eager_gc = false;
  /// Channels hold little, and much of what is sent is large: senders are parked often.
  bool small_budgets = false;
  /// Prints what the nodes log.
  bool verbose = false;
  /// Stands between the processes of each node and its router; for planted faults. Gives back what the
  /// runtime shall use. It must live as long as the world.
  std::function<RemoteRouter&(std::size_t node, RemoteRouter& real)> wrap_router;
};

/// One node of the simulated cluster, over all its incarnations.
struct Host {
  Host(EventQueue& queue, DatagramNetwork& network, std::size_t number)
      : index(number),
        name(IdentityPool::name(number)),
        machine(queue, network, number, IdentityPool::address(number)) {}

  std::size_t index;
  NodeName name;
  Machine machine;
  /// The present incarnation, if the node runs.
  std::unique_ptr<Node> node;
  node::NodeCore* core = nullptr;
  std::uint32_t incarnation = 0;
  /// On its way out: it takes no orders.
  bool leaving = false;

  [[nodiscard]] bool running() const { return node != nullptr; }
  [[nodiscard]] bool usable() const { return running() && !leaving && !machine.paused(); }
};

/// Whole nodes, the shipping code from QUIC up, on simulated machines: one thread, virtual time, one seed.
class World {
 public:
  World(WorldOptions options, const IdentityPool& identities);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] std::size_t size() const { return hosts_.size(); }
  [[nodiscard]] Host& host(std::size_t index) { return *hosts_[index]; }
  [[nodiscard]] const Host& host(std::size_t index) const { return *hosts_[index]; }
  [[nodiscard]] std::vector<Host*> running();
  [[nodiscard]] EventQueue& queue() { return queue_; }
  [[nodiscard]] DatagramNetwork& network() { return network_; }
  [[nodiscard]] Stage& stage() { return stage_; }
  [[nodiscard]] Faults& faults() { return stage_.faults; }
  [[nodiscard]] Trace& trace() { return trace_; }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] const WorldOptions& options() const { return options_; }
  [[nodiscard]] std::optional<std::size_t> index_of(std::string_view name) const;

  /// A new incarnation; nothing when the node runs.
  void start(std::size_t index);
  /// The node ends from one moment to the next. `refuses`: its machine lives on.
  void crash(std::size_t index, bool refuses);
  /// The node shuts down in order, as Node::shutdown does; `then` afterwards.
  void leave(std::size_t index, std::function<void()> then);
  /// Spawns a process of the workload.
  void populate(std::size_t index);
  void run_for(Duration span) { queue_.run_until(queue_.now() + span); }
  void run_until(Instant time) { queue_.run_until(time); }

 private:
  class NodeLog;
  [[nodiscard]] NodeConfig config_of(std::size_t index) const;
  [[nodiscard]] node::Environment environment_of(Host& host);
  void logged(std::size_t index, std::string_view text, std::span<const LogField> fields);
  void await_drained(std::size_t index, std::uint32_t incarnation, Instant until, std::function<void()> then);
  void say_goodbye(std::size_t index, std::uint32_t incarnation, std::function<void()> then);
  void remove(Host& host);

  const WorldOptions options_;
  const IdentityPool& identities_;
  EventQueue queue_;
  Trace trace_;
  Random random_;
  DatagramNetwork network_;
  Stage stage_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::uint32_t next_creation_ = 1'000;
};

}  // namespace barrel::sim
