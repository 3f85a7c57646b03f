// A Barrel node that a test kills: a desk, and the function test:waits.
//
//   desk_node NAME DIRECTORY EPMD_PORT
//
// Prints `ready`, and ends with its standard input.
#include "erlang/desk.hpp"
#include "erlang/killed_node.hpp"

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
  return test::run_killed_node(test::killed_node_config(argv[1], argv[2], argv[3]), [](Node& node) {
    node.functions().expose("test", "waits", waits);
    return node.start_server<test::Desk>(Atom("desk")).has_value();
  });
}
