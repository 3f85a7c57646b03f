#include "node/node_core.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "barrel/process/functions.hpp"
#include "node/api_functions.hpp"
#include "node/cluster_settings.hpp"
#include "node/kernel_processes.hpp"
#include "node/link_probe.hpp"
#include "node/view_watch.hpp"
#include "process/runtime_impl.hpp"

namespace barrel::node {

namespace {

/// How long what was sent may wait for its acknowledgement at shutdown; a few round trips of a slow path.
constexpr Duration drain_limit = std::chrono::milliseconds(1000);

}  // namespace

NodeCore::NodeCore(NodeConfig config, const Environment& environment)
    : config_(std::move(config)),
      creation_(environment.creation),
      own_threads_(environment.own_threads),
      channels_(outbound_settings(config_), metrics_) {}

Result<std::unique_ptr<NodeCore>> NodeCore::make(NodeConfig config, const Environment& environment) {
  if (auto valid = validate(config); !valid) return std::move(valid).error();
  std::unique_ptr<NodeCore> core(new NodeCore(std::move(config), environment));
  if (auto loaded = core->load(environment); !loaded) return std::move(loaded).error();
  core->build(environment.seed);
  return core;
}

Result<std::unique_ptr<Node>> NodeCore::start(std::unique_ptr<NodeCore> core) {
  std::unique_ptr<Node> node(new Node());
  node->core_ = std::move(core);
  if (auto started = node->core_->open(*node); !started) return std::move(started).error();
  return node;
}

Result<void> NodeCore::load(const Environment& environment) {
  auto sink = environment.make_log_sink(config_.log, metrics_);
  if (!sink) return std::move(sink).error();
  sink_ = *std::move(sink);
  log_ = Log(*sink_, "node");
  discovery_ = make_discovery(config_);
  auto trust = TrustFiles::open(config_.key_dir(), config_.auth.trust_mode);
  if (!trust) return std::move(trust).error();
  trust_ = *std::move(trust);
  auto lock = FileLock::acquire(config_.key_dir() / "lock", "auth_key_dir");
  if (!lock) return std::move(lock).error();
  key_lock_ = *std::move(lock);
  auto identity = load_or_make_identity(config_.key_dir());
  if (!identity) return std::move(identity).error();
  identity_ = *std::move(identity);
  auto loop = environment.make_loop(metrics_);
  if (!loop) return std::move(loop).error();
  loop_ = *std::move(loop);
  auto certificate =
      load_or_make_certificate(config_.certificate_dir(), config_.name.text(), loop_->system_now());
  if (!certificate) return std::move(certificate).error();
  certificate_ = *std::move(certificate);
  return {};
}

void NodeCore::log_what_is_over_limits(Router::Hooks& hooks) {
  sent_too_deep_.emplace(log_, "messages to a Barrel node nest deeper than it takes, and are dropped there");
  hooks.too_deep = [this](NodeName node) {
    sent_too_deep_->dropped(node, Error(Errc::limit_exceeded, Atom("depth_max")), runtime_->clock().now());
  };
  sent_too_large_.emplace(log_, "messages to a node are longer than it accepts, and are not sent");
  hooks.too_large = [this](NodeName node) {
    sent_too_large_->dropped(node, Error(Errc::limit_exceeded, Atom("frame_bytes_max")),
                             runtime_->clock().now());
  };
}

void NodeCore::build(std::uint64_t seed) {
  RuntimeConfig settings;
  settings.node = config_.name;
  settings.creation = creation_;
  settings.schedulers = own_threads_ ? config_.processes.schedulers : RuntimeConfig::deterministic;
  settings.mailbox_messages_max = config_.processes.mailbox_messages_max;
  runtime_ = std::make_unique<Runtime>(settings, *loop_, log_.named("process"), metrics_);
  Router::Hooks hooks;
  hooks.wake = [this] { loop_->wake(); };
  hooks.watch = [this](NodeName node) { loop_->post([this, node] { cluster_->watch(node); }); };
  hooks.overrun = [this](NodeName node) { loop_->post([this, node] { cluster_->overrun(node); }); };
  hooks.drained = [this](NodeName node, const Pid& waiter) {
    loop_->post([this, node, waiter] { runtime_->drained(waiter, node); });
  };
  hooks.is_alive = [this](const Pid& waiter) { return runtime_->is_alive(waiter); };
  hooks.answer = [this](const RemoteSignal& answer) { runtime_->deliver_signal(answer); };
  log_what_is_over_limits(hooks);
  router_ = std::make_unique<Router>(channels_, dirty_, std::move(hooks), metrics_);
  const auto post_command = [this](RegistryService::OverlayCommand command) { post(std::move(command)); };
  registry_ = std::make_unique<RegistryService>(config_.name, *runtime_, post_command, log_.named("registry"),
                                                metrics_);
  membership_ = std::make_unique<MembershipService>(*runtime_, *registry_, post_command);
  runtime_->set_router(*router_);
  runtime_->set_resolver(*registry_);
  cluster_ = std::make_unique<Cluster>(Cluster::Parts{
      .config = config_,
      .creation = creation_,
      .loop = *loop_,
      .runtime = *runtime_,
      .channels = channels_,
      .dirty = dirty_,
      .router = *router_,
      .registry = *registry_,
      .membership = *membership_,
      .trust = *trust_,
      .identity = identity_->identity,
      .locate = [this](NodeName node) { return discovery_->lookup(node); },
      .metrics = metrics_,
      .log = log_,
      .random = Random(seed),
  });
}

void NodeCore::post(RegistryService::OverlayCommand command) {
  loop_->post([this, run = std::move(command)]() mutable { run(cluster_->overlay(), cluster_->moment()); });
}

Result<void> NodeCore::open(Node& node) {
  if (auto opened = cluster_->open(certificate_); !opened) return opened;
  const NodeAddress address{std::string(config_.name.host()), cluster_->port()};
  if (auto published = FileDiscovery(config_.discovery_dir()).publish(config_.name, address); !published) {
    return published;
  }
  runtime_->set_node(node);
  runtime_->functions().allow_only(config_.functions.allowed_nodes);
  if (config_.functions.expose_api) expose_api(runtime_->functions());
  start_kernel_processes(*runtime_, output_);
  registry_->start();
  start_view_watch(*runtime_, *membership_);
  start_link_probe(*runtime_,
                   [this](NodeName peer) { loop_->post([this, peer] { cluster_->unanswered(peer); }); });
  loop_->post([this] { cluster_->start(); });
  if (own_threads_) thread_ = std::thread([this] { run_cluster(); });
  log_.info("started", {{"node", std::string(config_.name.text())},
                        {"port", std::to_string(cluster_->port())},
                        {"creation", std::to_string(creation_)},
                        {"new_identity", identity_->is_new ? "true" : "false"}});
  return {};
}

void NodeCore::run_cluster() {
  runtime_->hold_wakeups(true);  // Cluster::turn() releases them
  loop_->run();
  runtime_->hold_wakeups(false);
}

void NodeCore::run_on_cluster(const std::function<void()>& task) {
  std::mutex mutex;
  std::condition_variable finished;
  bool done = false;
  loop_->post([&] {
    task();
    const std::scoped_lock lock(mutex);
    done = true;
    finished.notify_one();
  });
  std::unique_lock lock(mutex);
  finished.wait(lock, [&] { return done; });
}

void NodeCore::wait_on_cluster(const std::function<bool()>& done, Duration limit) {
  constexpr Duration pause = std::chrono::milliseconds(2);
  for (Duration waited{}; waited < limit; waited += pause) {
    bool is_done = false;
    run_on_cluster([&] { is_done = done(); });
    if (is_done) return;
    std::this_thread::sleep_for(pause);
  }
}

std::map<std::string, std::uint64_t> NodeCore::measure() {
  const RuntimeStats processes = runtime_->stats();
  metrics_.gauge("process.processes").set(processes.processes);
  metrics_.gauge("process.timers").set(processes.timers);
  metrics_.gauge("process.messages_waiting").set(processes.messages_waiting);
  metrics_.gauge("process.mailbox_longest").set(processes.mailbox_longest);
  metrics_.gauge("term.atoms").set(Atom::table_size());
  const ChannelTable::Totals channels = channels_.totals();
  metrics_.gauge("node.channels").set(channels.channels);
  metrics_.gauge("node.outbound_bytes").set(channels.pending_bytes);
  metrics_.gauge("node.parked").set(channels.parked);
  const Dispatcher::Unread unread = cluster_->unread();
  metrics_.gauge("node.unread_bytes").set(unread.bytes);
  metrics_.gauge("node.unread_bytes_most").set(unread.most);
  metrics_.gauge("process.remote_spawns_running").set(runtime_->impl().spawn_quotas.running());
  return metrics_.snapshot();
}

Result<void> NodeCore::stop_processes() {
  Result<void> stopped = runtime_->stop(config_.processes.shutdown_timeout);
  registry_->close();
  return stopped;
}

Result<void> NodeCore::shutdown() {
  if (down_.exchange(true)) return {};
  if (!thread_.joinable()) return stop_processes();
  log_.info("shutting down");
  run_on_cluster([this] { cluster_->stop_connecting(); });
  Result<void> stopped = stop_processes();
  run_on_cluster([this] { cluster_->leave(); });
  wait_on_cluster([this] { return cluster_->drained(); }, drain_limit);
  run_on_cluster([this] { cluster_->close_links(); });
  run_on_cluster([] {});  // one more turn, in which the close packets leave
  loop_->stop();
  thread_.join();
  return stopped;
}

NodeCore::~NodeCore() {
  if (runtime_ != nullptr) (void)shutdown();  // null: what is on disk could not be loaded
  cluster_.reset();
}

}  // namespace barrel::node
