#pragma once

#include <filesystem>
#include <functional>
#include <iostream>
#include <string>

#include "barrel/node/node.hpp"

// The start of the Barrel nodes that tests kill, which are programs of their own.
namespace barrel::test {

/// On 127.0.0.1, and reached by TCP through the EPMD at that port; what it keeps is below `directory`.
inline NodeConfig killed_node_config(const char* name, const std::filesystem::path& directory,
                                     const char* epmd_port) {
  NodeConfig config;
  config.name = NodeName(Atom(name));
  config.listen.address = "127.0.0.1";
  config.data_dir = directory / name;
  config.discovery.directory = directory / "discovery";
  config.processes.schedulers = 2;
  config.log.level = LogLevel::error;
  config.tcp.enabled = true;
  config.tcp.address = "127.0.0.1";
  config.tcp.epmd_port = static_cast<std::uint16_t>(std::stoi(epmd_port));
  return config;
}

/// Runs a node until the end of standard input, and gives what main() returns. Prints `ready` when `prepare`
/// has done its part; `on_line` is called for each line that is read. Either says false to end with an error.
inline int run_killed_node(
    NodeConfig config, const std::function<bool(Node&)>& prepare,
    const std::function<bool(Node&)>& on_line = [](Node&) { return true; }) {
  auto node = Node::start(std::move(config));
  if (!node) {
    std::cerr << node.error().message() << "\n";
    return 1;
  }
  if (!prepare(**node)) return 1;
  std::cout << "ready\n" << std::flush;
  for (std::string line; std::getline(std::cin, line);) {
    if (!on_line(**node)) return 1;
  }
  return 0;
}

}  // namespace barrel::test
