#include "node/kernel_processes.hpp"

#include <array>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "node/remote_log.hpp"
#include "node/rpc_server.hpp"

namespace barrel::node {

namespace {

using detail::HeldProcess;

enum class Kind : std::uint8_t { user, rex, net_kernel, remote_log };
constexpr std::array kinds = {Kind::user, Kind::rex, Kind::net_kernel, Kind::remote_log};

/// Starts one of them, registered and not yet running.
HeldProcess hold(Runtime& runtime, Kind kind, const std::shared_ptr<const Output>& output) {
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
    case Kind::remote_log: return hold_body(remote_log_name(), &remote_log);
  }
  return {};
}

/// How long after a failed start the next try comes. A guess: somebody notices a missing `rex` no sooner.
constexpr Duration try_again_after = std::chrono::seconds(1);

struct TryAgain {
  static constexpr std::string_view internal_name = "$barrel_try_again";
};

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::user: return "user";
    case Kind::rex: return "rex";
    case Kind::net_kernel: return "net_kernel";
    case Kind::remote_log: return "logger";
  }
  return {};
}

/// Starts them again when they end, and tries again when that fails: there may be no room for a process.
class Keeper {
 public:
  Keeper(Self self, std::shared_ptr<const Output> output)
      : self_(self),
        output_(std::move(output)),
        failed_(self.runtime().metrics().counter("node.kernel_starts_failed")) {}

  void keep(Kind kind, const Pid& pid) {
    Monitor monitor = self_.monitor(pid);
    const Ref ref = monitor.ref();
    kept_.emplace(ref, Kept{kind, std::move(monitor)});
  }
  void ended(const Ref& ref) {
    const auto found = kept_.find(ref);
    if (found == kept_.end()) return;
    const Kind kind = found->second.kind;
    kept_.erase(found);
    start(kind);
  }
  void try_again() {
    waits_ = false;
    for (const auto& [kind, tries] : std::map(missing_)) start(kind);
  }

 private:
  struct Kept {
    Kind kind;
    Monitor monitor;
  };

  void start(Kind kind) {
    const HeldProcess again = hold(self_.runtime(), kind, output_);
    if (!again) return missed(kind);
    if (const auto tries = missing_.find(kind); tries != missing_.end()) {
      if (tries->second > 1)
        self_.runtime().log().info("started again", {{"process", std::string(name_of(kind))}});
      missing_.erase(tries);
    }
    keep(kind, again.pid());
  }
  void missed(Kind kind) {
    failed_.add();
    // Once, and not at the first time: a runtime that stops starts nothing either.
    if (++missing_[kind] == 2) {
      self_.runtime().log().error(
          "a process that every node has cannot be started; it is tried again and again",
          {{"process", std::string(name_of(kind))}});
    }
    if (std::exchange(waits_, true)) return;
    (void)self_.send_after(try_again_after, self_.pid(), TryAgain{});
  }

  Self self_;
  std::shared_ptr<const Output> output_;
  Counter& failed_;
  std::map<Ref, Kept> kept_;
  /// How often the start of it has failed.
  std::map<Kind, std::uint64_t> missing_;
  bool waits_ = false;
};

/// The first of each; nobody, when there was no room.
using First = std::map<Kind, Pid>;

Task<> keep_running(Self self, std::shared_ptr<const Output> output, std::shared_ptr<const First> first) {
  Keeper keeper(self, std::move(output));
  for (const auto& [kind, pid] : *first) keeper.keep(kind, pid);
  for (;;) {
    const auto next = co_await self.receive<Down, TryAgain, Term>();
    if (const auto* down = std::get_if<Down>(&next)) keeper.ended(down->ref);
    else if (std::holds_alternative<TryAgain>(next)) keeper.try_again();
  }
}

}  // namespace

void start_kernel_processes(Runtime& runtime, const std::shared_ptr<const Output>& output) {
  // The keeper first: with it the others come as soon as there is room.
  const auto first = std::make_shared<First>();
  const HeldProcess keeper = detail::hold_process(runtime, nullptr, false, &keep_running, output,
                                                  std::shared_ptr<const First>(first));
  std::vector<HeldProcess> held;  // none runs before all are registered
  for (const Kind kind : kinds) {
    held.push_back(hold(runtime, kind, output));
    (*first)[kind] = held.back() ? held.back().pid() : Pid{};
  }
  if (keeper) return detail::make_system_process(keeper, "barrel_kernel");
  runtime.log().error("there is no room for the processes that every node has (processes_max)");
}

}  // namespace barrel::node
