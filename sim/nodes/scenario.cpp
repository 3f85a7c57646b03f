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
/// The network stays this bad for good.
constexpr std::uint32_t lasting_loss_per_million = 10'000;

}  // namespace

NodesScenario::NodesScenario(Plan plan, const IdentityPool& identities)
    : plan_(std::move(plan)), world_(plan_.world, identities), troubles_(world_, plan_.is_first) {}

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

Duration NodesScenario::latest_start(Trouble trouble) const {
  if (plan_.is_first) return plan_.span / 2;
  // The longest pause has to end in time, and all nodes shall have their turn without too many being away.
  if (is_pause(trouble)) return std::min(plan_.span / 2, plan_.span - longest_pause);
  if (trouble == Trouble::rolling) return plan_.span / 4;
  return plan_.span / 2;
}

NodesReport NodesScenario::run() {
  const Instant begin = world_.queue().now();
  calm_at_ = begin + quiet_start + plan_.span;
  world_.stage().acting_until = calm_at_;
  world_.stage().signals_are_followed = !plan_.is_first;
  world_.stage().unlinks = plan_.unlinks;
  boot();
  look_at_limits();
  for (const Trouble trouble : plan_.troubles) {
    const Duration at(world_.random().between(0, latest_start(trouble).count()));
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
  for (Host* host : world_.running()) {
    for (const auto& [name, value] : host->node->metrics()) report.counters[name] += value;
  }
  for (std::size_t i = 0; i < world_.size(); ++i) report.starts.push_back(world_.host(i).incarnation);
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
