#include "sim/nodes/scenario.hpp"

#include <algorithm>
#include <utility>

#include "sim/nodes/checks.hpp"

namespace barrel::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration boot_span = seconds(2);
constexpr Duration quiet_start = seconds(3);
constexpr Duration populate_period = milliseconds(500);
constexpr Duration limits_period = seconds(1);
/// How long after the last trouble the cluster may take until it agrees.
constexpr Duration settle_max = seconds(120);
constexpr Duration settle_look = seconds(1);
/// Agreement must last.
constexpr int agreements_wanted = 2;
/// Largest cluster with active views of two.
constexpr std::size_t ring_nodes_max = 16;
/// The network stays this bad for good.
constexpr std::uint32_t lasting_loss_per_million = 10'000;

std::size_t draw_size(Random& random) {
  const std::uint64_t kind = random.below(1'000);
  if (kind < 780) return 3 + random.below(4);
  if (kind < 965) return 7 + random.below(6);
  if (kind < 993) return 13 + random.below(18);
  return 31 + random.below(20);
}

Weather draw_weather(Random& random) {
  Weather weather;
  const Duration most = milliseconds(1 + random.below(200));
  weather.latency_max = most;
  weather.latency_min = std::max<Duration>(milliseconds(1), most / (1 + random.below(4)));
  if (random.chance(600'000)) weather.loss_per_million = static_cast<std::uint32_t>(random.below(100'001));
  if (random.chance(300'000))
    weather.duplicates_per_million = static_cast<std::uint32_t>(random.below(50'001));
  if (random.chance(300'000))
    weather.reordered_per_million = static_cast<std::uint32_t>(random.below(100'001));
  return weather;
}

}  // namespace

Plan plan_of(std::uint64_t seed) {
  Random random(seed);
  Plan plan;
  plan.world.seed = random.next();
  plan.world.nodes = draw_size(random);
  plan.world.weather = draw_weather(random);
  if (random.chance(300'000)) plan.world.clock_error_max = clock_error_most;
  if (random.chance(250'000)) plan.world.active_size = 2 + static_cast<std::uint32_t>(random.below(3));
  // Where each node has two neighbours the overlay is rings: only few nodes can be relied on to form one.
  if (plan.world.nodes > ring_nodes_max) plan.world.active_size = std::max(plan.world.active_size, 3U);
  plan.world.eager_gc = random.chance(300'000);
  plan.world.small_budgets = random.chance(200'000);
  plan.processes_per_node = plan.world.nodes > 12 ? 2 : 3;
  plan.span = seconds((plan.world.nodes > 12 ? 8 : 12) + random.below(12));
  const std::uint64_t count = random.chance(100'000) ? 0 : 1 + random.below(3);
  for (std::uint64_t i = 0; i < count; ++i) {
    plan.troubles.push_back(static_cast<Trouble>(random.below(trouble_count)));
    if (plan.troubles.back() == Trouble::pauses) plan.span += seconds(8);
  }
  return plan;
}

std::string Plan::describe() const {
  const Weather& weather = world.weather;
  const auto ms = [](Duration time) {
    return std::to_string(std::chrono::duration_cast<milliseconds>(time).count());
  };
  std::string text = std::to_string(world.nodes) + " nodes, " + ms(weather.latency_min) + "-" +
                     ms(weather.latency_max) + " ms, loss " +
                     std::to_string(weather.loss_per_million / 10'000) + " %";
  if (world.active_size != 5) text += ", views of " + std::to_string(world.active_size);
  if (world.eager_gc) text += ", eager gc";
  if (world.small_budgets) text += ", small budgets";
  if (world.clock_error_max > Duration::zero()) text += ", wrong clocks";
  for (const Trouble trouble : troubles) text += ", " + std::string(to_string(trouble));
  return text;
}

NodesScenario::NodesScenario(Plan plan, const IdentityPool& identities)
    : plan_(std::move(plan)), world_(plan_.world, identities), troubles_(world_) {}

void NodesScenario::boot() {
  Random& random = world_.random();
  for (std::size_t i = 0; i < world_.size(); ++i) {
    const Duration at = i == 0 ? Duration{} : Duration(random.between(0, boot_span.count()));
    world_.queue().after(at, [this, i] { world_.start(i); });
    world_.queue().after(at + populate_period, [this, i] { keep_populated(i); });
  }
}

void NodesScenario::keep_populated(std::size_t index) {
  if (world_.queue().now() > calm_at_) return;
  if (world_.stage().ledger.alive_on(index).size() < plan_.processes_per_node) world_.populate(index);
  world_.queue().after(populate_period, [this, index] { keep_populated(index); });
}

void NodesScenario::look_at_limits() {
  const auto issues = check_limits(world_);
  for (const std::string& issue : issues) world_.faults().add(issue);
  // Once is enough: what is above its limit stays there.
  if (issues.empty() && world_.queue().now() < calm_at_)
    world_.queue().after(limits_period, [this] { look_at_limits(); });
}

void NodesScenario::end_trouble() {
  world_.network().heal();
  Weather weather = world_.network().weather();
  weather.loss_per_million = std::min(weather.loss_per_million, lasting_loss_per_million);
  world_.network().set_weather(weather);
}

std::vector<std::string> NodesScenario::open_issues() {
  std::vector<std::string> issues = check_views(world_);
  std::ranges::move(check_registry(world_), std::back_inserter(issues));
  std::ranges::move(check_processes(world_), std::back_inserter(issues));
  std::ranges::move(world_.stage().ledger.missing(), std::back_inserter(issues));
  return issues;
}

Duration NodesScenario::settle() {
  const Instant start = world_.queue().now();
  int agreements = 0;
  for (;;) {
    world_.run_for(settle_look);
    if (before_look) before_look(world_);
    const auto issues = open_issues();
    agreements = issues.empty() ? agreements + 1 : 0;
    const Duration taken = world_.queue().now() - start;
    if (agreements >= agreements_wanted) return taken;
    if (taken < settle_max) continue;
    for (const std::string& issue : issues) world_.faults().add(issue);
    return taken;
  }
}

NodesReport NodesScenario::run() {
  const Instant begin = world_.queue().now();
  calm_at_ = begin + quiet_start + plan_.span;
  world_.stage().acting_until = calm_at_;
  boot();
  look_at_limits();
  for (const Trouble trouble : plan_.troubles) {
    const Duration at(world_.random().between(0, Duration(plan_.span).count() / 2));
    world_.queue().after(quiet_start + at, [this, trouble] { troubles_.make(trouble, calm_at_); });
  }
  world_.run_until(calm_at_);
  end_trouble();
  NodesReport report;
  report.settled = settle();
  for (const std::string& issue : check_limits(world_)) world_.faults().add(issue);
  report.seed = plan_.world.seed;
  report.plan = plan_.describe();
  report.faults = world_.faults().take();
  report.trace = world_.trace().hash();
  report.datagrams = world_.network().sent();
  report.messages = world_.stage().ledger.messages();
  report.downs = world_.stage().ledger.downs();
  report.processes = world_.stage().ledger.actors();
  report.names = world_.stage().names.ever();
  return report;
}

std::string summary(const NodesReport& report) {
  const auto settled = std::chrono::duration_cast<milliseconds>(report.settled).count();
  std::string text =
      "seed " + std::to_string(report.seed) + ": " + (report.faults.empty() ? "ok" : "FAILED") + ", " +
      report.plan + "; " + std::to_string(report.processes) + " processes, " +
      std::to_string(report.messages) + " messages, " + std::to_string(report.downs) + " downs, " +
      std::to_string(report.names) + " names, " + std::to_string(report.datagrams) +
      " datagrams, agreed after " + std::to_string(settled) + " ms, trace " + std::to_string(report.trace);
  for (const std::string& fault : report.faults) text += "\n  " + fault;
  return text;
}

}  // namespace barrel::sim
