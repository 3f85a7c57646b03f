#include "sim/nodes/checks.hpp"

#include <algorithm>
#include <set>

#include "barrel/term/term_text.hpp"
#include "gossip/plumtree_config.hpp"
#include "sim/nodes/counters.hpp"

namespace barrel::sim {

namespace {

using Issues = std::vector<std::string>;

/// Signals that must not be lost may exceed the budget of a channel; these are few and small here.
constexpr std::size_t above_budget_max = std::size_t{1} << 20;
/// What a node itself has waiting for one other. A guess: ten times what was seen.
constexpr std::size_t overlay_bytes_max = std::size_t{1} << 20;
/// To one other node: the one that is up, the one that replaces it, those being closed or dialled, and what
/// waited for a node that was paused: a dial in 7 s, for 30 s.
constexpr std::size_t connections_to_one = 8;

std::string name_of(const Host& host) {
  return std::string(host.name.text());
}

/// Gauges and the most that they may show.
std::vector<std::pair<const char*, std::uint64_t>> bounds_of(const World& world, const NodeConfig& config) {
  const PlumtreeConfig gossip;
  return {{"gossip.ids", gossip.ids_max},
          {"gossip.bytes", gossip.bytes_max},
          {"gossip.missing", gossip.missing_max},
          {"liveness.nodes", world.size()},
          {"node.channels", world.size()},
          {"node.links_up", world.size()},
          {"quic.connections", connections_to_one * world.size()},
          {"overlay.links", world.size()},
          {"membership.active", config.membership.active_size},
          {"membership.passive", config.membership.passive_size}};
}

void check_entries(World& world, Host& host, Issues& issues) {
  auto missing = world.stage().names.entries();
  std::set<NameBook::Key> told;
  for (const ServiceEntry& seen : host.node->registry().entries()) {
    told.emplace(seen.name, seen.node);
    const auto wanted = missing.find({seen.name, seen.node});
    const std::string what = to_string(seen.name) + " of " + std::string(seen.node.text());
    if (wanted == missing.end()) {
      issues.push_back(name_of(host) + " sees " + what + ", which nobody holds");
      continue;
    }
    if (!(wanted->second == seen)) issues.push_back(name_of(host) + " sees an old state of " + what);
    missing.erase(wanted);
  }
  if (told != world.stage().told.at(host.index)) {
    issues.push_back(name_of(host) + ": what its events told is not what look-ups give");
  }
  for (const auto& [key, entry] : missing) {
    issues.push_back(name_of(host) + " does not see " + to_string(entry.name) + " of " +
                     std::string(entry.node.text()));
  }
}

}  // namespace

Issues check_registry(World& world) {
  Issues issues;
  for (Host* host : world.running()) check_entries(world, *host, issues);
  return issues;
}

Issues check_views(World& world) {
  Issues issues;
  const auto running = world.running();
  for (Host* host : running) {
    for (const NodeName peer : host->node->membership().active_view()) {
      Host& other = world.host(*world.index_of(peer.text()));
      if (!other.running()) {
        issues.push_back(name_of(*host) + " holds " + name_of(other) + " for active, which does not run");
        continue;
      }
      const auto back = other.node->membership().active_view();
      if (std::ranges::find(back, host->name) == back.end()) {
        issues.push_back("one-way view: " + name_of(*host) + " has " + name_of(other) +
                         " in its active view");
      }
    }
  }
  if (running.empty()) return issues;
  std::set<std::size_t> reached{running.front()->index};
  std::vector<std::size_t> open{running.front()->index};
  while (!open.empty()) {
    Host& host = world.host(open.back());
    open.pop_back();
    if (!host.running()) continue;
    for (const NodeName peer : host.node->membership().active_view()) {
      const std::size_t index = *world.index_of(peer.text());
      if (reached.insert(index).second) open.push_back(index);
    }
  }
  if (reached.size() < running.size()) {
    issues.push_back("the overlay falls apart: " + std::to_string(reached.size()) + " of " +
                     std::to_string(running.size()) + " nodes are connected");
  }
  return issues;
}

Issues check_limits(World& world) {
  Issues issues;
  for (Host* host : world.running()) {
    const auto metrics = host->node->metrics();
    for (const std::string& alarm : alarms(metrics, world.options().small_budgets))
      issues.push_back(name_of(*host) + ": " + alarm);
    const NodeConfig& config = host->node->config();
    for (const auto& [name, most] : bounds_of(world, config)) {
      const auto gauge = metrics.find(name);
      if (gauge != metrics.end() && gauge->second <= most) continue;
      issues.push_back(name_of(*host) + ": " + name +
                       (gauge == metrics.end() ? " is not there" : " is " + std::to_string(gauge->second)));
    }
    if (host->node->membership().active_view().size() > config.membership.active_size)
      issues.push_back(name_of(*host) + ": active view above active_size");
    if (host->node->membership().passive_view().size() > config.membership.passive_size)
      issues.push_back(name_of(*host) + ": passive view above passive_size");
    for (const node::Channel* channel : host->core->channels().all()) {
      const auto check = [&](dist::Lane lane, std::size_t most, const char* of) {
        const std::size_t pending = channel->outbound.pending_bytes(lane);
        if (pending <= most) return;
        issues.push_back(name_of(*host) + ": " + std::to_string(pending) + " bytes" + of + " wait for " +
                         std::string(channel->peer.text()));
      };
      check(dist::Lane::messages, config.channel.bytes_max + above_budget_max, " of processes");
      check(dist::Lane::overlay, overlay_bytes_max, " of the node itself");
    }
  }
  return issues;
}

/// Beside the actors: the registry's own process, the listener, user, rex, net_kernel, the log of other nodes
/// and their keeper, and those that watch views and links.
constexpr std::size_t own_processes = 9;

Issues check_processes(World& world) {
  Issues issues;
  for (Host* host : world.running()) {
    const std::size_t known = world.stage().ledger.alive_on(host->index).size();
    const std::size_t present = host->core->runtime().stats().processes;
    if (present != known + own_processes)
      issues.push_back(name_of(*host) + " has " + std::to_string(present) + " processes, not " +
                       std::to_string(known + own_processes));
  }
  return issues;
}

}  // namespace barrel::sim
