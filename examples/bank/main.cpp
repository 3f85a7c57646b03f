// A node for Erlang and Elixir nodes: functions to call, a server, a process group (docs/erlang.md). Each
// line `NODE MODULE FUNCTION TEXT` calls a function of such a node. Ends with its input.
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include "bank.hpp"

namespace {

int fail(const std::string& text) {
  std::fprintf(stderr, "bank: %s\n", text.c_str());
  return 1;
}

std::string answer(barrel::Node& node, const std::string& line) {
  std::istringstream words(line);
  std::string name, module, function, text;
  words >> name >> module >> function;
  std::getline(words >> std::ws, text);
  const auto to = barrel::NodeName::parse(name);
  if (!to) return name + " is not the name of a node";
  const auto told = node.run(bank::ask, *to, module, function, text);
  return module + ":" + function + " says " + (told ? *told : told.error().message());
}

}  // namespace

int main(int argc, char** argv) {
  const auto config = barrel::load_config(argc, argv);
  if (!config) return config.error().code == barrel::Errc::exited ? 0 : fail(config.error().message());
  const auto node = barrel::Node::start(*config);
  if (!node) return fail(node.error().message());

  bank::expose_functions((*node)->functions());
  (*node)->spawn(bank::application);
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  std::puts(("*** " + std::string((*node)->name().text()) + " is up").c_str());
  for (std::string line; std::getline(std::cin, line);) std::puts(answer(**node, line).c_str());
  return 0;
}
