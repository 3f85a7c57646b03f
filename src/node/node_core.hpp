#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "barrel/node/node.hpp"
#include "node/cluster.hpp"
#include "node/discovery.hpp"
#include "node/environment.hpp"
#include "node/file_lock.hpp"
#include "node/io_server.hpp"
#include "node/over_limit_log.hpp"

namespace barrel::node {

/// Everything a Node consists of, in the order in which it is built; taken apart in the opposite one. What it
/// has of the world comes from an Environment, so that the same node runs in a simulated one.
///
/// Without own threads shutdown() only ends the processes: who takes the loop's turns says goodbye with
/// cluster()'s steps for it, turns in between.
class NodeCore {
 public:
  /// Loads or makes what is on disk. Errors tell what to do.
  [[nodiscard]] static Result<std::unique_ptr<NodeCore>> make(NodeConfig config,
                                                              const Environment& environment);
  /// Opens the port, publishes the address, starts the cluster thread.
  [[nodiscard]] static Result<std::unique_ptr<Node>> start(std::unique_ptr<NodeCore> core);
  ~NodeCore();
  NodeCore(const NodeCore&) = delete;
  NodeCore& operator=(const NodeCore&) = delete;

  Result<void> shutdown();

  [[nodiscard]] const NodeConfig& config() const { return config_; }
  [[nodiscard]] std::uint32_t creation() const { return creation_; }
  [[nodiscard]] loop::Loop& loop() { return *loop_; }
  [[nodiscard]] Runtime& runtime() { return *runtime_; }
  [[nodiscard]] Cluster& cluster() { return *cluster_; }
  [[nodiscard]] ChannelTable& channels() { return channels_; }
  [[nodiscard]] Router& router() { return *router_; }
  [[nodiscard]] RegistryService& registry() { return *registry_; }
  [[nodiscard]] MembershipService& membership() { return *membership_; }
  [[nodiscard]] Output& output() { return *output_; }
  /// All metrics now.
  [[nodiscard]] std::map<std::string, std::uint64_t> measure();

 private:
  NodeCore(NodeConfig config, const Environment& environment);
  Result<void> load(const Environment& environment);
  void log_what_is_over_limits(Router::Hooks& hooks);
  void build(std::uint64_t seed);
  Result<void> open(Node& node);
  Result<void> stop_processes();
  /// What the cluster thread does.
  void run_cluster();
  /// Runs `task` on the cluster thread and waits for it.
  void run_on_cluster(const std::function<void()>& task);
  /// Waits until `done` holds on the cluster thread, at most `limit`.
  void wait_on_cluster(const std::function<bool()>& done, Duration limit);
  void post(RegistryService::OverlayCommand command);

  const NodeConfig config_;
  const std::uint32_t creation_;
  const bool own_threads_;
  Metrics metrics_;
  std::unique_ptr<LogSink> sink_;
  Log log_;
  std::unique_ptr<Discovery> discovery_;
  std::unique_ptr<TrustFiles> trust_;
  /// Nobody else runs with our keys.
  FileLock key_lock_;
  std::optional<LoadedIdentity> identity_;
  LoadedCertificate certificate_;
  std::unique_ptr<loop::Loop> loop_;
  ChannelTable channels_;
  DirtyChannels dirty_;
  std::optional<OverLimitLog> sent_too_deep_;
  std::optional<OverLimitLog> sent_too_large_;
  std::shared_ptr<Output> output_ = std::make_shared<Output>();
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<RegistryService> registry_;
  std::unique_ptr<MembershipService> membership_;
  std::unique_ptr<Cluster> cluster_;
  std::thread thread_;
  std::atomic<bool> down_{false};
};

}  // namespace barrel::node
