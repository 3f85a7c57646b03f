// A Barrel node that a test kills: a desk, and the function test:waits.
//
//   desk_node NAME DIRECTORY EPMD_PORT
//
// Prints `ready`, and ends with its standard input.
#include <iostream>
#include <string>

#include "barrel/node/node.hpp"
#include "erlang/desk.hpp"

namespace {

using namespace barrel;

struct Go {
  static constexpr std::string_view tag = "go";
};
Task<> waits(Self self) {
  (void)co_await self.receive<Go>();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  NodeConfig config;
  config.name = NodeName(Atom(argv[1]));
  config.listen.address = "127.0.0.1";
  const std::filesystem::path directory = argv[2];
  config.data_dir = directory / argv[1];
  config.discovery.directory = directory / "discovery";
  config.processes.schedulers = 2;
  config.log.level = LogLevel::error;
  config.tcp.enabled = true;
  config.tcp.address = "127.0.0.1";
  config.tcp.epmd_port = static_cast<std::uint16_t>(std::stoi(argv[3]));
  auto node = Node::start(config);
  if (!node) {
    std::cerr << node.error().message() << "\n";
    return 1;
  }
  (*node)->functions().expose("test", "waits", waits);
  if (!(*node)->start_server<test::Desk>(Atom("desk"))) return 1;
  std::cout << "ready\n" << std::flush;
  for (std::string line; std::getline(std::cin, line);) {}
  return 0;
}
