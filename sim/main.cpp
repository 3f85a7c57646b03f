#include <CLI/CLI.hpp>
#include <cstdio>

#include "sim/scenario.hpp"

// barrel-sim: runs the simulated cluster from a range of seeds, or replays one.

int main(int argc, char** argv) {
  barrel::sim::ClusterOptions options;
  std::uint64_t first = 1;
  std::uint64_t count = 100;
  double loss_percent = 1.0;
  CLI::App app("Runs clusters of simulated nodes, each from a seed, and checks that they converge.");
  app.add_option("--seed", first, "first seed; a single one without --seeds")->envname("BARREL_SIM_SEED");
  auto* seeds = app.add_option("--seeds", count, "how many seeds to run")->check(CLI::PositiveNumber);
  app.add_option("--nodes", options.nodes, "nodes in the cluster")->check(CLI::Range(2, 10'000));
  app.add_option("--loss", loss_percent, "packets lost, in percent")->check(CLI::Range(0.0, 50.0));
  app.add_option("--duplicates", options.network.duplicates_per_million,
                 "messages delivered twice, per million");
  app.add_option("--active", options.overlay.membership.active_size, "size of the active view");
  app.add_option("--crashes", options.crashes, "nodes that crash");
  CLI11_PARSE(app, argc, argv);
  if (app.count("--seed") > 0 && seeds->count() == 0) count = 1;
  options.network.loss_per_million = static_cast<std::uint32_t>(loss_percent * 10'000);

  std::uint64_t failed = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    options.seed = seed;
    const auto report = barrel::sim::Scenario(options).run();
    std::printf("%s\n", barrel::sim::summary(report).c_str());
    std::fflush(stdout);
    if (!report.faults.empty()) ++failed;
  }
  if (failed > 0)
    std::printf("%llu of %llu seeds failed\n", static_cast<unsigned long long>(failed),
                static_cast<unsigned long long>(count));
  return failed == 0 ? 0 : 1;
}
