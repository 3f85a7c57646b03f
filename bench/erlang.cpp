// bench_erlang: messages between Barrel and Erlang nodes over TCP, beside the same between two Erlang nodes
// and, for information, between two Barrel nodes over QUIC; each node a process of this machine. Workloads:
// docs/benchmarks.md; `bench_erlang bulk64k rr64` runs these two alone, `bench_erlang rr64
// erlang-barrel` that direction alone, `bench_erlang serve DIRECTORY EPMD_PORT` is a Barrel node that serves.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "barrel/node/config.hpp"
#include "barrel/node/node.hpp"
#include "barrel/term/mapping.hpp"
#include "erlang/beam.hpp"
#include "exchange.hpp"
#include "own_network.hpp"
#include "report.hpp"
#include "support/child.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace barrel;
using namespace barrel::bench;
using test::Beam;

constexpr int runs = 5;
constexpr int small_messages = 200'000;
constexpr int bulk_messages = 20'000;
constexpr int round_trips = 5'000;
constexpr int pipelined_round_trips = 100'000;
constexpr int outstanding = 64;
constexpr std::chrono::seconds beam_limit{120};

NodeConfig config_for(const std::filesystem::path& directory, const std::string& name, int epmd_port) {
  NodeConfig config;
  config.name = NodeName((name + "@127.0.0.1").c_str());
  config.data_dir = directory / name;
  config.discovery.directory = directory / "discovery";
  config.log.level = LogLevel::error;
  config.tcp.enabled = true;
  config.tcp.address = "127.0.0.1";
  config.tcp.epmd_port = static_cast<std::uint16_t>(epmd_port);
  return config;
}

template <class T>
T checked(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "bench_erlang: %s\n", result.error().message().c_str());
  std::exit(1);
}

int serve_until_closed(const std::string& directory, int epmd_port) {
  const auto node = checked(Node::start(config_for(directory, "server", epmd_port)));
  serve(*node);
  std::puts("serving");
  std::fflush(stdout);
  for (char byte = 0; ::read(STDIN_FILENO, &byte, 1) > 0;) {}
  return 0;
}

double number(const Term& term) {
  return checked(from_term<double>(term));
}

