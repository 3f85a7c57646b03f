#include "node/kernel_processes.hpp"

#include <map>
#include <utility>

#include "node/rpc_server.hpp"

namespace barrel::node {

namespace {

using detail::HeldProcess;

enum class Kind : std::uint8_t { user, rex, net_kernel };

/// Starts one of them, registered and not yet running.
HeldProcess hold(Runtime& runtime, Kind kind, const Output* output) {
  const auto hold_body = [&](Atom name, auto body, auto... arguments) {
    HeldProcess held = detail::hold_process(runtime, nullptr, false, body, arguments...);
    if (held) detail::make_system_process(held, name);
    return held;
  };
  switch (kind) {
    case Kind::user: {
      HeldProcess user = hold_body("user", &io_server, output);
      if (user) runtime.set_group_leader(user.pid());
      return user;
    }
    case Kind::rex: return hold_body("rex", &rex);
    case Kind::net_kernel: return hold_body("net_kernel", &net_kernel);
  }
  return {};
}

/// Starts them again when they end, until the node stops, when no process can be started any more.
Task<> keep_running(Self self, const Output* output, Pid user, Pid rex_pid, Pid net_kernel_pid) {
  struct Kept {
    Kind kind;
    Monitor monitor;
  };
  std::map<Ref, Kept> kept;
  const auto keep = [&](Kind kind, const Pid& pid) {
    Monitor monitor = self.monitor(pid);
    const Ref ref = monitor.ref();
    kept.emplace(ref, Kept{kind, std::move(monitor)});
  };
  keep(Kind::user, user);
  keep(Kind::rex, rex_pid);
  keep(Kind::net_kernel, net_kernel_pid);
  for (;;) {
    const auto next = co_await self.receive<Down, Term>();
    const Down* down = std::get_if<Down>(&next);
    const auto ended = down != nullptr ? kept.find(down->ref) : kept.end();
    if (ended == kept.end()) continue;
    const Kind kind = ended->second.kind;
    kept.erase(ended);
    const HeldProcess again = hold(self.runtime(), kind, output);
    if (again) keep(kind, again.pid());
  }
}

}  // namespace

void start_kernel_processes(Runtime& runtime, const Output& output) {
  const HeldProcess user = hold(runtime, Kind::user, &output);
  const HeldProcess rex_process = hold(runtime, Kind::rex, &output);
  const HeldProcess net_kernel_process = hold(runtime, Kind::net_kernel, &output);
  const HeldProcess keeper = detail::hold_process(runtime, nullptr, false, &keep_running, &output, user.pid(),
                                                  rex_process.pid(), net_kernel_process.pid());
  if (keeper) detail::make_system_process(keeper, "barrel_kernel");
}

}  // namespace barrel::node
