#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/cluster.hpp"

namespace barrel::sim {

/// What one run showed.
struct Report {
  std::uint64_t seed = 0;
  /// What was wrong; empty: all as it must be.
  std::vector<std::string> faults;
  std::uint64_t messages = 0;
  /// Living nodes told dead at some node; each must have been healed.
  std::uint64_t false_deaths = 0;
  /// From a crash until the last node had noticed, the longest in the run.
  Duration slowest_death{};
  std::size_t full_views = 0;
  std::size_t nodes = 0;
};

/// The life of a cluster: nodes join through others, register, update, unregister; processes die, nodes
/// crash, restart and leave, links fail; then the faults end and the cluster must agree. Checked:
///   - within 6 s of a crash no name of the dead node is visible anywhere, and its end was told as
///   ServiceDown;
///   - at the end every node sees exactly what is registered, metadata included, and its events told the same
///   story;
///   - active views are within bounds, symmetric, of living linked nodes, and connect all nodes; passive
///   views are within
///     bounds.
class Scenario {
 public:
  explicit Scenario(ClusterOptions options) : cluster_(std::move(options)) {}

  [[nodiscard]] Report run();

 private:
  /// What is registered: name and node -> the entry.
  using Expected = std::map<Term, ServiceEntry>;

  void boot();
  void register_names(std::size_t index);
  void change_names(std::size_t index);
  void disturb();
  void crash_some();
  void crash(std::size_t index, bool noticed);
  struct Death {
    NodeName node;
    std::uint32_t creation;
    Instant at;
    /// How soon it must be known.
    Duration within;
    /// What it had registered.
    std::vector<Term> names;
  };
  /// Looks until nobody sees a name of the dead node any more.
  void watch_death(const Death& death);
  void restart(std::size_t index);
  void check_names();
  void check_events();
  void check_views();
  void check_connected();
  void put(std::size_t index, const Term& name, std::uint32_t pid, int load);
  void take_back(std::size_t index, const Term& name, std::uint32_t pid);
  void kill(std::size_t index, const Term& name, std::uint32_t pid);
  void forget(std::size_t index);
  void fault(std::string text);
  [[nodiscard]] bool is_observed(std::size_t index) const;
  [[nodiscard]] Duration random_time(Duration low, Duration high);

  Cluster cluster_;
  Expected expected_;
  std::set<std::size_t> doomed_;
  Report report_;
};

/// What run() found, in one line.
[[nodiscard]] std::string summary(const Report& report);

}  // namespace barrel::sim
