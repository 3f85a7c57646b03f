// The bytes are messages of another node, one after the other: `to:8 length:16 term`, to a GenServer, which
// answers what sys asks, and to the process of a scope of process groups. Who ends, which a message of sys
// may ask for, is started again. Members that a node tells of are its own.
#include <algorithm>
#include <cstdlib>

#include "barrel/otp/gen_server.hpp"
#include "barrel/otp/process_groups.hpp"
#include "process/fuzz_runtime.hpp"

namespace {

using namespace barrel;

const NodeName self{"me@h"};
const NodeName peer{"you@h"};

class Tally {
 public:
  struct Amount {
    static constexpr std::string_view tag = "add";
    int number = 0;
    Term why;
  };
  struct Get {
    static constexpr std::string_view tag = "get";
    using Reply = std::int64_t;
  };
  using Calls = Messages<Get>;
  using Casts = Messages<Amount>;
  using Infos = Messages<Amount>;
  explicit Tally(Self) {}
  void handle_cast(const Amount& amount) { sum_ += amount.number; }
  void handle_info(const Amount& amount) { sum_ -= amount.number; }
  [[nodiscard]] std::int64_t handle_call(const Get&) const { return sum_; }
  [[nodiscard]] Term state() const { return sum_; }

 private:
  std::int64_t sum_ = 0;
};

/// Who receives.
struct Receivers {
  Pid server;
  ProcessGroups groups;
};

Task<> start(Self process, Receivers* out) {
  process.trap_exits(true);
  for (;;) {
    const auto server = co_await process.start_link<Tally>();
    const auto groups = co_await ProcessGroups::start_link(process);
    if (!server || !groups) std::abort();
    *out = Receivers{*server, *groups};
    const Exit ended = co_await process.receive<Exit>();
    // The other one, before both begin anew.
    const Pid other = ended.from == *server ? groups->pid() : *server;
    process.exit(other, Atom("kill"));
    (void)co_await process.receive<Exit>();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  test::FuzzRuntime runtime(self);
  Receivers receivers;
  runtime->spawn(&start, &receivers);
  runtime->run_until_idle();
  const auto context = std::make_shared<DecodeContext>();
  ByteReader in({data, size});
  while (in.remaining() >= 3) {
    runtime->node_up(peer);  // a scope that has been started again knows nobody
    const Pid to = in.u8() % 2 == 0 ? receivers.server : receivers.groups.pid();
    const BytesView bytes = in.take(std::min<std::size_t>(in.u16(), in.remaining()));
    runtime->deliver_encoded(to, SharedBytes(Bytes(bytes.begin(), bytes.end())), context);
    runtime->run_until_idle();
  }
  for (const Term& group : receivers.groups.which_groups()) {
    for (const Pid& member : receivers.groups.get_members(group)) {
      if (member.node() != peer) std::abort();
    }
  }
  return 0;
}