/// Processor time of a process so far, user and system.
double cpu_seconds(pid_t pid) {
  const std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::stringstream all;
  all << file.rdbuf();
  std::istringstream fields(all.str().substr(all.str().rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

/// What a run gives, and the processor time that it took on both sides.
struct Sample {
  double value = 0;
  double second_value = 0;
  double sender_cpu = 0;
  double receiver_cpu = 0;
  double sender_share = 0;  // of one processor, while it ran
  double receiver_share = 0;
};

/// A pair of nodes, seen from the one that measures.
struct Direction {
  std::string name;
  pid_t sender = 0;
  pid_t receiver = 0;
  NodeName server;
  Node* node = nullptr;  // else an Erlang node measures
  Beam* beam = nullptr;
  std::vector<Sample> samples{};

  [[nodiscard]] std::string erlang(const std::string& function, const std::string& rest) const {
    return "erlang_peer:" + function + "('" + std::string(server.text()) + "', " + rest + ")";
  }
  [[nodiscard]] double one_way_rate(int senders, int count, std::size_t size) const {
    if (node != nullptr) return checked(node->run(one_way, server, senders, count, size));
    const std::string rest =
        std::to_string(senders) + ", " + std::to_string(count) + ", " + std::to_string(size);
    return number(beam->eval(erlang("one_way", rest), beam_limit));
  }
  [[nodiscard]] std::pair<double, double> latency() const {
    if (node != nullptr) {
      const auto samples_us = checked(node->run(sequential_echo, server, round_trips));
      return {percentile(samples_us, 0.50), percentile(samples_us, 0.99)};
    }
    const Term both = beam->eval(erlang("sequential_echo", std::to_string(round_trips)), beam_limit);
    return {number(both.elements()[0]), number(both.elements()[1])};
  }
  [[nodiscard]] double pipelined_rate() const {
    if (node != nullptr)
      return checked(node->run(pipelined_echo, server, pipelined_round_trips, outstanding));
    const std::string rest = std::to_string(pipelined_round_trips) + ", " + std::to_string(outstanding);
    return number(beam->eval(erlang("pipelined_echo", rest), beam_limit));
  }
};

double median_by(const std::vector<Sample>& samples, double Sample::* member) {
  std::vector<double> values;
  for (const Sample& sample : samples) values.push_back(sample.*member);
  return median(std::move(values));
}

/// The four directions take turns, so that what else the machine does meets all of them.
void take_samples(std::vector<Direction>& directions,
                  const std::function<void(const Direction&, Sample&)>& run) {
  for (Direction& direction : directions) direction.samples.clear();
  for (int i = 0; i < runs; ++i) {
    for (Direction& direction : directions) {
      Sample sample;
      const double sender = cpu_seconds(direction.sender);
      const double receiver = cpu_seconds(direction.receiver);
      const auto begin = std::chrono::steady_clock::now();
      run(direction, sample);
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
      sample.sender_cpu = cpu_seconds(direction.sender) - sender;
      sample.receiver_cpu = cpu_seconds(direction.receiver) - receiver;
      sample.sender_share = sample.sender_cpu / seconds.count();
      sample.receiver_share = sample.receiver_cpu / seconds.count();
      direction.samples.push_back(sample);
    }
  }
}

/// The rows of one metric, each with its ratio to two Erlang nodes (the first direction), where more than 1
/// is better, the processor time of one message or round trip on both sides, and the share of one processor
/// that either took.
void add_rows(Report& report, const std::vector<Direction>& directions, const std::string& metric,
              const std::string& unit, double Sample::* value, int messages) {
  const double base = median_by(directions.front().samples, value);
  for (const Direction& direction : directions) {
    const double result = median_by(direction.samples, value);
    const double per_message = 1e6 / messages;
    std::array<char, 140> note;
    std::snprintf(note.data(), note.size(), "\t%5.2f of Erlang's, CPU %.2f + %.2f us, %.0f + %.0f %%",
                  unit == "us" ? base / result : result / base,
                  median_by(direction.samples, &Sample::sender_cpu) * per_message,
                  median_by(direction.samples, &Sample::receiver_cpu) * per_message,
                  median_by(direction.samples, &Sample::sender_share) * 100,
                  median_by(direction.samples, &Sample::receiver_share) * 100);
    report.add(metric + "." + direction.name, unit, result, note.data());
  }
}

void measure(Report& report, std::vector<Direction>& directions,
             const std::vector<std::string_view>& chosen) {
  constexpr std::array<std::string_view, 5> rows = {"oneway64_1", "oneway64_8", "bulk64k", "rr1", "rr64"};
  const auto wanted = [&](std::string_view metric) {
    const bool any =
        std::ranges::any_of(rows, [&](auto row) { return std::ranges::find(chosen, row) != chosen.end(); });
    return !any || std::ranges::find(chosen, metric) != chosen.end();
  };
  const auto one_ways = [&](const char* metric, const char* unit, int senders, int count, std::size_t size,
                            double factor) {
    if (!wanted(metric)) return;
    take_samples(directions, [&](const Direction& direction, Sample& sample) {
      sample.value = direction.one_way_rate(senders, count, size) * factor;
    });
    add_rows(report, directions, metric, unit, &Sample::value, count);
  };
  one_ways("oneway64_1", "msg/s", 1, small_messages, small_bytes, 1);
  one_ways("oneway64_8", "msg/s", pairs, small_messages, small_bytes, 1);
  one_ways("bulk64k", "MB/s", 1, bulk_messages, bulk_bytes, double(bulk_bytes) / 1e6);
  if (wanted("rr1")) {
    take_samples(directions, [&](const Direction& direction, Sample& sample) {
      std::tie(sample.value, sample.second_value) = direction.latency();
    });
    add_rows(report, directions, "rr1_p50", "us", &Sample::value, round_trips);
    add_rows(report, directions, "rr1_p99", "us", &Sample::second_value, round_trips);
  }
  if (wanted("rr64")) {
    take_samples(directions, [&](const Direction& direction, Sample& sample) {
      sample.value = direction.pipelined_rate();
    });
    add_rows(report, directions, "rr64", "/s", &Sample::value, pipelined_round_trips);
  }
}

std::unique_ptr<Beam> start_beam(const test::Epmd& epmd, const std::string& name) {
  auto beam = std::make_unique<Beam>(epmd, name);
  beam->load(BARREL_ERLANG_PEER);
  (void)beam->eval("erlang_peer:serve()");
  return beam;
}

pid_t pid_of(Beam& beam) {
  return static_cast<pid_t>(std::stol(beam.text("list_to_integer(os:getpid())")));
}

void run_all(const std::vector<std::string_view>& chosen) {
  const std::string congestion_control = use_cubic();
  const test::TempDir directory;
  const test::Epmd epmd;
  test::Child other({.argv = {"/proc/self/exe", "serve", directory.path(), std::to_string(epmd.port())}});
  if (!other.wait_for("serving", std::chrono::seconds(20)))
    throw std::runtime_error("the other side did not start:\n" + other.transcript());
  const auto node = checked(Node::start(config_for(directory.path(), "client", epmd.port())));
  const auto client = start_beam(epmd, "erlang_client");
  const auto server = start_beam(epmd, "erlang_server");
  const NodeName barrel_server("server@127.0.0.1");
  const NodeName erlang_server(server->name().c_str());
  std::vector<Direction> directions;
  directions.push_back(
      {"erlang-erlang", pid_of(*client), pid_of(*server), erlang_server, nullptr, client.get()});
  directions.push_back({"barrel-erlang", ::getpid(), pid_of(*server), erlang_server, node.get(), nullptr});
  directions.push_back({"erlang-barrel", pid_of(*client), other.pid(), barrel_server, nullptr, client.get()});
  directions.push_back({"barrel-barrel", ::getpid(), other.pid(), barrel_server, node.get(), nullptr});
  const auto is_chosen = [&](const Direction& direction) {
    return std::ranges::find(chosen, direction.name) != chosen.end();
  };
  if (std::ranges::any_of(directions, is_chosen)) std::erase_if(directions, std::not_fn(is_chosen));
  for (const Direction& direction : directions) (void)direction.one_way_rate(1, 1'000, small_bytes);
  Report report("Erlang: nodes as processes over TCP (" + congestion_control +
                ") on 127.0.0.1 (barrel-barrel: QUIC, encrypted), medians of 5 runs");
  measure(report, directions, chosen);
  other.close_input();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "serve")
    return serve_until_closed(argv[2], std::atoi(argv[3]));
  try {
    run_all({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_erlang: %s\n", error.what());
    return 1;
  }
  return 0;
}
