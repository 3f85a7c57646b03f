#include "barrel/otp/supervisor.hpp"

#include <algorithm>
#include <utility>

#include "barrel/process/runtime.hpp"
#include "otp/children.hpp"

namespace barrel::otp {

namespace {

using detail::DeleteChild;
using detail::RestartChild;
using detail::StartChild;
using detail::TerminateChild;
using detail::WhichChildren;

class SupervisorServer {
 public:
  using Calls =
      Messages<StartChild, TerminateChild, RestartChild, DeleteChild, WhichChildren, CountChildren, Term>;
  using Casts = Messages<>;
  using Infos = Messages<Exit, TryAgain<Atom>>;

  SupervisorServer(Self self, SupervisorSettings settings, std::vector<ChildSpec> specs)
      : self_(self), window_(settings) {
    self_.trap_exits(true);
    for (ChildSpec& spec : specs) {
      if (find(spec.id) != nullptr) {
        exit(Term::tuple_of(Atom("start_spec"), Term::tuple_of(Atom("duplicate_child_name"), spec.id)));
      }
      children_.push_back({.spec = std::move(spec), .pid = {}});
    }
  }

  Task<> init() {
    for (std::size_t i = 0; i < children_.size(); ++i) {
      auto pid = co_await start(children_[i].spec);
      if (pid) {
        children_[i].pid = *pid;
        continue;
      }
      const Atom id = children_[i].spec.id;
      co_await end_all();
      exit(Term::tuple_of(shutdown(), Term::tuple_of(Atom("failed_to_start_child"), id, pid.error().reason)));
    }
  }

  Task<Result<Pid>> handle_call(const StartChild& request) {
    if (find(request.spec.id) != nullptr) co_return Error(Errc::already_registered);
    auto pid = co_await start(request.spec);
    if (pid) children_.push_back({.spec = request.spec, .pid = *pid});
    co_return pid;
  }

  Task<Result<void>> handle_call(const TerminateChild& request) {
    Child* child = find(request.id);
    if (child == nullptr) co_return Error(Errc::not_found);
    child->is_restarting = false;
    if (!child->pid) co_return Result<void>();
    const Ending ending{*std::exchange(child->pid, std::nullopt), child->spec.settings.shutdown};
    if (child->spec.settings.restart == Restart::temporary) forget(request.id);
    co_await end_children(self_, std::vector<Ending>(1, ending));
    co_return Result<void>();
  }

  Task<Result<Pid>> handle_call(const RestartChild& request) {
    Child* child = find(request.id);
    if (child == nullptr) co_return Error(Errc::not_found);
    if (child->pid) co_return Error(Errc::already_registered, Atom("running"));
    if (child->is_restarting) co_return Error(Errc::already_registered, Atom("restarting"));
    auto pid = co_await start(child->spec);
    if (pid) child->pid = *pid;
    co_return pid;
  }

  Result<void> handle_call(const DeleteChild& request) {
    const Child* child = find(request.id);
    if (child == nullptr) return Error(Errc::not_found);
    if (child->pid) return Error(Errc::rejected, Atom("running"));
    if (child->is_restarting) return Error(Errc::rejected, Atom("restarting"));
    forget(request.id);
    return {};
  }

  std::vector<ChildInfo> handle_call(const WhichChildren&) {
    std::vector<ChildInfo> infos;
    for (const Child& child : children_) infos.push_back({child.spec.id, child.pid, child.is_restarting});
    return infos;
  }

  Term handle_call(const CountChildren&) {
    const auto active =
        std::ranges::count_if(children_, [](const Child& child) { return child.pid.has_value(); });
    return child_counts(children_.size(), static_cast<std::size_t>(active), children_.size());
  }

  /// What no supervisor understands does not end one.
  Term handle_call(const Term& request) {
    if (request.is_tagged("get_childspec", 2)) return childspec(request.elements()[1]);
    return Term::tuple_of(Atom("error"), Term::tuple_of(Atom("unknown_call"), request));
  }

