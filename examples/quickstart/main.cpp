#include <cstdio>

#include "barrel/node/node.hpp"
using namespace barrel;

struct Greet {  // {greet, From, Whom}
  static constexpr std::string_view tag = "greet";
  Pid from;
  std::string whom;
};

Task<> greeter(Self self) {
  const auto registration = self.node().registry().register_service(self, Atom("greeter"));
  for (;;) {
    const Greet greet = co_await self.receive<Greet>();
    self.send(greet.from, "hello, " + greet.whom);
  }
}

Task<Result<std::string>> ask(Self self) {
  const auto pid = co_await self.node().registry().whereis(self, Atom("greeter"), {.retries = 6});
  if (!pid) co_return pid.error();
  self.send(*pid, Greet{self.pid(), "world"});
  co_return co_await self.receive<std::string>();
}

std::unique_ptr<Node> start(const char* name, std::vector<NodeName> contacts) {
  NodeConfig config;
  config.name = name;
  config.data_dir = std::string("data/") + name;
  config.discovery.directory = "data/discovery";
  config.membership.contact_nodes = std::move(contacts);
  return *Node::start(config);
}

int main() {
  const auto alice = start("alice@127.0.0.1", {});
  const auto bob = start("bob@127.0.0.1", {"alice@127.0.0.1"});
  alice->spawn(greeter);
  const auto answer = bob->run(ask);
  std::puts(answer ? answer->c_str() : answer.error().message().c_str());
}
