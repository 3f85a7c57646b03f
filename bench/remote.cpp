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
#include <variant>
#include <vector>

#include "barrel/node/config.hpp"
#include "barrel/node/node.hpp"
#include "barrel/process/self.hpp"
#include "report.hpp"
#include "support/child.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace barrel;
using namespace barrel::bench;

constexpr int runs = 5;
constexpr int small_messages = 400'000;
constexpr int bulk_messages = 4'000;
constexpr std::size_t small_bytes = 64;
constexpr std::size_t bulk_bytes = 65'536;
constexpr int round_trips = 20'000;
constexpr int pipelined_round_trips = 200'000;
constexpr int outstanding = 64;
constexpr int pairs = 8;
/// A sender looks at its channel's budget this often.
constexpr int drain_every = 64;

/// The last of a row of messages; answered when all before it have arrived.
struct Finish {
  static constexpr std::string_view tag = "finish";
  Pid from;
};
struct Finished {
  static constexpr std::string_view tag = "finished";
  std::int64_t messages = 0;
};
struct Echo {
  static constexpr std::string_view tag = "echo";
  Pid from;
  std::string bytes;
};

NodeLocalName on_server(const std::string& name) {
  return {Atom(name), NodeName("server@127.0.0.1")};
}

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

// -- the serving node

Task<> sink(Self self, Atom name) {
  if (auto registered = self.register_name(name); !registered) exit(registered.error().reason);
  std::int64_t received = 0;
  for (;;) {
    const auto message = co_await self.receive<std::string, Finish>();
    if (const auto* finish = std::get_if<Finish>(&message)) {
      self.send(finish->from, Finished{std::exchange(received, 0)});
    } else {
      ++received;
    }
  }
}

Task<> echo(Self self) {
  if (auto registered = self.register_name("echo"); !registered) exit(registered.error().reason);
  for (;;) {
    const Echo request = co_await self.receive<Echo>();
    self.send(request.from, request.bytes);
  }
}

int serve(const std::string& directory) {
  const auto node = start_node(directory, "server");
  for (int i = 0; i < pairs; ++i) node->spawn(sink, Atom("sink" + std::to_string(i)));
  node->spawn(echo);
  std::puts("serving");
  std::fflush(stdout);
  for (char byte = 0; ::read(STDIN_FILENO, &byte, 1) > 0;) {}
  return 0;
}

// -- the measuring node

Task<std::int64_t> flood(Self self, std::string sink_name, int count, std::size_t size) {
  const Address to = on_server(sink_name);
  const NodeName server("server@127.0.0.1");
  const std::string message(size, 'x');
  for (int i = 0; i < count; ++i) {
    self.send(to, message);
    if (i % drain_every == 0) co_await self.drained(server);
  }
  self.send(to, Finish{self.pid()});
  const Finished finished = co_await self.receive<Finished>();
  co_return finished.messages;
}

Task<> flood_for(Self self, Pid parent, std::string sink_name, int count, std::size_t size) {
  const std::int64_t arrived = co_await flood(self, std::move(sink_name), count, size);
  self.send(parent, Finished{arrived});
}

/// Messages per second of `senders` pairs together.
Task<double> one_way(Self self, int senders, int count, std::size_t size) {
  const Stopwatch watch;
  for (int i = 0; i < senders; ++i) {
    self.spawn_link(flood_for, self.pid(), "sink" + std::to_string(i), count / senders, size);
  }
  std::int64_t arrived = 0;
  for (int i = 0; i < senders; ++i) {
    const Finished finished = co_await self.receive<Finished>();
    arrived += finished.messages;
  }
  if (arrived != count) exit(Atom("messages_lost"));
  co_return count / watch.seconds();
}

Task<std::vector<double>> sequential_echo(Self self) {
  const Address to = on_server("echo");
  const Echo request{self.pid(), std::string(small_bytes, 'x')};
  std::vector<double> samples;
  samples.reserve(round_trips);
  for (int i = 0; i < round_trips; ++i) {
    const Stopwatch watch;
    self.send(to, request);
    co_await self.receive<std::string>();
    samples.push_back(watch.microseconds());
  }
  co_return samples;
}

Task<double> pipelined_echo(Self self) {
  const Address to = on_server("echo");
  const Echo request{self.pid(), std::string(small_bytes, 'x')};
  const Stopwatch watch;
  for (int i = 0; i < outstanding; ++i) self.send(to, request);
  for (int i = 0; i < pipelined_round_trips; ++i) {
    co_await self.receive<std::string>();
    if (i < pipelined_round_trips - outstanding) self.send(to, request);
  }
  co_return pipelined_round_trips / watch.seconds();
}

/// Milliseconds from the first message to a node that there is no connection to, until its answer is back.
Task<double> first_answer(Self self) {
  const Address to = on_server("echo");
  const Echo request{self.pid(), "hello"};
  const Stopwatch watch;
  self.send(to, request);
  co_await self.receive<std::string>();
  co_return watch.seconds() * 1e3;
}

template <class T>
T checked(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "bench_remote: %s\n", result.error().message().c_str());
  std::exit(1);
}

double connect_once(const std::filesystem::path& directory, int number) {
  const auto node = start_node(directory, "client" + std::to_string(number));
  return checked(node->run(first_answer));
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
  (void)checked(node->run(first_answer));
  const auto one_way_rate = [&](int senders, int count, std::size_t size) {
    return median_of(runs, [&] { return checked(node->run(one_way, senders, count, size)); });
  };
  add("oneway64_1", "msg/s", [&] { return one_way_rate(1, small_messages, small_bytes); });
  add("oneway64_8", "msg/s", [&] { return one_way_rate(pairs, small_messages, small_bytes); });
  add("bulk64k", "MB/s",
      [&] { return one_way_rate(1, bulk_messages, bulk_bytes) * double(bulk_bytes) / 1e6; });
  if (wanted("rr1_p50") || wanted("rr1_p99")) {
    const auto samples = checked(node->run(sequential_echo));
    report.add("rr1_p50", "us", percentile(samples, 0.50));
    report.add("rr1_p99", "us", percentile(samples, 0.99));
  }
  add("rr64", "/s", [&] { return median_of(runs, [&] { return checked(node->run(pipelined_echo)); }); });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "serve") return serve(argv[2]);
  const barrel::test::TempDir directory;
  barrel::test::Child server({.argv = {"/proc/self/exe", "serve", directory.path()}});
  if (!server.wait_for("serving", std::chrono::seconds(20))) {
    std::fprintf(stderr, "bench_remote: the other side did not start:\n%s", server.transcript().c_str());
    return 1;
  }
  Report report(
      "Remote: two nodes as two processes, QUIC on 127.0.0.1, a scheduler thread per core, medians of 5 "
      "runs");
  measure(report, directory.path(), {argv + 1, argv + argc});
  server.close_input();
  return 0;
}
