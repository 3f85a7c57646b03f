#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "barrel/base/metrics.hpp"
#include "barrel/base/random.hpp"
#include "barrel/services/membership_types.hpp"
#include "barrel/services/registry_types.hpp"
#include "node/overlay.hpp"
#include "services/registry_snapshot.hpp"
#include "sim/event_queue.hpp"
#include "sim/network.hpp"

namespace barrel::sim {

struct ClusterOptions {
  std::size_t nodes = 50;
  std::uint64_t seed = 1;
  NetworkOptions network;
  OverlayConfig overlay;
  /// Nodes that crash within one second; at most a quarter of all.
  std::size_t crashes = 3;
  /// Each node's wall clock is off by up to this.
  Duration clock_skew_max = std::chrono::milliseconds(500);
};

class Cluster;

/// One simulated node: an Overlay, the port it acts through, and what it told its users.
class SimNode final : public Overlay::Port {
 public:
  SimNode(Cluster& cluster, std::size_t index, NodeName name, Duration clock_skew)
      : cluster_(cluster), index_(index), name_(name), clock_skew_(clock_skew) {}

  void send(NodeName to, Atom name, const Term& message, Delivery delivery) override;
  void send_to_pid(const Pid& to, const Term& message) override;
  void dial(NodeName node) override;
  void release(NodeName node) override;
  void publish(std::shared_ptr<const RegistrySnapshot> snapshot) override;
  void emit(const ServiceEvent& event) override;
  void emit(const MembershipEvent& event) override;
  void node_dead(NodeName node, std::uint32_t creation) override;

  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] NodeName name() const { return name_; }
  [[nodiscard]] bool running() const { return overlay_ != nullptr; }
  [[nodiscard]] std::uint32_t creation() const { return creation_; }
  /// Only while running.
  [[nodiscard]] Overlay& overlay() { return *overlay_; }
  [[nodiscard]] const Overlay& overlay() const { return *overlay_; }
  [[nodiscard]] const RegistrySnapshot& visible() const { return *snapshot_; }
  [[nodiscard]] Pid pid(std::uint32_t id) const { return {name_.atom(), id, 0, creation_}; }
  [[nodiscard]] const std::vector<MembershipEvent>& membership_events() const { return membership_events_; }
  [[nodiscard]] const std::vector<ServiceEvent>& service_events() const { return service_events_; }
  [[nodiscard]] const Metrics& metrics() const { return *metrics_; }
  /// What was wrong with the events told so far; see check_event.
  [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }
  [[nodiscard]] std::uint64_t deaths_told_wrongly() const { return deaths_told_wrongly_; }

 private:
  friend class Cluster;
  /// Every event must be a change of what its hearer knew, and what it finds when it looks must agree.
  void check_event(const ServiceEvent& event);
  void complain(const std::string& what, const Term& name, NodeName node);

  Cluster& cluster_;
  std::size_t index_;
  NodeName name_;
  Duration clock_skew_;
  std::uint32_t creation_ = 0;
  bool leaving_ = false;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<Overlay> overlay_;
  std::shared_ptr<const RegistrySnapshot> snapshot_;
  std::vector<MembershipEvent> membership_events_;
  std::vector<ServiceEvent> service_events_;
  std::map<Term, ServiceEntry> told_;
  std::vector<std::string> complaints_;
  std::uint64_t deaths_told_wrongly_ = 0;
  std::optional<Instant> wake_at_;
  /// Which run of the node an event was meant for.
  std::uint64_t run_ = 0;
};

/// A whole cluster on one thread: the shipping cores and their effect interpreter on a simulated network.
class Cluster {
 public:
  explicit Cluster(ClusterOptions options);

  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] SimNode& node(std::size_t index) { return *nodes_[index]; }
  [[nodiscard]] const SimNode& node(std::size_t index) const { return *nodes_[index]; }
  [[nodiscard]] std::vector<SimNode*> running();
  [[nodiscard]] EventQueue& queue() { return queue_; }
  [[nodiscard]] Network& network() { return network_; }
  [[nodiscard]] const Network& network() const { return network_; }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] const ClusterOptions& options() const { return options_; }

  /// A new incarnation of the node; `contact` empty: the first of its cluster.
  void start(std::size_t index, std::optional<std::size_t> contact);
  /// `noticed`: its peers see the links reset; otherwise silence.
  void crash(std::size_t index, bool noticed);
  void leave(std::size_t index);
  void run_for(Duration span) { queue_.run_until(queue_.now() + span); }
  /// Calls `f(overlay, moment)` if the node runs, and plans its next timer.
  template <class F>
  void with(std::size_t index, F&& f) {
    SimNode& node = *nodes_[index];
    if (!node.running()) return;
    f(node.overlay(), moment(node));
    plan_wake(node);
  }
  [[nodiscard]] std::optional<std::size_t> index_of(NodeName name) const;

 private:
  friend class SimNode;
  [[nodiscard]] Moment moment(const SimNode& node) const;
  void plan_wake(SimNode& node);
  void release(std::size_t from, std::size_t to);
  [[nodiscard]] Network::Handlers handlers();

  ClusterOptions options_;
  EventQueue queue_;
  Random random_;
  Network network_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::map<NodeName, std::size_t> by_name_;
  std::uint32_t next_creation_ = 1'000;
};

}  // namespace barrel::sim
