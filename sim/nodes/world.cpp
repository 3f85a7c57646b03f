#include "sim/nodes/world.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "sim/nodes/actor.hpp"
#include "sim/nodes/entropy.hpp"
#include "sim/nodes/listener.hpp"

namespace barrel::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// As NodeCore's: how long what was sent may wait for its acknowledgement when a node leaves.
constexpr Duration drain_limit = seconds(1);
constexpr Duration drain_look = milliseconds(5);
/// Virtual time begins here: 0 is what members are set to that have no time yet.
constexpr Duration start_time = seconds(1'000);
/// The least that may be configured.
constexpr std::size_t small_budget_bytes = 65'536;
/// Nodes of large clusters talk to a few others each, or every pair would need its handshake.
constexpr std::size_t partners_max = 4;

std::vector<std::size_t> others_of(std::size_t self, std::size_t count) {
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < count; ++i) {
    if (i != self) others.push_back(i);
  }
  return others;
}

}  // namespace

/// Gives the world what a node logs: by that it knows of connections that were lost.
class World::NodeLog final : public LogSink {
 public:
  NodeLog(World& world, std::size_t index) : world_(world), index_(index) {}
  [[nodiscard]] bool enabled(LogLevel level) const override { return level >= LogLevel::info; }
  void write(LogLevel, std::string_view component, std::string_view text,
             std::span<const LogField> fields) override {
    if (world_.options_.verbose) print(component, text, fields);
    world_.logged(index_, text, fields);
  }

 private:
  void print(std::string_view component, std::string_view text, std::span<const LogField> fields) const {
    const double time = std::chrono::duration<double>(world_.queue_.now().time_since_epoch()).count();
    std::string line(text);
    for (const LogField& field : fields) line += " " + std::string(field.key) + "=" + field.value;
    std::printf("%10.6f n%zu %s: %s\n", time, index_, std::string(component).c_str(), line.c_str());
  }

  World& world_;
  const std::size_t index_;
};

World::World(WorldOptions options, const IdentityPool& identities)
    : options_(std::move(options)),
      identities_(identities),
      random_(options_.seed),
      network_(queue_, trace_, options_.weather, random_.split()),
      stage_(queue_) {
  seed_entropy(random_.next());
  queue_.run_until(Instant(start_time));
  for (std::size_t i = 0; i < options_.nodes; ++i) {
    hosts_.push_back(std::make_unique<Host>(queue_, network_, i));
    by_name_.emplace(hosts_.back()->name.text(), i);
    const auto error = options_.clock_error_max.count();
    hosts_.back()->machine.step_wall_clock(Duration(random_.between(-error, error)));
    auto partners = others_of(i, options_.nodes);
    random_.shuffle(partners);
    partners.resize(std::min(partners.size(), partners_max));
    stage_.partners.push_back(std::move(partners));
  }
  stage_.past.resize(options_.nodes);
  stage_.told.resize(options_.nodes);
  if (options_.small_budgets) stage_.large_per_million = 150'000;
}

World::~World() {
  for (const auto& host : hosts_) {
    if (host->running()) crash(host->index, false);
  }
}

std::vector<Host*> World::running() {
  std::vector<Host*> list;
  for (const auto& host : hosts_) {
    if (host->running()) list.push_back(host.get());
  }
  return list;
}

std::optional<std::size_t> World::index_of(std::string_view name) const {
  const auto known = by_name_.find(name);
  if (known == by_name_.end()) return std::nullopt;
  return known->second;
}

NodeConfig World::config_of(std::size_t index) const {
  NodeConfig config;
  config.name = IdentityPool::name(index);
  config.data_dir = identities_.directory(index);
  config.listen.address = IdentityPool::address(index).ip_string();
  config.listen.port = IdentityPool::address(index).port();
  config.discovery.backends = {DiscoveryBackend::static_nodes};
  config.discovery.directory = identities_.discovery_directory();
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    const SocketAddress address = IdentityPool::address(i);
    config.discovery.static_nodes.emplace(IdentityPool::name(i).text(),
                                          NodeAddress{address.ip_string(), address.port()});
    if (i < options_.contacts && i != index) config.membership.contact_nodes.push_back(IdentityPool::name(i));
  }
  // Clocks that are minutes off are what is tested, not what is refused.
  config.auth.timestamp_window = seconds(300);
  config.membership.active_size = options_.active_size;
  if (options_.eager_gc) {
    config.channel.gc_sweep_period = seconds(1);
    config.channel.gc_min_age = seconds(2);
  }
  if (options_.small_budgets) config.channel.bytes_max = small_budget_bytes;
  return config;
}