  Task<> handle_info(const Exit& exit) {
    const auto child = std::ranges::find(children_, std::optional(exit.from), &Child::pid);
    if (child == children_.end()) co_return;
    child->pid.reset();
    const Atom id = child->spec.id;
    const Restart restart_type = child->spec.settings.restart;
    if (is_abnormal(exit.reason)) report_child(self_, "a child ended", Term(id), exit.reason);
    if (wants_restart(restart_type, exit.reason)) co_await restart(id);
    else if (restart_type == Restart::temporary) forget(id);
  }

  Task<> handle_info(const TryAgain<Atom>& again) {
    const Child* child = find(again.child);
    if (child != nullptr && child->is_restarting) co_await restart(again.child);
  }

  Task<> terminate(const Term&) { return end_all(); }

 private:
  struct Child {
    ChildSpec spec;
    std::optional<Pid> pid;
    bool is_restarting = false;  // an attempt has failed, the next one waits in the mailbox
  };

  /// Of supervisor:get_childspec/2, by id or pid.
  [[nodiscard]] Term childspec(const Term& which) const {
    const auto found = std::ranges::find_if(children_, [&](const Child& child) {
      return which == Term(child.spec.id) || (child.pid && which == Term(*child.pid));
    });
    if (found == children_.end()) return Term::tuple_of(Atom("error"), Atom("not_found"));
    return Term::tuple_of(Atom("ok"), childspec_term(Term(found->spec.id), found->spec.settings));
  }
  Child* find(Atom id) {
    const auto found =
        std::ranges::find_if(children_, [id](const Child& child) { return child.spec.id == id; });
    return found == children_.end() ? nullptr : &*found;
  }
  void forget(Atom id) {
    std::erase_if(children_, [id](const Child& child) { return child.spec.id == id; });
  }

  Task<Result<Pid>> start(const ChildSpec& spec) {
    auto pid = co_await spec.start(self_);
    if (!pid) report_child(self_, "a child did not start", Term(spec.id), pid.error().reason);
    co_return pid;
  }

  Task<> restart(Atom id) {
    if (!may_restart(self_, window_, Term(id))) exit(shutdown());
    const auto pid = co_await start(find(id)->spec);
    Child& child = *find(id);
    child.is_restarting = !pid;
    if (pid) child.pid = *pid;
    else self_.send(self_.pid(), TryAgain<Atom>{id});
  }

  /// In reverse order of starting, one after the other.
  Task<> end_all() {
    while (!children_.empty()) {
      const Child child = std::move(children_.back());
      children_.pop_back();
      if (!child.pid) continue;
      co_await end_children(self_, std::vector<Ending>(1, Ending{*child.pid, child.spec.settings.shutdown}));
    }
  }

  Self self_;
  RestartWindow window_;
  std::vector<Child> children_;
};

}  // namespace

}  // namespace barrel::otp

namespace barrel {

Term ChildInfo::to_term() const {
  return otp::child_term({id, pid, is_restarting});
}

Result<ChildInfo> ChildInfo::from_term(const Term& term) {
  const auto child = otp::read_child(term);
  if (!child) return child.error();
  const auto id = child->id.as_atom();
  if (!id) return Error(Errc::malformed, Term("an atom that identifies a child"));
  return ChildInfo{*id, child->pid, child->is_restarting};
}

Task<Result<Supervisor>> Supervisor::start_link(Self self, SupervisorSettings settings,
                                                std::vector<ChildSpec> children) {
  auto pid = co_await self.start_link<otp::SupervisorServer>(settings, std::move(children));
  if (!pid) co_return pid.error();
  co_return Supervisor(*pid);
}

Task<Result<Pid>> Supervisor::start_child(Self self, ChildSpec spec) const {
  const detail::StartChild request{std::move(spec)};
  co_return co_await self.call(pid_, request, Duration::max());
}

}  // namespace barrel
