#include "barrel/otp/dynamic_supervisor.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "barrel/process/runtime.hpp"
#include "otp/children.hpp"

namespace barrel::otp {

namespace {

using detail::ChildStarter;
using detail::StartDynamicChild;
using detail::TerminateDynamicChild;
using detail::WhichDynamicChildren;

class DynamicSupervisorServer {
 public:
  using Calls = Messages<StartDynamicChild, TerminateDynamicChild, WhichDynamicChildren, Term>;
  using Casts = Messages<>;
  using Infos = Messages<Exit>;

  DynamicSupervisorServer(Self self, SupervisorSettings settings, ChildSettings children)
      : self_(self), window_(settings), settings_(children) {
    self_.trap_exits(true);
  }

  Task<Result<Pid>> handle_call(const StartDynamicChild& request) {
    auto pid = co_await request.start(self_);
    if (pid) children_.emplace(*pid, request.start);
    else report_child(self_, "a child did not start", Term(Atom("undefined")), pid.error().reason);
    co_return pid;
  }

  Task<Result<void>> handle_call(const TerminateDynamicChild& request) {
    if (children_.erase(request.pid) == 0) co_return Error(Errc::not_found);
    co_await end_children(self_, std::vector<Ending>(1, Ending{request.pid, settings_.shutdown}));
    co_return Result<void>();
  }

  std::vector<Pid> handle_call(const WhichDynamicChildren&) {
    std::vector<Pid> pids;
    for (const auto& [pid, start] : children_) pids.push_back(pid);
    std::ranges::sort(pids);
    return pids;
  }

  /// What no supervisor understands does not end one.
  Term handle_call(const Term& request) {
    return Term::tuple_of(Atom("error"), Term::tuple_of(Atom("unknown_call"), request));
  }

  Task<> handle_info(const Exit& exit) {
    const auto child = children_.find(exit.from);
    if (child == children_.end()) co_return;
    const ChildStarter start = std::move(child->second);
    children_.erase(child);
    if (is_abnormal(exit.reason)) report_child(self_, "a child ended", Term(exit.from), exit.reason);
    if (wants_restart(settings_.restart, exit.reason)) co_await restart(start);
  }

  Task<> terminate(const Term&) {
    std::vector<Ending> endings;
    for (const auto& [pid, start] : children_) endings.push_back({pid, settings_.shutdown});
    children_.clear();
    co_await end_children(self_, std::move(endings));
  }

 private:
  Task<> restart(ChildStarter start) {
    for (;;) {
      if (!window_.allows(self_.runtime().clock().now())) {
        report_child(self_, "too many restarts", Term(Atom("undefined")), shutdown());
        exit(shutdown());
      }
      auto pid = co_await start(self_);
      if (pid) {
        children_.emplace(*pid, std::move(start));
        co_return;
      }
      report_child(self_, "a child did not start", Term(Atom("undefined")), pid.error().reason);
    }
  }

  Self self_;
  RestartWindow window_;
  ChildSettings settings_;
  std::unordered_map<Pid, ChildStarter> children_;
};

}  // namespace

}  // namespace barrel::otp

namespace barrel::detail {

Task<Result<Pid>> start_dynamic_supervisor(Self self, SupervisorSettings settings, ChildSettings children) {
  return self.start_link<otp::DynamicSupervisorServer>(settings, children);
}

Task<Result<Pid>> start_dynamic_child(Self self, Pid supervisor, ChildStarter start) {
  const StartDynamicChild request{std::move(start)};
  co_return co_await self.call(supervisor, request, Duration::max());
}

}  // namespace barrel::detail