node::Environment World::environment_of(Host& host) {
  node::Environment environment;
  environment.make_loop = [&host](Metrics&) -> Result<std::unique_ptr<loop::Loop>> {
    return host.machine.make_loop();
  };
  environment.make_log_sink = [this, index = host.index](const NodeConfig::Logging&,
                                                         Metrics&) -> Result<std::unique_ptr<LogSink>> {
    return std::unique_ptr<LogSink>(std::make_unique<NodeLog>(*this, index));
  };
  environment.creation = ++next_creation_;
  environment.seed = random_.next();
  environment.own_threads = false;
  return environment;
}

void World::logged(std::size_t index, std::string_view text, std::span<const LogField> fields) {
  trace_.add(queue_.now());
  trace_.add(index);
  trace_.add(text);
  if (text != "disconnected" && text != "could not connect") return;
  for (const LogField& field : fields) {
    if (field.key != "node") continue;
    if (const auto peer = index_of(field.value)) stage_.ledger.lost(index, *peer);
  }
}

void World::start(std::size_t index) {
  Host& host = *hosts_[index];
  if (host.running()) return;
  auto core = node::NodeCore::make(config_of(index), environment_of(host));
  if (!core) throw std::runtime_error(core.error().message());
  host.core = core->get();
  ++host.incarnation;
  if (options_.wrap_router) {
    host.core->runtime().set_router(options_.wrap_router(index, host.core->router()));
  }
  auto node = node::NodeCore::start(*std::move(core));
  if (!node) throw std::runtime_error(node.error().message());
  host.node = *std::move(node);
  host.machine.drive(&host.core->runtime());
  host.node->spawn(&run_listener, &stage_, index);
}

void World::remove(Host& host) {
  host.machine.drive(nullptr);
  host.node.reset();
  host.core = nullptr;
  host.leaving = false;
}

void World::crash(std::size_t index, bool refuses) {
  Host& host = *hosts_[index];
  if (!host.running()) return;
  stage_.ledger.crashed(index);
  stage_.names.drop_all(host.name);
  host.machine.unplug(refuses);
  remove(host);
}

void World::leave(std::size_t index, std::function<void()> then) {
  Host& host = *hosts_[index];
  if (!host.usable()) return;
  host.leaving = true;
  loop::Loop& loop = host.core->loop();
  loop.post([this, index, incarnation = host.incarnation, then = std::move(then)]() mutable {
    node::NodeCore& core = *hosts_[index]->core;
    core.cluster().stop_connecting();
    queue_.after(Duration::zero(), [this, index, incarnation, then = std::move(then)] {
      say_goodbye(index, incarnation, then);
    });
  });
}

void World::say_goodbye(std::size_t index, std::uint32_t incarnation, std::function<void()> then) {
  Host& host = *hosts_[index];
  if (!host.running() || host.incarnation != incarnation) return;
  if (const auto stopped = host.core->runtime().stop(seconds(5)); !stopped) {
    faults().add("processes did not end: " + stopped.error().message());
  }
  host.machine.drive(nullptr);
  host.core->loop().post([&host] { host.core->cluster().leave(); });
  await_drained(index, incarnation, queue_.now() + drain_limit, std::move(then));
}

void World::await_drained(std::size_t index, std::uint32_t incarnation, Instant until,
                          std::function<void()> then) {
  queue_.after(drain_look, [this, index, incarnation, until, then = std::move(then)] {
    Host& host = *hosts_[index];
    if (!host.running() || host.incarnation != incarnation) return;
    if (!host.core->cluster().drained() && queue_.now() < until) {
      return await_drained(index, incarnation, until, then);
    }
    host.core->loop().post([&host] { host.core->cluster().close_links(); });
    queue_.after(drain_look, [this, index, incarnation, then] {
      Host& gone = *hosts_[index];
      if (!gone.running() || gone.incarnation != incarnation) return;
      stage_.names.drop_all(gone.name);
      gone.machine.unplug(true);
      remove(gone);
      if (then) then();
    });
  });
}

void World::populate(std::size_t index) {
  Host& host = *hosts_[index];
  if (!host.usable()) return;
  const Atom inbox("inbox");
  std::optional<Atom> name;
  if (!stage_.ledger.holder(host.name, inbox)) name = inbox;
  host.node->spawn(&run_actor, &stage_, index, random_.next(), name);
  host.core->loop().wake();
}

}  // namespace barrel::sim
