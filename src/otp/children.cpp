#include "otp/children.hpp"

#include <utility>

#include "barrel/process/runtime.hpp"
#include "term/short_text.hpp"

namespace barrel::otp {

bool RestartWindow::allows(Instant now) {
  restarts_.push_back(now);
  while (restarts_.front() < now - settings_.period) restarts_.pop_front();
  return std::cmp_less_equal(restarts_.size(), settings_.intensity);
}

bool wants_restart(Restart restart, const Term& reason) {
  switch (restart) {
    case Restart::permanent: return true;
    case Restart::transient: return is_abnormal(reason);
    case Restart::temporary: return false;
  }
  return false;
}

Task<> end_children(Self self, std::vector<Ending> children) {
  const Instant start = self.runtime().clock().now();
  std::vector<Monitor> monitors;
  monitors.reserve(children.size());
  for (const Ending& child : children) {
    monitors.push_back(self.monitor(child.pid));
    self.unlink(child.pid);
    if (child.shutdown == ChildSettings::brutal_kill) self.kill(child.pid);
    else self.exit(child.pid, shutdown());
  }
  for (std::size_t i = 0; i < children.size(); ++i) {
    const Pid pid = children[i].pid;
    const auto is_its_end = [ref = monitors[i].ref()](const Down& down) { return down.ref == ref; };
    const auto is_its_exit = [pid](const Exit& exit) { return exit.from == pid; };
    if (children[i].shutdown != ChildSettings::brutal_kill &&
        children[i].shutdown != ChildSettings::infinity) {
      const Duration left = children[i].shutdown - (self.runtime().clock().now() - start);
      const auto ended = co_await self.receive_if<Down>(is_its_end, std::max(left, Duration::zero()));
      if (std::holds_alternative<Timeout>(ended)) {
        self.kill(pid);
        (void)co_await self.receive_if<Down>(is_its_end);
      }
    } else {
      (void)co_await self.receive_if<Down>(is_its_end);
    }
    // It may have ended by itself before the unlink.
    (void)co_await self.receive_if<Exit>(is_its_exit, Duration::zero());
  }
}

Term child_term(const ChildFields& child) {
  const Term where =
      child.pid ? Term(*child.pid) : Term(Atom(child.is_restarting ? "restarting" : "undefined"));
  return Term::tuple_of(child.id, where, Atom("worker"), Atom("dynamic"));
}

Term childspec_term(const Term& id, const ChildSettings& settings) {
  const auto restart = [&] {
    switch (settings.restart) {
      case Restart::permanent: return Atom("permanent");
      case Restart::transient: return Atom("transient");
      case Restart::temporary: return Atom("temporary");
    }
    return Atom("permanent");
  };
  const auto shutdown_after = [&]() -> Term {
    if (settings.shutdown == ChildSettings::brutal_kill) return Atom("brutal_kill");
    if (settings.shutdown == ChildSettings::infinity) return Atom("infinity");
    return std::chrono::duration_cast<std::chrono::milliseconds>(settings.shutdown).count();
  };
  const Term undefined = Atom("undefined");
  return Term::map({{Atom("id"), id},
                    {Atom("start"), Term::tuple_of(undefined, undefined, Term())},
                    {Atom("restart"), restart()},
                    {Atom("shutdown"), shutdown_after()},
                    {Atom("type"), Atom("worker")},
                    {Atom("modules"), Atom("dynamic")}});
}

Result<ChildFields> read_child(const Term& term) {
  if (term.is_tuple(4)) {
    const auto fields = term.elements();
    const auto pid = fields[1].as_pid();
    const bool is_restarting = fields[1].is_atom("restarting");
    if (pid || is_restarting || fields[1].is_atom("undefined")) {
      return ChildFields{fields[0], pid, is_restarting};
    }
  }
  return Error(Errc::malformed, Term("{Id, Pid | undefined | restarting, Type, Modules}"));
}

Term child_counts(std::size_t specs, std::size_t active, std::size_t workers) {
  const auto item = [](const char* what, std::size_t number) {
    return Term::tuple_of(Atom(what), static_cast<std::int64_t>(number));
  };
  return Term::list(
      {item("specs", specs), item("active", active), item("supervisors", 0), item("workers", workers)});
}

bool may_restart(Self self, RestartWindow& window, const Term& child) {
  Metrics& metrics = self.runtime().metrics();
  if (window.allows(self.runtime().clock().now())) {
    metrics.counter("otp.restarts").add();
    return true;
  }
  metrics.counter("otp.restarts_too_many").add();
  report_child(self, "too many restarts", child, shutdown());
  return false;
}

void report_child(Self self, const char* what, const Term& child, const Term& reason) {
  const NodeName node = self.runtime().node_name();
  self.runtime().log().error(what, {{"supervisor", to_string(self.pid(), node)},
                                    {"child", short_text(child, node)},
                                    {"reason", short_text(reason, node)}});
}

}  // namespace barrel::otp
