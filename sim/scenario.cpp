#include "sim/scenario.hpp"

#include <algorithm>
#include <set>

namespace barrel::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds boot_span{3};
constexpr seconds change_span{8};
constexpr seconds crash_at{12};
constexpr seconds restart_at{20};
constexpr seconds calm_at{26};
constexpr seconds end_at{48};
/// The promise: a death is seen by all within this.
constexpr milliseconds death_seen_within{6'000};
/// The same when nobody who was linked to the dead node is left.
constexpr milliseconds unobserved_death_seen_within{12'000};
/// How often a death is looked for while it spreads.
constexpr milliseconds death_watch{50};

Term unique_name(std::size_t index, int number) {
  return Term::tuple_of(Atom("svc"), static_cast<std::int64_t>(index), number);
}
Term load_meta(int load) {
  return Term::map({{Term(Atom("load")), Term(load)}});
}
Term key_of(const Term& name, NodeName node) {
  return Term::tuple_of(name, node);
}

}  // namespace

Report Scenario::run() {
  report_.seed = cluster_.options().seed;
  boot();
  cluster_.run_for(crash_at);
  crash_some();
  cluster_.run_for(calm_at - crash_at);
  cluster_.network().stop_failures();
  cluster_.run_for(end_at - calm_at);

  check_views();
  check_connected();
  check_events();
  check_names();
  report_.messages = cluster_.network().messages();
  for (std::size_t i = 0; i < cluster_.size(); ++i)
    report_.false_deaths += cluster_.node(i).deaths_told_wrongly();
  return report_;
}

void Scenario::fault(std::string text) {
  // The first few say what is wrong.
  constexpr std::size_t faults_max = 20;
  if (report_.faults.size() < faults_max) report_.faults.push_back(std::move(text));
}

Duration Scenario::random_time(Duration low, Duration high) {
  return Duration(cluster_.random().between(Duration(low).count(), Duration(high).count()));
}

void Scenario::boot() {
  cluster_.start(0, std::nullopt);
  for (std::size_t i = 0; i < cluster_.size(); ++i) {
    const Duration joins_at = i == 0 ? Duration{} : random_time(milliseconds(10), boot_span);
    // Most know the first node only, some a later one, which may have to be retried.
    const std::size_t contact = i > 1 && cluster_.random().chance(300'000) ? cluster_.random().below(i) : 0;
    if (i > 0) cluster_.queue().after(joins_at, [this, i, contact] { cluster_.start(i, contact); });
    cluster_.queue().after(joins_at + random_time(milliseconds(1), seconds(2)),
                           [this, i] { register_names(i); });
    cluster_.queue().after(joins_at + random_time(seconds(2), change_span), [this, i] { change_names(i); });
  }
}

void Scenario::put(std::size_t index, const Term& name, std::uint32_t pid, int load) {
  cluster_.with(index, [&](Overlay& overlay, Moment at) {
    const ServiceEntry entry{name, cluster_.node(index).pid(pid), cluster_.node(index).name(),
                             load_meta(load)};
    const auto done = overlay.register_service(entry.name, entry.pid, entry.meta, at);
    if (!done) return fault("registration refused: " + to_string(name));
    expected_.insert_or_assign(key_of(name, entry.node), entry);
  });
}

void Scenario::take_back(std::size_t index, const Term& name, std::uint32_t pid) {
  cluster_.with(index, [&](Overlay& overlay, Moment at) {
    if (!overlay.unregister_service(name, cluster_.node(index).pid(pid), at)) fault("unregistering refused");
    expected_.erase(key_of(name, cluster_.node(index).name()));
  });
}

void Scenario::kill(std::size_t index, const Term& name, std::uint32_t pid) {
  cluster_.with(index, [&](Overlay& overlay, Moment at) {
    overlay.process_died(cluster_.node(index).pid(pid), Term(Atom("killed")), at);
    expected_.erase(key_of(name, cluster_.node(index).name()));
  });
}

void Scenario::register_names(std::size_t index) {
  put(index, unique_name(index, 1), 1, 0);
  put(index, unique_name(index, 2), 2, 0);
  put(index, unique_name(index, 3), 3, 0);
  put(index, Term(Atom("worker")), 4, static_cast<int>(index));
}

void Scenario::change_names(std::size_t index) {
  put(index, Term(Atom("worker")), 4, static_cast<int>(index) + 1'000);
  take_back(index, unique_name(index, 2), 2);
  kill(index, unique_name(index, 3), 3);
  // A name may come back with another process.
  if (cluster_.random().chance(500'000)) put(index, unique_name(index, 3), 5, 7);
}

void Scenario::forget(std::size_t index) {
  const NodeName name = cluster_.node(index).name();
  std::erase_if(expected_, [&](const auto& held) { return held.second.node == name; });
}

void Scenario::crash_some() {
  std::set<std::size_t>& victims = doomed_;
  while (victims.size() < std::min(cluster_.options().crashes, cluster_.size() / 4)) {
    victims.insert(1 + cluster_.random().below(cluster_.size() - 1));
  }
  bool restarts = true;
  for (const std::size_t victim : victims) {
    const bool noticed = cluster_.random().chance(300'000);
    cluster_.queue().after(random_time(milliseconds(0), seconds(1)),
                           [this, victim, noticed] { crash(victim, noticed); });
    if (restarts) cluster_.queue().after(restart_at - crash_at, [this, victim] { restart(victim); });
    restarts = false;
  }
  // One more goes in order, later: with two peers each, a leaver beside a dead node would cut the ring for a
  // moment.
  std::size_t leaver = 1 + cluster_.random().below(cluster_.size() - 1);
  while (victims.contains(leaver)) leaver = 1 + cluster_.random().below(cluster_.size() - 1);
  doomed_.insert(leaver);
  cluster_.queue().after(random_time(seconds(8), seconds(12)), [this, leaver] {
    forget(leaver);
    cluster_.leave(leaver);
  });
}

void Scenario::crash(std::size_t index, bool noticed) {
  const Duration within = is_observed(index) ? death_seen_within : unobserved_death_seen_within;
  Death death{
      cluster_.node(index).name(), cluster_.node(index).creation(), cluster_.queue().now(), within, {}};
  for (const auto& [key, entry] : expected_) {
    if (entry.node == death.node) death.names.push_back(entry.name);
  }
  forget(index);
  cluster_.crash(index, noticed);
  watch_death(death);
}

bool Scenario::is_observed(std::size_t index) const {
  for (std::size_t peer = 0; peer < cluster_.size(); ++peer) {
    if (!doomed_.contains(peer) && cluster_.node(peer).running() && cluster_.network().linked(index, peer))
      return true;
  }
  return false;
}

void Scenario::watch_death(const Death& death) {
  std::size_t believers = 0;
  std::string who;
  for (const SimNode* node : cluster_.running()) {
    const bool sees = std::ranges::any_of(death.names, [&](const Term& name) {
      return std::ranges::any_of(node->visible().lookup(name), [&](const ServiceEntry& entry) {
        return entry.node == death.node && entry.pid.creation == death.creation;
      });
    });
    if (!sees) continue;
    ++believers;
    who = node->name().text();
  }
  const Duration passed = cluster_.queue().now() - death.at;
  if (believers == 0 && passed > Duration{}) {
    if (death.within == death_seen_within) report_.slowest_death = std::max(report_.slowest_death, passed);
    return;
  }
  if (passed < death.within) {
    cluster_.queue().after(death_watch, [this, death] { watch_death(death); });
    return;
  }
  fault("death of " + std::string(death.node.text()) + " not seen by " + std::to_string(believers) +
        " nodes, among them " + who);
}

void Scenario::restart(std::size_t index) {
  cluster_.start(index, 0);
  put(index, unique_name(index, 1), 11, 2);
  put(index, unique_name(index, 9), 12, 3);
}

void Scenario::check_names() {
  for (const SimNode* node : cluster_.running()) {
    Expected missing = expected_;
    for (const ServiceEntry& entry : node->visible().entries()) {
      const Term key = key_of(entry.name, entry.node);
      const auto found = expected_.find(key);
      if (found == expected_.end()) {
        fault(std::string(node->name().text()) + " still sees " + to_string(key));
      } else if (!(found->second == entry)) {
        fault(std::string(node->name().text()) + " sees an old state of " + to_string(key));
      }
      missing.erase(key);
    }
    for (const auto& [key, entry] : missing)
      fault(std::string(node->name().text()) + " lacks " + to_string(key));
  }
}

void Scenario::check_events() {
  for (const SimNode* node : cluster_.running()) {
    for (const std::string& complaint : node->complaints()) fault(complaint);
    std::map<Term, int> balance;
    for (const ServiceEvent& event : node->service_events()) {
      if (const auto* up = std::get_if<ServiceRegistered>(&event.what))
        balance[key_of(up->name, up->node)] = 1;
      else if (const auto* down = std::get_if<ServiceDown>(&event.what))
        balance[key_of(down->name, down->node)] = 0;
      else if (const auto* off = std::get_if<ServiceUnregistered>(&event.what))
        balance[key_of(off->name, off->node)] = 0;
    }
    std::set<Term> told;
    for (const auto& [key, present] : balance) {
      if (present == 1) told.insert(key);
    }
    std::set<Term> seen;
    for (const ServiceEntry& entry : node->visible().entries()) seen.insert(key_of(entry.name, entry.node));
    if (told != seen) fault(std::string(node->name().text()) + ": events and registry differ");
  }
}

void Scenario::check_views() {
  const auto& settings = cluster_.options().overlay.membership;
  for (const SimNode* node : cluster_.running()) {
    const auto active = node->overlay().active_view();
    const std::string name(node->name().text());
    ++report_.nodes;
    if (active.size() == settings.active_size) ++report_.full_views;
    if (active.size() > settings.active_size) fault(name + ": active view too large");
    if (node->overlay().passive_view().size() > settings.passive_size)
      fault(name + ": passive view too large");
    for (const NodeName peer : active) {
      const auto index = cluster_.index_of(peer);
      const SimNode& other = cluster_.node(*index);
      if (!other.running()) {
        fault(name + ": holds dead " + std::string(peer.text()) + " for active");
        continue;
      }
      const auto back = other.overlay().active_view();
      const bool mutual = std::ranges::find(back, node->name()) != back.end();
      if (!mutual) fault(name + ": one-way view of " + std::string(peer.text()));
      if (!cluster_.network().linked(node->index(), *index))
        fault(name + ": no link to " + std::string(peer.text()));
    }
  }
}

void Scenario::check_connected() {
  const auto running = cluster_.running();
  if (running.empty()) return;
  std::set<NodeName> reached{running.front()->name()};
  std::vector<NodeName> frontier{running.front()->name()};
  while (!frontier.empty()) {
    const SimNode& node = cluster_.node(*cluster_.index_of(frontier.back()));
    frontier.pop_back();
    if (!node.running()) continue;
    for (const NodeName peer : node.overlay().active_view()) {
      if (reached.insert(peer).second) frontier.push_back(peer);
    }
  }
  if (reached.size() < running.size()) {
    fault("the overlay falls apart: " + std::to_string(reached.size()) + " of " +
          std::to_string(running.size()) + " nodes are connected");
  }
}

std::string summary(const Report& report) {
  const auto slowest = std::chrono::duration_cast<milliseconds>(report.slowest_death).count();
  std::string text = "seed " + std::to_string(report.seed) + ": " +
                     (report.faults.empty() ? "ok" : "FAILED") + ", " + std::to_string(report.messages) +
                     " messages, slowest death " + std::to_string(slowest) + " ms, false deaths " +
                     std::to_string(report.false_deaths) + ", full views " +
                     std::to_string(report.full_views) + "/" + std::to_string(report.nodes);
  for (const std::string& fault : report.faults) text += "\n  " + fault;
  return text;
}

}  // namespace barrel::sim
