#include "exchange.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "report.hpp"

namespace barrel::bench {
namespace {

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

Task<> sink(Self self, Atom name) {
  if (auto registered = self.register_name(name); !registered) exit(registered.error().reason);
  std::int64_t received = 0;
  for (;;) {
    const auto message = co_await self.receive<SharedBytes, Finish>();
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

Task<std::int64_t> flood(Self self, NodeName server, std::string sink_name, int count, std::size_t size) {
  const Address to = NodeLocalName{Atom(sink_name), server};
  const SharedBytes message(Bytes(size, 'x'));
  for (int i = 0; i < count; ++i) {
    self.send(to, message);
    if (i % drain_every == 0) (void)co_await self.drained(server);
  }
  self.send(to, Finish{self.pid()});
  const Finished finished = co_await self.receive<Finished>();
  co_return finished.messages;
}

Task<> flood_for(Self self, Pid parent, NodeName server, std::string sink_name, int count, std::size_t size) {
  const std::int64_t arrived = co_await flood(self, server, std::move(sink_name), count, size);
  self.send(parent, Finished{arrived});
}

}  // namespace

void serve(Node& node) {
  for (int i = 0; i < pairs; ++i) node.spawn(sink, Atom("sink" + std::to_string(i)));
  node.spawn(echo);
}

Task<double> one_way(Self self, NodeName server, int senders, int count, std::size_t size) {
  const Stopwatch watch;
  for (int i = 0; i < senders; ++i) {
    self.spawn_link(flood_for, self.pid(), server, "sink" + std::to_string(i), count / senders, size);
  }
  std::int64_t arrived = 0;
  for (int i = 0; i < senders; ++i) {
    const Finished finished = co_await self.receive<Finished>();
    arrived += finished.messages;
  }
  if (arrived != count) exit(Atom("messages_lost"));
  co_return count / watch.seconds();
}

Task<std::vector<double>> sequential_echo(Self self, NodeName server, int count) {
  const Address to = NodeLocalName{Atom("echo"), server};
  const Echo request{self.pid(), std::string(small_bytes, 'x')};
  std::vector<double> samples;
  samples.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    const Stopwatch watch;
    self.send(to, request);
    co_await self.receive<std::string>();
    samples.push_back(watch.microseconds());
  }
  co_return samples;
}

Task<double> pipelined_echo(Self self, NodeName server, int count, int outstanding) {
  const Address to = NodeLocalName{Atom("echo"), server};
  const Echo request{self.pid(), std::string(small_bytes, 'x')};
  const Stopwatch watch;
  for (int i = 0; i < outstanding; ++i) self.send(to, request);
  for (int i = 0; i < count; ++i) {
    co_await self.receive<std::string>();
    if (i < count - outstanding) self.send(to, request);
  }
  co_return count / watch.seconds();
}

Task<double> first_answer(Self self, NodeName server) {
  const Address to = NodeLocalName{Atom("echo"), server};
  const Echo request{self.pid(), "hello"};
  const Stopwatch watch;
  self.send(to, request);
  co_await self.receive<std::string>();
  co_return watch.seconds() * 1e3;
}

}  // namespace barrel::bench
