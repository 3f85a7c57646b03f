#include "barrel/otp/dynamic_supervisor.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "barrel/process/runtime.hpp"
#include "otp/children.hpp"

namespace barrel::otp {

namespace {

using detail::ChildStarter;
using detail::DynamicChildInfo;
using detail::StartDynamicChild;
using detail::TerminateDynamicChild;
using detail::WhichDynamicChildren;

class DynamicSupervisorServer {
 public:
  using Calls = Messages<StartDynamicChild, TerminateDynamicChild, WhichDynamicChildren, CountChildren, Term>;
  using Casts = Messages<>;
  using Infos = Messages<Exit, TryAgain<ChildStarter>>;

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

  std::vector<DynamicChildInfo> handle_call(const WhichDynamicChildren&) {
    std::vector<DynamicChildInfo> infos;
    for (const auto& [pid, start] : children_) infos.push_back({pid});
    std::ranges::sort(infos, {}, &DynamicChildInfo::pid);
    infos.resize(infos.size() + restarting_);
    return infos;
  }

  Term handle_call(const CountChildren&) {
    return child_counts(1, children_.size(), children_.size() + restarting_);
  }

  /// What no supervisor understands does not end one.
  Term handle_call(const Term& request) {
    if (request.is_tagged("get_childspec", 2)) return childspec(request.elements()[1]);
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

  Task<> handle_info(const TryAgain<ChildStarter>& again) {
    --restarting_;
    return restart(again.child);
  }

  Task<> terminate(const Term&) {
    std::vector<Ending> endings;
    for (const auto& [pid, start] : children_) endings.push_back({pid, settings_.shutdown});
    std::ranges::sort(endings, {}, &Ending::pid);  // told in the same order in every run of a simulation
    children_.clear();
    co_await end_children(self_, std::move(endings));
  }

 private:
  Task<> restart(ChildStarter start) {
    if (!may_restart(self_, window_, Term(Atom("undefined")))) exit(shutdown());
    const auto pid = co_await start(self_);
    if (pid) {
      children_.emplace(*pid, std::move(start));
      co_return;
    }
    report_child(self_, "a child did not start", Term(Atom("undefined")), pid.error().reason);
    ++restarting_;
    self_.send(self_.pid(), TryAgain<ChildStarter>{std::move(start)});
  }

  /// Of supervisor:get_childspec/2: all children have one, without a name of their own.
  [[nodiscard]] Term childspec(const Term& which) const {
    const auto pid = which.as_pid();
    if (!pid || !children_.contains(*pid)) return Term::tuple_of(Atom("error"), Atom("not_found"));
    return Term::tuple_of(Atom("ok"), childspec_term(Atom("undefined"), settings_));
  }

  Self self_;
  RestartWindow window_;
  ChildSettings settings_;
  std::unordered_map<Pid, ChildStarter> children_;
  std::size_t restarting_ = 0;  // their next attempts wait in the mailbox
};

}  // namespace

}  // namespace barrel::otp

namespace barrel::detail {

Term DynamicChildInfo::to_term() const {
  return otp::child_term({Atom("undefined"), pid, !pid});
}

Result<DynamicChildInfo> DynamicChildInfo::from_term(const Term& term) {
  const auto child = otp::read_child(term);
  if (!child) return child.error();
  if (!child->pid && !child->is_restarting) return Error(Errc::malformed, Term("the pid of a child"));
  return DynamicChildInfo{child->pid};
}

Task<Result<Pid>> start_dynamic_supervisor(Self self, SupervisorSettings settings, ChildSettings children) {
  return self.start_link<otp::DynamicSupervisorServer>(settings, children);
}

Task<Result<std::vector<Pid>>> which_dynamic_children(Self self, Pid supervisor) {
  const auto infos = co_await self.call(supervisor, WhichDynamicChildren{});
  if (!infos) co_return infos.error();
  std::vector<Pid> pids;
  for (const DynamicChildInfo& info : *infos) {
    if (info.pid) pids.push_back(*info.pid);
  }
  co_return pids;
}

Task<Result<Pid>> start_dynamic_child(Self self, Pid supervisor, ChildStarter start) {
  const StartDynamicChild request{std::move(start)};
  co_return co_await self.call(supervisor, request, Duration::max());
}

}  // namespace barrel::detail
