#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "sim/nodes/run.hpp"

// barrel-sim-nodes: runs clusters of whole nodes from a range of seeds, or replays one.

namespace {

using barrel::sim::NodesReport;
using barrel::sim::Plan;

struct Options {
  std::uint64_t first = 1;
  std::uint64_t count = 100;
  bool first_plans = false;
  bool verbose = false;
  bool quiet = false;
  std::string large;
};

bool passes(Plan plan, std::uint64_t seed, const barrel::sim::IdentityPool& identities,
            const Options& options) {
  plan.world.verbose = options.verbose;
  NodesReport report = barrel::sim::run_plan(std::move(plan), identities);
  report.seed = seed;
  const bool passed = report.faults.empty();
  if (passed && options.quiet) return true;
  std::printf("%s\n", summary(report).c_str());
  if (!passed && options.large.empty()) {
    std::printf("  replay: %s\n", barrel::sim::replay_command(seed, options.first_plans).c_str());
  }
  std::fflush(stdout);
  return passed;
}

int run_large(const barrel::sim::IdentityPool& identities, const Options& options) {
  const auto trouble = barrel::sim::trouble_named(options.large);
  if (!trouble && options.large != "weather") {
    std::fprintf(stderr, "no such trouble: %s\n", options.large.c_str());
    return 2;
  }
  Plan plan = barrel::sim::large_plan(trouble);
  const std::uint64_t seed = plan.world.seed;
  return passes(std::move(plan), seed, identities, options) ? 0 : 1;
}

int run_seeds(const barrel::sim::IdentityPool& identities, const Options& options) {
  std::uint64_t failed = 0;
  for (std::uint64_t seed = options.first; seed < options.first + options.count; ++seed) {
    Plan plan = options.first_plans ? barrel::sim::first_plan_of(seed) : barrel::sim::plan_of(seed);
    if (!passes(std::move(plan), seed, identities, options)) ++failed;
  }
  std::printf("%llu of %llu seeds failed\n", static_cast<unsigned long long>(failed),
              static_cast<unsigned long long>(options.count));
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Runs clusters of whole nodes in virtual time, each from a seed, and checks what they promise.");
  app.add_option("--seed", options.first, "first seed; a single one without --seeds");
  auto* seeds = app.add_option("--seeds", options.count, "how many seeds to run")->check(CLI::PositiveNumber);
  app.add_flag("--first-plans", options.first_plans, "what a seed meant before there were more troubles");
  app.add_option("--large", options.large, "instead: 50 nodes and this trouble, or weather");
  app.add_flag("--verbose", options.verbose, "print what the nodes log");
  app.add_flag("--quiet", options.quiet, "print only seeds that fail");
  CLI11_PARSE(app, argc, argv);
  if (app.count("--seed") > 0 && seeds->count() == 0) options.count = 1;

  const barrel::sim::IdentityPool identities;
  return options.large.empty() ? run_seeds(identities, options) : run_large(identities, options);
}
