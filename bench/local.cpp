// bench_local: processes and messages inside one node. Workloads: docs/benchmarks.md.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "barrel/otp/gen_server.hpp"
#include "barrel/process/runtime.hpp"
#include "report.hpp"

namespace {

using namespace barrel;
using namespace barrel::bench;

constexpr int runs = 5;
constexpr int spawned = 200'000;
constexpr int pings = 500'000;  // two messages each
constexpr int senders = 8;
constexpr int messages_per_sender = 125'000;
constexpr int ring_size = 1'000;
constexpr int ring_hops = 1'000'000;
constexpr int calls = 200'000;
constexpr int idle_processes = 100'000;

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override {
    return Instant(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
  }
  [[nodiscard]] SystemTime system_now() const override {
    return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  }
};

struct Done {
  static constexpr std::string_view tag = "done";
};
struct Ping {
  static constexpr std::string_view tag = "ping";
  Pid from;
};
struct Pong {
  static constexpr std::string_view tag = "pong";
};
struct Token {
  static constexpr std::string_view tag = "token";
  std::int64_t hops_left = 0;
};
struct Number {
  static constexpr std::string_view tag = "number";
  std::int64_t value = 0;
};
struct Next {
  static constexpr std::string_view tag = "next";
  Pid pid;
};

// -- spawn_exit: processes that run once and end

Task<> run_once(Self self, std::atomic<int>* left, Pid parent) {
  if (left->fetch_sub(1) == 1) self.send(parent, Done{});
  co_return;
}

Task<double> spawn_exit(Self self) {
  std::atomic<int> left = spawned;
  const Stopwatch watch;
  for (int i = 0; i < spawned; ++i) self.spawn(run_once, &left, self.pid());
  co_await self.receive<Done>();
  co_return spawned / watch.seconds();
}

// -- pingpong: two processes, one message on its way

Task<> ponger(Self self) {
  for (int i = 0; i < pings; ++i) {
    const Ping ping = co_await self.receive<Ping>();
    self.send(ping.from, Pong{});
  }
}

Task<double> pingpong(Self self) {
  const Pid other = self.spawn(ponger);
  const Stopwatch watch;
  for (int i = 0; i < pings; ++i) {
    self.send(other, Ping{self.pid()});
    co_await self.receive<Pong>();
  }
  co_return 2.0 * pings / watch.seconds();
}

// -- fanin8: eight senders, one receiver

Task<> fanin_sender(Self self, Pid to) {
  for (int i = 0; i < messages_per_sender; ++i) self.send(to, Number{i});
  co_return;
}

Task<double> fanin8(Self self) {
  const Stopwatch watch;
  for (int i = 0; i < senders; ++i) self.spawn(fanin_sender, self.pid());
  for (int i = 0; i < senders * messages_per_sender; ++i) co_await self.receive<Number>();
  co_return double(senders) * messages_per_sender / watch.seconds();
}

// -- ring1000: a token goes round a ring of processes

Task<> ring_member(Self self, Pid first) {
  const Next next = co_await self.receive<Next>();
  for (;;) {
    const Token token = co_await self.receive<Token>();
    if (token.hops_left == 0) {
      self.send(first, Done{});
      continue;
    }
    self.send(next.pid, Token{token.hops_left - 1});
  }
}

Task<double> ring1000(Self self) {
  std::vector<Pid> ring;
  for (int i = 0; i < ring_size; ++i) ring.push_back(self.spawn(ring_member, self.pid()));
  for (std::size_t i = 0; i < ring.size(); ++i) self.send(ring[i], Next{ring[(i + 1) % ring.size()]});
  const Stopwatch watch;
  self.send(ring.front(), Token{ring_hops});
  co_await self.receive<Done>();
  const double seconds = watch.seconds();
  for (const Pid& pid : ring) self.kill(pid);
  co_return ring_hops / seconds;
}

// -- call: sequential requests to a GenServer, with deadline and monitor semantics

struct Add {
  static constexpr std::string_view tag = "add";
  std::int64_t amount = 0;
  using Reply = std::int64_t;
};

class Adder {
 public:
  using Calls = Messages<Add>;
  using Casts = Messages<>;
  using Infos = Messages<>;

  explicit Adder(Self) {}
  std::int64_t handle_call(const Add& add) { return total_ += add.amount; }

 private:
  std::int64_t total_ = 0;
};

Task<double> call_rate(Self self) {
  const auto server = co_await self.start_link<Adder>();
  const Stopwatch watch;
  for (int i = 0; i < calls; ++i) {
    const auto total = co_await self.call(*server, Add{1});
    if (!total) exit(total.error().reason);
  }
  co_return calls / watch.seconds();
}

Task<double> call_latency(Self self, double share) {
  const auto server = co_await self.start_link<Adder>();
  std::vector<double> samples;
  samples.reserve(calls);
  for (int i = 0; i < calls; ++i) {
    const Stopwatch watch;
    const auto total = co_await self.call(*server, Add{1});
    if (!total) exit(total.error().reason);
    samples.push_back(watch.microseconds());
  }
  co_return percentile(std::move(samples), share);
}

// -- mem_idle_100k: processes that wait in receive

Task<> idle(Self self, std::atomic<int>* waiting, Pid parent) {
  if (waiting->fetch_add(1) + 1 == idle_processes) self.send(parent, Done{});
  co_await self.receive<Done>();
}

Task<double> idle_memory(Self self) {
  std::atomic<int> waiting = 0;
  std::vector<Pid> pids;
  pids.reserve(idle_processes);
  const double before = resident_bytes();
  for (int i = 0; i < idle_processes; ++i) pids.push_back(self.spawn(idle, &waiting, self.pid()));
  co_await self.receive<Done>();
  const double after = resident_bytes();
  for (const Pid& pid : pids) self.send(pid, Done{});
  co_return (after - before) / idle_processes;
}

template <class F, class... As>
double run(F body, As... args) {
  const SystemClock clock;
  Metrics metrics;
  RuntimeConfig config;
  config.node = "bench@127.0.0.1";
  Runtime runtime(config, clock, Log(), metrics);
  auto result = runtime.run(body, args...);
  if (auto stopped = runtime.stop(std::chrono::seconds(10)); !stopped || !result) std::abort();
  return std::move(*result);
}

}  // namespace

int main() {
  Report report("Local: processes of one node, a scheduler thread per core, medians of 5 runs");
  // First, while the process's memory is still untouched.
  report.add("mem_idle_100k", "bytes", run(idle_memory));
  report.add("spawn_exit", "/s", median_of(runs, [] { return run(spawn_exit); }));
  report.add("pingpong", "msg/s", median_of(runs, [] { return run(pingpong); }));
  report.add("fanin8", "msg/s", median_of(runs, [] { return run(fanin8); }));
  report.add("ring1000", "msg/s", median_of(runs, [] { return run(ring1000); }));
  report.add("call_rate", "/s", median_of(runs, [] { return run(call_rate); }));
  report.add("call_p50", "us", median_of(runs, [] { return run(call_latency, 0.50); }));
  report.add("call_p99", "us", median_of(runs, [] { return run(call_latency, 0.99); }));
  return 0;
}
