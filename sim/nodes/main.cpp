#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "sim/nodes/run.hpp"

// barrel-sim-nodes: runs clusters of whole nodes from a range of seeds, or replays one.

int main(int argc, char** argv) {
  std::uint64_t first = 1;
  std::uint64_t count = 100;
  bool verbose = false;
  bool quiet = false;
  CLI::App app(
      "Runs clusters of whole nodes in virtual time, each from a seed, and checks what they promise.");
  app.add_option("--seed", first, "first seed; a single one without --seeds");
  auto* seeds = app.add_option("--seeds", count, "how many seeds to run")->check(CLI::PositiveNumber);
  app.add_flag("--verbose", verbose, "print what the nodes log");
  app.add_flag("--quiet", quiet, "print only seeds that fail");
  CLI11_PARSE(app, argc, argv);
  if (app.count("--seed") > 0 && seeds->count() == 0) count = 1;

  const barrel::sim::IdentityPool identities;
  std::uint64_t failed = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const auto report = barrel::sim::run_seed(seed, identities, verbose);
    if (!report.faults.empty()) ++failed;
    if (report.faults.empty() && quiet) continue;
    std::printf("%s\n", summary(report).c_str());
    if (!report.faults.empty()) std::printf("  replay: %s\n", barrel::sim::replay_command(seed).c_str());
    std::fflush(stdout);
  }
  std::printf("%llu of %llu seeds failed\n", static_cast<unsigned long long>(failed),
              static_cast<unsigned long long>(count));
  return failed == 0 ? 0 : 1;
}
