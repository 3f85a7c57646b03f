// The pool of the handbook. `pool worker` works, `pool client` reads lines `MILLISECONDS TEXT` and has them
// done by the worker with least to do (`loads` shows who has how much), `pool watch` tells who comes and
// goes. Then the node's settings: `pool worker --name=w1@127.0.0.1 --contact-nodes=...`. Ends with its input.
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include "pool.hpp"
#include "watch.hpp"

namespace {

using namespace pool;

Task<> ask(Self self, Job job) {
  const auto done = co_await submit(self, job);
  const std::string outcome = done ? "done by " + std::string(done->by.text()) : done.error().message();
  std::puts((job.text + ": " + outcome).c_str());
}

void show_loads(const Registry& registry) {
  std::string line = "loads:";
  for (const ServiceEntry& worker : registry.lookup(Atom("worker"))) {
    line += " " + std::string(worker.node.text()) + "=" + std::to_string(load_of(worker));
  }
  std::puts(line.c_str());
}

void run_line(Node& node, const std::string& line) {
  if (line == "loads") return show_loads(node.registry());
  std::istringstream words(line);
  Job job;
  words >> job.milliseconds;
  std::getline(words >> std::ws, job.text);
  node.spawn(ask, job);
}

int fail(const std::string& text) {
  std::fprintf(stderr, "pool: %s\n", text.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode != "worker" && mode != "client" && mode != "watch") {
    return fail("usage: pool worker|client|watch --name=NAME@HOST [settings]");
  }
  const auto config = load_config(argc - 1, argv + 1);
  if (!config) return config.error().code == Errc::exited ? 0 : fail(config.error().message());
  const auto node = Node::start(*config);
  if (!node) return fail(node.error().message());

  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  if (mode == "worker") {
    const auto worker = (*node)->start_server<Worker>();
    if (!worker) return fail(worker.error().message());
  }
  if (mode == "watch") (*node)->spawn(watch);
  std::puts(("*** " + std::string((*node)->name().text()) + " is up").c_str());
  for (std::string line; std::getline(std::cin, line);) run_line(**node, line);
  return 0;
}
