// Two nodes in one program: one registers a service, the other finds it by name and calls it.
#include <cstdio>
#include <string>

#include "barrel/node/node.hpp"
#include "barrel/otp/gen_server.hpp"

using namespace barrel;

struct Greet {
  static constexpr std::string_view tag = "greet";
  std::string whom;
  using Reply = std::string;
};

class Greeter {
 public:
  using Calls = Messages<Greet>;
  explicit Greeter(Self self) {
    auto registered = self.node().registry().register_service(self, Atom("greeter"));
    if (!registered) exit(registered.error().reason);
    registration_ = std::move(*registered);
  }
  std::string handle_call(const Greet& greet) { return "hello, " + greet.whom; }

 private:
  Registration registration_;
};

Task<> host(Self self) {
  auto greeter = co_await self.start_link<Greeter>();
  if (greeter) co_await self.receive<Exit>();
}

Task<Result<std::string>> ask(Self self) {
  auto greeter = co_await self.node().registry().whereis(self, Atom("greeter"), {.retries = 6});
  if (!greeter) co_return greeter.error();
  const Greet greet{"world"};
  co_return co_await self.call(*greeter, greet);
}

int main() {
  NodeConfig config;
  config.discovery.directory = "quickstart/discovery";
  config.name = "alice@127.0.0.1";
  config.data_dir = "quickstart/alice";
  auto alice = Node::start(config);
  config.name = "bob@127.0.0.1";
  config.data_dir = "quickstart/bob";
  config.membership.contact_nodes = {"alice@127.0.0.1"};
  auto bob = Node::start(config);
  if (!alice || !bob) return 1;

  (*alice)->spawn(host);
  const auto answer = (*bob)->run(ask);
  std::puts(answer ? answer->c_str() : answer.error().message().c_str());
  return answer ? 0 : 1;
}
