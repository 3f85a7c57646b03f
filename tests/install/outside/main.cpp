// A program outside the tree, against the installed library: two nodes in this process, a server on one of
// them, found, called, watched and killed from the other.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "barrel/node/node.hpp"
#include "barrel/otp/gen_server.hpp"

using namespace barrel;

struct Append {
  static constexpr std::string_view tag = "append";
  std::string text;
  using Reply = std::string;
};

class Notes {
 public:
  using Calls = Messages<Append>;
  using Casts = Messages<>;
  using Infos = Messages<>;

  explicit Notes(Self self) {
    auto registered = self.node().registry().register_service(self, Atom("notes"), {{"version", 1}});
    if (!registered) exit(registered.error().reason);
    registration_ = std::move(*registered);
  }
  std::string handle_call(const Append& append) { return notes_ += append.text; }

 private:
  Registration registration_;
  std::string notes_;
};

Task<> host(Self self) {
  self.trap_exits(true);
  const auto notes = co_await self.start_link<Notes>();
  if (!notes) exit(notes.error().reason);
  co_await self.receive<Exit>();
}

Task<Result<std::string>> use(Self self) {
  const auto notes = co_await self.node().registry().whereis(self, Atom("notes"), {.retries = 8});
  if (!notes) co_return notes.error();
  for (const char* word : {"installed", " and", " used"}) {
    const Append append{word};
    const auto text = co_await self.call(*notes, append);
    if (!text) co_return text.error();
  }
  const auto monitor = self.monitor(*notes);
  self.kill(*notes);
  const Down down = co_await self.receive<Down>();
  co_return "the notes were " + to_string(down.reason);
}

std::unique_ptr<Node> start(const std::string& directory, const char* name, std::vector<NodeName> contacts) {
  NodeConfig config;
  config.name = name;
  config.data_dir = directory + "/" + name;
  config.listen.address = "127.0.0.1";
  config.discovery.directory = directory + "/discovery";
  config.membership.contact_nodes = std::move(contacts);
  auto node = Node::start(config);
  if (!node) std::fprintf(stderr, "%s\n", node.error().message().c_str());
  return node ? *std::move(node) : nullptr;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto alice = start(argv[1], "alice@127.0.0.1", {});
  const auto bob = start(argv[1], "bob@127.0.0.1", {"alice@127.0.0.1"});
  if (!alice || !bob) return 1;
  alice->spawn(host);
  const auto outcome = bob->run(use);
  std::puts(outcome ? outcome->c_str() : outcome.error().message().c_str());
  return outcome && *outcome == "the notes were killed" ? 0 : 1;
}
