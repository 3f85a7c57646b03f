// bench_remote: messages between two nodes that are two processes of this machine, over QUIC on 127.0.0.1,
// encrypted and authenticated. Workloads: docs/benchmarks.md; `bench_remote connect rr64` runs
// these two alone, `bench_remote serve DIRECTORY` is the other side.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "barrel/node/config.hpp"
#include "barrel/node/node.hpp"
#include "exchange.hpp"
#include "report.hpp"
#include "support/child.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace barrel;
using namespace barrel::bench;

constexpr int runs = 5;
constexpr int small_messages = 400'000;
constexpr int bulk_messages = 4'000;
constexpr int round_trips = 20'000;
constexpr int pipelined_round_trips = 200'000;
constexpr int outstanding = 64;

NodeConfig config_for(const std::filesystem::path& directory, const std::string& name) {
  NodeConfig config;
  config.name = NodeName((name + "@127.0.0.1").c_str());
  config.data_dir = directory / name;
  config.discovery.directory = directory / "discovery";
  config.log.level = LogLevel::warning;
  return config;
}

std::unique_ptr<Node> start_node(const std::filesystem::path& directory, const std::string& name) {
  auto node = Node::start(config_for(directory, name));
  if (node) return std::move(*node);
  std::fprintf(stderr, "bench_remote: %s\n", node.error().message().c_str());
  std::exit(1);
}

int serve_until_closed(const std::string& directory) {
  const auto node = start_node(directory, "server");
  serve(*node);
  std::puts("serving");
  std::fflush(stdout);
  for (char byte = 0; ::read(STDIN_FILENO, &byte, 1) > 0;) {}
  return 0;
}

NodeName server() {
  return NodeName("server@127.0.0.1");
}

template <class T>
T checked(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "bench_remote: %s\n", result.error().message().c_str());
  std::exit(1);
}

double connect_once(const std::filesystem::path& directory, int number) {
  const auto node = start_node(directory, "client" + std::to_string(number));
  return checked(node->run(first_answer, server()));
}

/// Measures the workloads named in `chosen`; all of them when it is empty.
void measure(Report& report, const std::filesystem::path& directory,
             const std::vector<std::string_view>& chosen) {
  const auto wanted = [&](std::string_view metric) {
    return chosen.empty() || std::ranges::find(chosen, metric) != chosen.end();
  };
  const auto add = [&](const char* metric, const char* unit, auto value) {
    if (wanted(metric)) report.add(metric, unit, value());
  };
  int number = 0;
  add("connect", "ms",
      [&] { return median_of(2 * runs + 1, [&] { return connect_once(directory, number++); }); });

  const auto node = start_node(directory, "client");
  (void)checked(node->run(first_answer, server()));
  const auto one_way_rate = [&](int senders, int count, std::size_t size) {
    return median_of(runs, [&] { return checked(node->run(one_way, server(), senders, count, size)); });
  };
  add("oneway64_1", "msg/s", [&] { return one_way_rate(1, small_messages, small_bytes); });
  add("oneway64_8", "msg/s", [&] { return one_way_rate(pairs, small_messages, small_bytes); });
  add("bulk64k", "MB/s",
      [&] { return one_way_rate(1, bulk_messages, bulk_bytes) * double(bulk_bytes) / 1e6; });
  if (wanted("rr1_p50") || wanted("rr1_p99")) {
    const auto samples = checked(node->run(sequential_echo, server(), round_trips));
    report.add("rr1_p50", "us", percentile(samples, 0.50));
    report.add("rr1_p99", "us", percentile(samples, 0.99));
  }
  add("rr64", "/s", [&] {
    return median_of(runs, [&] {
      return checked(node->run(pipelined_echo, server(), pipelined_round_trips, outstanding));
    });
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "serve") return serve_until_closed(argv[2]);
  const barrel::test::TempDir directory;
  barrel::test::Child other({.argv = {"/proc/self/exe", "serve", directory.path()}});
  if (!other.wait_for("serving", std::chrono::seconds(20))) {
    std::fprintf(stderr, "bench_remote: the other side did not start:\n%s", other.transcript().c_str());
    return 1;
  }
  Report report(
      "Remote: two nodes as two processes, QUIC on 127.0.0.1, a scheduler thread per core, medians of 5 "
      "runs");
  measure(report, directory.path(), {argv + 1, argv + argc});
  other.close_input();
  return 0;
}
