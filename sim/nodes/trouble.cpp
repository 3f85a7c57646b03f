#include "sim/nodes/trouble.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

namespace barrel::sim {

namespace {
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Of the nodes that crash together.
constexpr std::size_t crash_percent = 30;
/// How many nodes a rolling restart reached at first.
constexpr std::size_t rolling_first_max = 8;
constexpr Duration turn_least = seconds(1);
constexpr Duration turn_most = seconds(3);
/// The last that restart need so long until they are back.
constexpr Duration roll_rest = seconds(3);
constexpr std::size_t one_way_max = 3;
/// Of all paths between two nodes: of 50 nodes one in five pairs is connected, so that this cuts some links.
constexpr std::size_t ways_percent = 5;
constexpr std::int64_t lossy_least = 300'000;
constexpr std::int64_t lossy_most = 900'000;
/// Which shape a partition with bridges has; the rest are of any shape.
constexpr std::uint32_t chain_per_million = 300'000;
constexpr std::uint32_t sides_per_million = 500'000;

std::vector<std::size_t> shuffled(World& world) {
  std::vector<std::size_t> nodes(world.size());
  std::iota(nodes.begin(), nodes.end(), std::size_t{0});
  world.random().shuffle(nodes);
  return nodes;
}
}  // namespace

std::string_view to_string(Trouble trouble) {
  switch (trouble) {
    case Trouble::crashes: return "crashes";
    case Trouble::rolling: return "rolling";
    case Trouble::partition: return "partition";
    case Trouble::one_way: return "one-way";
    case Trouble::pauses: return "pauses";
    case Trouble::clock_steps: return "clock-steps";
    case Trouble::crash_half: return "crash-half";
    case Trouble::bridges: return "bridges";
    case Trouble::lossy_ways: return "lossy-ways";
    case Trouble::long_pauses: return "long-pauses";
  }
  return "";
}

std::optional<Trouble> trouble_named(std::string_view name) {
  for (std::uint64_t i = 0; i < trouble_count; ++i) {
    if (to_string(static_cast<Trouble>(i)) == name) return static_cast<Trouble>(i);
  }
  return std::nullopt;
}

Duration TroubleMaker::span(Duration low, Duration high, Instant end) {
  const Duration drawn(world_.random().between(low.count(), high.count()));
  return std::max(Duration::zero(), std::min(drawn, end - world_.queue().now()));
}

void TroubleMaker::make(Trouble trouble, Instant end) {
  switch (trouble) {
    case Trouble::crashes: return crash_many(end);
    case Trouble::rolling:
      return roll(world_.random().below(world_.size()),
                  as_first_ ? std::min(world_.size(), rolling_first_max) : world_.size(), end);
    case Trouble::partition: return part(end);
    case Trouble::one_way: return cut_one_way(end);
    case Trouble::pauses: return pause_some(milliseconds(500), end);
    case Trouble::clock_steps: return step_clocks();
    case Trouble::crash_half: return crash_half(end);
    case Trouble::bridges: return bridge(end);
    case Trouble::lossy_ways: return lose_one_way(end);
    case Trouble::long_pauses: return pause_some(longest_pause, end);
  }
}

void TroubleMaker::restart_after(std::size_t index, Duration pause) {
  world_.queue().after(pause, [this, index] { world_.start(index); });
}

void TroubleMaker::crash_many(Instant end) {
  std::vector<std::size_t> nodes = shuffled(world_);
  nodes.resize(std::max<std::size_t>(1, nodes.size() * crash_percent / 100));
  for (const std::size_t index : nodes) {
    world_.crash(index, world_.random().chance(500'000));
    if (world_.random().chance(800'000)) restart_after(index, span(milliseconds(100), seconds(15), end));
  }
}

void TroubleMaker::crash_half(Instant end) {
  Random& random = world_.random();
  std::vector<std::size_t> nodes = shuffled(world_);
  const std::size_t most = (nodes.size() + 1) / 2;
  const std::size_t least = std::max<std::size_t>(1, nodes.size() / 4);
  nodes.resize(least + random.below(most - least + 1));
  for (const std::size_t index : nodes) {
    world_.crash(index, random.chance(500'000));
    // A node that comes back looks for the others where it is told to: nobody there, no way back.
    const bool comes_back = index < world_.options().contacts || random.chance(800'000);
    if (comes_back) restart_after(index, span(milliseconds(100), seconds(15), end));
  }
}

void TroubleMaker::roll(std::size_t index, std::size_t left, Instant end) {
  if (left == 0 || world_.queue().now() + roll_rest > end) return;
  const std::size_t at = index % world_.size();
  const Duration pause = span(milliseconds(50), seconds(2), end);
  if (world_.random().chance(500'000)) {
    world_.leave(at, [this, at, pause] { restart_after(at, pause); });
  } else {
    world_.crash(at, true);
    restart_after(at, pause);
  }
  world_.queue().after(until_next_turn(left, end),
                       [this, index, left, end] { roll(index + 1, left - 1, end); });
}

Duration TroubleMaker::until_next_turn(std::size_t left, Instant end) {
  if (as_first_) return span(turn_least, turn_most, end);
  const Duration rest = std::max(Duration::zero(), end - roll_rest - world_.queue().now());
  const Duration most = std::min(turn_most, rest / static_cast<std::int64_t>(left));
  return span(most / 3, most, end);
}

void TroubleMaker::part(Instant end) {
  const std::uint64_t groups = 2 + world_.random().below(2);
  std::vector<std::size_t> group_of(world_.size());
  for (std::size_t& group : group_of) group = world_.random().below(groups);
  partition([&](std::size_t a, std::size_t b) { return group_of[a] == group_of[b]; }, end);
}

void TroubleMaker::partition(const std::function<bool(std::size_t, std::size_t)>& reach, Instant end) {
  std::set<std::pair<std::size_t, std::size_t>> apart;
  for (std::size_t a = 0; a < world_.size(); ++a) {
    for (std::size_t b = a + 1; b < world_.size(); ++b) {
      if (!reach(a, b)) apart.emplace(a, b);
    }
  }
  world_.network().partition(std::move(apart));
  world_.queue().after(span(seconds(1), seconds(20), end), [this] { world_.network().partition({}); });
}

void TroubleMaker::bridge(Instant end) {
  Random& random = world_.random();
  const std::vector<std::size_t> order = shuffled(world_);
  std::vector<std::size_t> place(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  if (random.chance(chain_per_million)) {
    // Each sees those that stand next to it.
    const std::size_t sight = 1 + random.below(std::max<std::size_t>(1, order.size() / 4));
    return partition(
        [&](std::size_t a, std::size_t b) {
          return std::max(place[a], place[b]) - std::min(place[a], place[b]) <= sight;
        },
        end);
  }
  if (random.chance(sides_per_million)) {
    // The first few see everybody, the others only their side.
    const std::size_t bridges = 1 + random.below(std::max<std::size_t>(1, order.size() / 4));
    return partition(
        [&](std::size_t a, std::size_t b) {
          return std::min(place[a], place[b]) < bridges || place[a] % 2 == place[b] % 2;
        },
        end);
  }
  const auto apart_per_million = static_cast<std::uint32_t>(random.between(200'000, 800'000));
  partition([&](std::size_t, std::size_t) { return !random.chance(apart_per_million); }, end);
}

std::uint64_t TroubleMaker::draw_ways() {
  const std::uint64_t drawn = 1 + world_.random().below(one_way_max);
  if (as_first_) return drawn;
  return std::max<std::uint64_t>(drawn, world_.size() * (world_.size() - 1) * ways_percent / 100);
}

std::pair<std::size_t, std::size_t> TroubleMaker::draw_way() {
  const std::size_t from = world_.random().below(world_.size());
  const std::size_t to = world_.random().below(world_.size());
  // Nobody sends to itself.
  if (from == to && !as_first_) return {from, (to + 1) % world_.size()};
  return {from, to};
}

void TroubleMaker::cut_one_way(Instant end) {
  const std::uint64_t count = draw_ways();
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto [from, to] = draw_way();
    world_.network().cut(from, to);
    world_.queue().after(span(seconds(1), seconds(15), end),
                         [this, from, to] { world_.network().mend(from, to); });
  }
}

void TroubleMaker::lose_one_way(Instant end) {
  Random& random = world_.random();
  for (std::uint64_t left = draw_ways(); left > 0;) {
    const auto [from, only] = draw_way();
    const auto loss = static_cast<std::uint32_t>(random.between(lossy_least, lossy_most));
    const bool all = random.chance(300'000);
    const Duration lasts = span(seconds(1), seconds(20), end);
    for (std::size_t to = 0; to < world_.size() && left > 0; ++to) {
      if (to == from || (!all && to != only)) continue;
      --left;
      world_.network().lose(from, to, loss);
      world_.queue().after(lasts, [this, from, to] { world_.network().lose(from, to, 0); });
    }
  }
}

void TroubleMaker::pause_some(Duration least, Instant end) {
  const std::uint64_t count = 1 + world_.random().below(std::max<std::size_t>(1, world_.size() / 3));
  for (std::uint64_t i = 0; i < count; ++i) {
    Host& host = world_.host(world_.random().below(world_.size()));
    if (host.usable()) host.machine.pause(span(least, longest_pause, end));
  }
}

void TroubleMaker::step_clocks() {
  const std::uint64_t count = 1 + world_.random().below(world_.size());
  for (std::uint64_t i = 0; i < count; ++i) {
    Machine& machine = world_.host(world_.random().below(world_.size())).machine;
    const Duration wanted(world_.random().between(-clock_error_most.count(), clock_error_most.count()));
    machine.step_wall_clock(wanted - machine.clock_error());
  }
}

}  // namespace barrel::sim
