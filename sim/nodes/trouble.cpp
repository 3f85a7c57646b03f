#include "sim/nodes/trouble.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace barrel::sim {

namespace {
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Of the nodes that crash together.
constexpr std::size_t crash_percent = 30;
constexpr std::size_t rolling_max = 8;
constexpr std::size_t one_way_max = 3;
}  // namespace

std::string_view to_string(Trouble trouble) {
  switch (trouble) {
    case Trouble::crashes: return "crashes";
    case Trouble::rolling: return "rolling";
    case Trouble::partition: return "partition";
    case Trouble::one_way: return "one-way";
    case Trouble::pauses: return "pauses";
    case Trouble::clock_steps: return "clock-steps";
  }
  return "";
}

Duration TroubleMaker::span(Duration low, Duration high, Instant end) {
  const Duration drawn(world_.random().between(low.count(), high.count()));
  return std::max(Duration::zero(), std::min(drawn, end - world_.queue().now()));
}

void TroubleMaker::make(Trouble trouble, Instant end) {
  switch (trouble) {
    case Trouble::crashes: return crash_many(end);
    case Trouble::rolling:
      return roll(world_.random().below(world_.size()), std::min(world_.size(), rolling_max), end);
    case Trouble::partition: return part(end);
    case Trouble::one_way: return cut_one_way(end);
    case Trouble::pauses: return pause_some(end);
    case Trouble::clock_steps: return step_clocks();
  }
}

void TroubleMaker::restart_after(std::size_t index, Duration pause) {
  world_.queue().after(pause, [this, index] { world_.start(index); });
}

void TroubleMaker::crash_many(Instant end) {
  std::vector<std::size_t> nodes(world_.size());
  std::iota(nodes.begin(), nodes.end(), std::size_t{0});
  world_.random().shuffle(nodes);
  nodes.resize(std::max<std::size_t>(1, nodes.size() * crash_percent / 100));
  for (const std::size_t index : nodes) {
    world_.crash(index, world_.random().chance(500'000));
    if (world_.random().chance(800'000)) restart_after(index, span(milliseconds(100), seconds(15), end));
  }
}

void TroubleMaker::roll(std::size_t index, std::size_t left, Instant end) {
  if (left == 0 || world_.queue().now() + seconds(3) > end) return;
  const std::size_t at = index % world_.size();
  const Duration pause = span(milliseconds(50), seconds(2), end);
  if (world_.random().chance(500'000)) {
    world_.leave(at, [this, at, pause] { restart_after(at, pause); });
  } else {
    world_.crash(at, true);
    restart_after(at, pause);
  }
  world_.queue().after(span(seconds(1), seconds(3), end),
                       [this, index, left, end] { roll(index + 1, left - 1, end); });
}

void TroubleMaker::part(Instant end) {
  const std::uint64_t groups = 2 + world_.random().below(2);
  std::vector<std::size_t> group_of(world_.size());
  for (std::size_t& group : group_of) group = world_.random().below(groups);
  world_.network().partition(group_of);
  world_.queue().after(span(seconds(1), seconds(20), end), [this] { world_.network().partition({}); });
}

void TroubleMaker::cut_one_way(Instant end) {
  const std::uint64_t count = 1 + world_.random().below(one_way_max);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::size_t from = world_.random().below(world_.size());
    const std::size_t to = world_.random().below(world_.size());
    world_.network().cut(from, to);
    world_.queue().after(span(seconds(1), seconds(15), end),
                         [this, from, to] { world_.network().mend(from, to); });
  }
}

void TroubleMaker::pause_some(Instant end) {
  const std::uint64_t count = 1 + world_.random().below(std::max<std::size_t>(1, world_.size() / 3));
  for (std::uint64_t i = 0; i < count; ++i) {
    Host& host = world_.host(world_.random().below(world_.size()));
    if (host.usable()) host.machine.pause(span(milliseconds(500), seconds(30), end));
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
