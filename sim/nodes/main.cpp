#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>

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
  bool counters = false;
  std::string large;
};

/// What all nodes of all runs have counted that ran at the end.
using Counters = std::map<std::string, std::uint64_t>;

bool passes(Plan plan, std::uint64_t seed, const barrel::sim::IdentityPool& identities,
            const Options& options, Counters& counters) {
  plan.world.verbose = options.verbose;
  NodesReport report = barrel::sim::run_plan(std::move(plan), identities);
  report.seed = seed;
  for (const auto& [name, value] : report.counters) counters[name] += value;
  const bool passed = report.faults.empty();
  if (passed && options.quiet) return true;
  std::printf("%s\n", summary(report).c_str());
  if (!passed && options.large.empty()) {
    std::printf("  replay: %s\n", barrel::sim::replay_command(seed, options.first_plans).c_str());
  }
  std::fflush(stdout);
  return passed;
}

int run_large(const barrel::sim::IdentityPool& identities, const Options& options, Counters& counters) {
  const auto trouble = barrel::sim::trouble_named(options.large);
  if (!trouble && options.large != "weather") {
    std::fprintf(stderr, "no such trouble: %s\n", options.large.c_str());
    return 2;
  }
  Plan plan = barrel::sim::large_plan(trouble);
  const std::uint64_t seed = plan.world.seed;
  return passes(std::move(plan), seed, identities, options, counters) ? 0 : 1;
}

int run_seeds(const barrel::sim::IdentityPool& identities, const Options& options, Counters& counters) {
  std::uint64_t failed = 0;
  for (std::uint64_t seed = options.first; seed < options.first + options.count; ++seed) {
    Plan plan = options.first_plans ? barrel::sim::first_plan_of(seed) : barrel::sim::plan_of(seed);
    if (!passes(std::move(plan), seed, identities, options, counters)) ++failed;
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
  app.add_flag("--counters", options.counters,
               "print what the nodes have counted, those that ran at the end");
  CLI11_PARSE(app, argc, argv);
  if (app.count("--seed") > 0 && seeds->count() == 0) options.count = 1;

  const barrel::sim::IdentityPool identities;
  Counters counters;
  const int status = options.large.empty() ? run_seeds(identities, options, counters)
                                           : run_large(identities, options, counters);
  if (options.counters) {
    for (const auto& [name, value] : counters)
      std::printf("%s %llu\n", name.c_str(), static_cast<unsigned long long>(value));
  }
  return status;
}
