#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "sim/scenario.hpp"

namespace barrel::sim {
namespace {

constexpr std::uint64_t seed_count = 100;

/// BARREL_SIM_SEED=N replays one seed instead of running all.
std::vector<std::uint64_t> chosen_seeds() {
  std::vector<std::uint64_t> seeds;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  if (const char* chosen = std::getenv("BARREL_SIM_SEED")) return {std::strtoull(chosen, nullptr, 10)};
  for (std::uint64_t seed = 1; seed <= seed_count; ++seed) seeds.push_back(seed);
  return seeds;
}

std::string replay(const Report& report) {
  return summary(report) + "\nreplay: BARREL_SIM_SEED=" + std::to_string(report.seed) +
         " barrel_sim_tests, or barrel-sim --seed " + std::to_string(report.seed);
}

/// One run for each seed, each on one thread; as many at a time as there are cores.
std::vector<Report> run_all(const std::vector<std::uint64_t>& seeds) {
  std::vector<Report> reports(seeds.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < seeds.size(); i = next++) {
      ClusterOptions options;
      options.seed = seeds[i];
      reports[i] = Scenario(options).run();
    }
  };
  std::vector<std::thread> workers;
  for (unsigned i = 1; i < std::thread::hardware_concurrency(); ++i) workers.emplace_back(work);
  work();
  for (auto& worker : workers) worker.join();
  return reports;
}

/// A merge that never lets go of a value, as a replica without tombstones would.
OrMapEntry merge_without_removals(const OrMapEntry& a, const OrMapEntry& b) {
  if (a.is_live() && !b.is_live()) return a;
  if (b.is_live() && !a.is_live()) return b;
  return merge(a, b);
}

/// A merge that keeps what came first.
OrMapEntry merge_first_wins(const OrMapEntry& a, const OrMapEntry&) {
  return a;
}

TEST(Convergence, fifty_nodes_agree_from_every_seed) {
  for (const Report& report : run_all(chosen_seeds())) EXPECT_TRUE(report.faults.empty()) << replay(report);
}

TEST(Convergence, eight_nodes_with_two_peers_each_agree) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    ClusterOptions options;
    options.seed = seed;
    options.nodes = 8;
    options.overlay.membership.active_size = 2;
    options.crashes = 1;
    const Report report = Scenario(options).run();
    EXPECT_TRUE(report.faults.empty()) << replay(report);
  }
}

TEST(Convergence, agrees_under_heavy_loss_and_duplicates) {
  ClusterOptions options;
  options.nodes = 20;
  options.network.loss_per_million = 50'000;
  options.network.duplicates_per_million = 20'000;
  for (options.seed = 1; options.seed <= 5; ++options.seed) {
    const Report report = Scenario(options).run();
    EXPECT_TRUE(report.faults.empty()) << replay(report);
  }
}

TEST(Convergence, a_broken_merge_is_noticed) {
  ClusterOptions options;
  options.nodes = 10;
  options.overlay.registry.merge = merge_without_removals;
  EXPECT_THAT(Scenario(options).run().faults, testing::Contains(testing::HasSubstr("still sees")));
  options.overlay.registry.merge = merge_first_wins;
  EXPECT_THAT(Scenario(options).run().faults, testing::Contains(testing::HasSubstr("an old state of")));
}

TEST(Convergence, a_seed_replays_exactly) {
  ClusterOptions options;
  options.nodes = 15;
  options.seed = 7;
  const Report first = Scenario(options).run();
  // Other atoms in between must not matter.
  (void)Atom("a_seed_replays_exactly_1");
  ClusterOptions other;
  other.nodes = 5;
  other.seed = 8;
  (void)Scenario(other).run();
  const Report second = Scenario(options).run();
  EXPECT_EQ(first.messages, second.messages);
  EXPECT_EQ(summary(first), summary(second));
}

}  // namespace
}  // namespace barrel::sim
