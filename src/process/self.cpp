#include "barrel/process/self.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "process/process.hpp"
#include "process/runtime_impl.hpp"

namespace barrel::detail {

// -- sending

bool is_local(const Sender& from, const Pid& to) noexcept {
  return from.runtime->impl().is_local(to);
}

bool deliver(const Sender& from, const Pid& to, Envelope* message) noexcept {
  return from.runtime->impl().deliver(to, message);
}

SendOutcome deliver_remote(const Sender& from, const RemoteTarget& to, const EncodablePayload& payload,
                           SendMode mode) {
  RuntimeImpl& runtime = from.runtime->impl();
  if (runtime.router == nullptr) {
    runtime.counters.unreachable.add();
    return SendOutcome::unreachable;
  }
  const Pid sender = from.process != nullptr ? from.process->pid() : runtime.pid_of(0, 0);
  const SendOutcome outcome = runtime.router->send(sender, to, payload, mode);
  if (outcome == SendOutcome::unreachable) runtime.counters.unreachable.add();
  if (outcome == SendOutcome::sent_busy && from.process != nullptr && !from.process->busy) {
    from.process->busy = true;
    runtime.router->when_drained(node_of(to), sender);
  }
  return outcome;
}

Result<RemoteTarget> resolve(const Sender& from, const Address& to) {
  RuntimeImpl& runtime = from.runtime->impl();
  const auto local_holder = [&](Atom name) -> Result<RemoteTarget> {
    const auto pid = runtime.whereis(name);
    if (!pid) return Error(Errc::no_process, noproc());
    return RemoteTarget(*pid);
  };
  if (const auto* pid = std::get_if<Pid>(&to.target())) return RemoteTarget(*pid);
  if (const auto* name = std::get_if<LocalName>(&to.target())) return local_holder(name->name);
  if (const auto* name = std::get_if<NodeLocalName>(&to.target())) {
    if (name->node.atom() == runtime.node_atom) return local_holder(name->name);
    return RemoteTarget(*name);
  }
  if (runtime.resolver == nullptr) return Error(Errc::not_found);
  auto pid = runtime.resolver->resolve(std::get<ViaName>(to.target()).name());
  if (!pid) return std::move(pid).error();
  return RemoteTarget(*pid);
}

Result<void> outcome_to_result(SendOutcome outcome) {
  switch (outcome) {
    case SendOutcome::sent:
    case SendOutcome::sent_busy: return {};
    case SendOutcome::busy: return Error(Errc::busy);
    case SendOutcome::unreachable: return Error(Errc::no_connection);
    case SendOutcome::too_large: return Error(Errc::limit_exceeded, Atom("frame_bytes_max"));
  }
  return {};
}

// -- about the process

Pid pid_of(const Process& process) noexcept {
  return process.pid();
}
Runtime& runtime_of(const Process& process) noexcept {
  return process.runtime->facade;
}
Sender sender_of(Process& process) noexcept {
  return {&process.runtime->facade, &process};
}
Ref make_ref(Process& process) {
  return process.make_ref(RefKind::plain);
}
SystemTime system_now(const Process& process) {
  return process.runtime->clock.system_now();
}
Term exit_reason(const Process& process) {
  return process.reason;
}
bool may_be_crashing(const Process& process) noexcept {
  return process.ending ? is_abnormal(process.reason) : std::uncaught_exceptions() > 0;
}

Node& node_of_process(const Process& process) {
  BARREL_ASSERT(process.runtime->node != nullptr);
  return *process.runtime->node;
}

// -- verbs

void link_process(Process& process, const Pid& other) {
  BARREL_ASSERT(Scheduler::is_current(process));
  process.link(other);
}

void unlink_process(Process& process, const Pid& other) {
  BARREL_ASSERT(Scheduler::is_current(process));
  process.unlink(other);
}

void set_trap_exits(Process& process, bool on) {
  BARREL_ASSERT(Scheduler::is_current(process));
  process.trap_exits = on;
}

void exit_process(Process& process, const Pid& target, Term reason) {
  process.send_signal(target, make_exit(process.pid(), std::move(reason), Signal::Op::exit2));
}

Pid group_leader(const Process& process) noexcept {
  return process.group_leader;
}

void set_group_leader(Process& process, const Pid& leader, const Pid& target) {
  BARREL_ASSERT(Scheduler::is_current(process));
  if (target == process.pid()) process.group_leader = leader;
  else process.send_signal(target, make_signal(Signal::Op::group_leader, leader));
}

Result<void> register_process(Process& process, Atom name) {
  BARREL_ASSERT(Scheduler::is_current(process));
  RuntimeImpl& runtime = *process.runtime;
  const LocalNames::Holder me{process.id, process.pid().serial};
  while (!runtime.names.exchange(name, {}, me)) {
    const LocalNames::Holder holder = runtime.names.find(name);
    if (holder == me) return {};
    if (holder.id == 0) continue;  // given up just now
    return Error(Errc::already_registered, Term(runtime.pid_of(holder.id, holder.serial)));
  }
  process.related().names.push_back(name);
  return {};
}

bool unregister_name(Process& process, Atom name) {
  BARREL_ASSERT(Scheduler::is_current(process));
  if (!process.relations) return false;
  if (std::erase(process.relations->names, name) == 0) return false;
  return process.runtime->names.exchange(name, {process.id, process.pid().serial}, {});
}

std::optional<Atom> registered_name(const Process& process) {
  if (!process.relations || process.relations->names.empty()) return std::nullopt;
  return process.relations->names.front();
}

std::optional<Pid> whereis(Runtime& runtime, Atom name) {
  return runtime.impl().whereis(name);
}

void set_monitor_node(Process& process, NodeName node, bool on) {
  BARREL_ASSERT(Scheduler::is_current(process));
  auto& watched = process.related().watched_nodes;
  const auto present = std::ranges::find(watched, node);
  if (!on) {
    if (present != watched.end()) watched.erase(present);
    return;
  }
  if (present != watched.end()) return;
  watched.push_back(node);
  process.touch_node(node);
  RemoteRouter* router = process.runtime->router;
  if (router != nullptr) (void)router->watch_node(node);
  else if (node.atom() != process.runtime->node_atom) process.runtime->facade.node_down(node, noconnection());
}

std::vector<NodeName> set_monitor_nodes(Process& process, bool on) {
  BARREL_ASSERT(Scheduler::is_current(process));
  NodeWatchers& watchers = process.runtime->node_watchers;
  const NodeIndex::Entry me{process.id, process.serial.load(std::memory_order_relaxed)};
  watchers.remove(me);
  process.related().watches_all_nodes = on;
  auto connected = watchers.add(me);
  if (!on) watchers.remove(me);
  return connected;
}

// -- timers

TimerRef start_timer(const Sender& sender, Duration delay, Address to,
                     std::function<void(const Sender&, const Address&)> fire) {
  RuntimeImpl& runtime = sender.runtime->impl();
  const Instant now = runtime.clock.now();
  const Instant due = now + std::clamp(delay, Duration::zero(), Instant::max() - now);
  Runtime* facade = sender.runtime;
  const auto started = runtime.timers.start(
      due, [facade, to = std::move(to), fire = std::move(fire)] { fire(Sender{facade, nullptr}, to); });
  if (started.earliest) runtime.scheduler.wake_timekeeper();
  return {started.id, due};
}

bool cancel_timer(Runtime& runtime, const TimerRef& timer) {
  return runtime.impl().timers.cancel(timer.due, timer.id);
}

// -- other waits

Drained::Drained(Process& process, NodeName node) : Wait(process, &is_drained), node_(node) {}

Drained::Drained(Process& process, NodeName node, Duration limit)
    : Wait(process, &is_drained, limit), node_(node) {
  ends_parking_ = true;
}

Result<void> Drained::await_resume() const {
  const bool still_full = std::exchange(process_->busy, false);
  if (done_ && !still_full) return {};
  return Error(Errc::timeout);
}

/// Asks once the process is no longer parked, which may be for another node.
bool Drained::is_drained(Wait& wait) {
  auto& self = static_cast<Drained&>(wait);
  if (self.done_ || self.timed_out_) return true;
  self.done_ = true;
  RemoteRouter* router = self.process_->runtime->router;
  if (router == nullptr) return true;
  self.process_->busy = true;
  router->when_drained(self.node_, self.process_->pid());
  return false;
}

BlockingWait::BlockingWait(Process& process, std::shared_ptr<BlockingJob> job)
    : Wait(process, &is_done), job_(job) {
  RuntimeImpl& runtime = *process.runtime;
  const Pid waiter = process.pid();
  const bool accepted = runtime.pool.submit([job = std::move(job), &runtime, waiter] {
    job->run();
    job->done.store(true, std::memory_order_release);
    runtime.signal(waiter, make_signal(Signal::Op::job_done));
  });
  if (accepted) return;
  runtime.counters.blocking_refused.add();
  barrel::exit(Term::tuple_of(Atom("limit_exceeded"), Atom("blocking_jobs_max")));
}

bool BlockingWait::is_done(Wait& wait) {
  return static_cast<BlockingWait&>(wait).job_->done.load(std::memory_order_acquire);
}

// -- spawning

namespace {

/// Whoever kills all processes finds those that a process starts by their parent, which lives. Those of other
/// threads are counted until they live: either the count is seen, or that nothing may start.
void begin_start(RuntimeImpl& impl) noexcept {
  if (impl.scheduler.stock() == nullptr) impl.starting.fetch_add(1, std::memory_order_seq_cst);
}
void end_start(RuntimeImpl& impl) noexcept {
  if (impl.scheduler.stock() == nullptr) impl.starting.fetch_sub(1, std::memory_order_seq_cst);
}

}  // namespace

Process* reserve_process(Runtime& runtime) {
  RuntimeImpl& impl = runtime.impl();
  begin_start(impl);
  Process* process = nullptr;
  if (!impl.refuses_processes.load(std::memory_order_seq_cst)) {
    process = impl.table.acquire(impl.scheduler.stock());
    if (process != nullptr) return process;
    impl.counters.processes_refused.add();
    impl.log.error("no process was started: processes_max are alive");
  }
  end_start(impl);
  return nullptr;
}

Error why_not_started(Runtime& runtime) {
  if (runtime.impl().refuses_processes.load(std::memory_order_seq_cst))
    return {Errc::closed, Term("the node has been shut down")};
  return {Errc::limit_exceeded, Term(Atom("processes_max"))};
}

void abandon_process(Process& process) noexcept {
  process.runtime->table.release(process, process.runtime->scheduler.stock());
  end_start(*process.runtime);
}

Pid nobody_of(Runtime& runtime) noexcept {
  return runtime.impl().pid_of(0, 0);
}

Pid refused_process(Runtime& runtime, Process* linked) {
  // Each has a pid of its own, so that each is told of to who links with it, and none is taken for nobody.
  RuntimeImpl& impl = runtime.impl();
  std::uint32_t number = ++impl.refused;
  if (number == 0) number = ++impl.refused;
  const Pid dead = impl.pid_of(0, number);
  if (linked != nullptr) linked->link(dead);
  return dead;
}

void start_process(Process& process, Process* parent, Root root, bool link) noexcept {
  process.root = root;
  process.resume_at = root.handle;
  process.trap_exits = false;
  process.ending = false;
  process.is_root.store(parent == nullptr, std::memory_order_relaxed);
  process.ends_quietly = false;
  process.group_leader = parent != nullptr ? parent->group_leader : process.runtime->first_group_leader();
  process.busy = false;
  process.overflowed = false;
  process.refs_made = 0;
  process.armed = Instant::max();
  if (link && parent != nullptr) {
    process.related().links.emplace(parent->pid(), Relations::Link{});
    parent->related().links.insert_or_assign(process.pid(), Relations::Link{});
  }
  process.inbox.open();
  end_start(*process.runtime);
}

void make_system_process(const HeldProcess& held, Atom name) {
  Process& process = held.process();
  process.is_root.store(false, std::memory_order_relaxed);
  process.ends_quietly = true;
  if (process.runtime->names.exchange(name, {}, {held.pid().id, held.pid().serial}))
    process.related().names.push_back(name);
}

void release_process(Process& process) noexcept {
  process.runtime->scheduler.ready(process, false);
}

}  // namespace barrel::detail
