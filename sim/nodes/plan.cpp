#include "sim/nodes/plan.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace barrel::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Largest cluster with active views of two.
constexpr std::size_t ring_nodes_max = 16;
constexpr std::size_t large_nodes = 50;
/// Enough for most troubles to begin, and to end by themselves: a run of 50 nodes costs ten seconds.
constexpr Duration large_span = seconds(8);
/// Enough for links to be given up, and for those that come back to be used.
constexpr Duration large_ways_span = seconds(16);
/// Enough for all nodes to restart, about three a second.
constexpr Duration large_rolling_span = seconds(24);
/// What processes still do after the longest pause.
constexpr Duration after_pause = seconds(6);
/// The generator of what came later, so that the first draws of a seed stay what they are.
constexpr std::uint64_t later_draws = 0x6c61746572;
/// How many seeds have a trouble that came later beside the others.
constexpr std::uint32_t later_trouble_per_million = 450'000;
constexpr std::array later_troubles = {Trouble::crash_half, Trouble::bridges, Trouble::lossy_ways,
                                       Trouble::long_pauses};

constexpr std::uint64_t worst_latency_ms = 200;
constexpr std::uint32_t worst_loss_per_million = 100'000;
constexpr std::uint32_t worst_duplicates_per_million = 50'000;
constexpr std::uint32_t worst_reordered_per_million = 100'000;

std::size_t draw_size(Random& random) {
  const std::uint64_t kind = random.below(1'000);
  if (kind < 780) return 3 + random.below(4);
  if (kind < 965) return 7 + random.below(6);
  if (kind < 993) return 13 + random.below(18);
  return 31 + random.below(20);
}

Weather draw_weather(Random& random) {
  Weather weather;
  const Duration most = milliseconds(1 + random.below(worst_latency_ms));
  weather.latency_max = most;
  weather.latency_min = std::max<Duration>(milliseconds(1), most / (1 + random.below(4)));
  if (random.chance(600'000))
    weather.loss_per_million = static_cast<std::uint32_t>(random.below(worst_loss_per_million + 1));
  if (random.chance(300'000))
    weather.duplicates_per_million =
        static_cast<std::uint32_t>(random.below(worst_duplicates_per_million + 1));
  if (random.chance(300'000))
    weather.reordered_per_million = static_cast<std::uint32_t>(random.below(worst_reordered_per_million + 1));
  return weather;
}

}  // namespace

Plan first_plan_of(std::uint64_t seed) {
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
    plan.troubles.push_back(static_cast<Trouble>(random.below(first_trouble_count)));
    if (plan.troubles.back() == Trouble::pauses) plan.span += seconds(8);
  }
  plan.is_first = true;
  plan.unlinks = false;
  return plan;
}

Plan plan_of(std::uint64_t seed) {
  Plan plan = first_plan_of(seed);
  plan.is_first = false;
  plan.unlinks = true;
  Random random(seed ^ later_draws);
  if (random.chance(later_trouble_per_million))
    plan.troubles.push_back(later_troubles.at(random.below(later_troubles.size())));
  const bool pauses = std::ranges::any_of(plan.troubles, is_pause);
  if (pauses)
    plan.span = std::max(plan.span, longest_pause + after_pause + Duration(seconds(random.below(6))));
  return plan;
}

Plan large_plan(std::optional<Trouble> trouble) {
  Plan plan;
  plan.world.seed = 50;
  plan.world.nodes = large_nodes;
  plan.world.weather.loss_per_million = worst_loss_per_million / 10;
  plan.world.weather.latency_max = milliseconds(worst_latency_ms);
  plan.processes_per_node = 2;
  plan.span = large_span;
  if (!trouble) {
    plan.world.weather.loss_per_million = worst_loss_per_million;
    plan.world.weather.duplicates_per_million = worst_duplicates_per_million;
    plan.world.weather.reordered_per_million = worst_reordered_per_million;
    return plan;
  }
  plan.troubles.push_back(*trouble);
  if (is_pause(*trouble)) plan.span = longest_pause + after_pause;
  if (*trouble == Trouble::one_way || *trouble == Trouble::lossy_ways) plan.span = large_ways_span;
  if (*trouble == Trouble::rolling) plan.span = large_rolling_span;
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

}  // namespace barrel::sim
