#include "barrel/process/runtime.hpp"

#include <exception>
#include <random>
#include <thread>
#include <utility>

#include "process/encoded_message.hpp"
#include "process/runtime_impl.hpp"
#include "term/short_text.hpp"

namespace barrel {

using detail::Envelope;
using detail::Inbox;
using detail::Process;
using detail::Signal;

namespace {

unsigned thread_count(const RuntimeConfig& config) {
  if (config.schedulers == RuntimeConfig::deterministic) return 0;
  if (config.schedulers != 0) return config.schedulers;
  return std::max(std::thread::hardware_concurrency(), 1U);
}

RuntimeConfig checked(RuntimeConfig config) {
  static_assert(RuntimeConfig::mailbox_messages_limit == Inbox::count_max);
  config.mailbox_messages_max = std::clamp(config.mailbox_messages_max, 1U, Inbox::count_max);
  config.processes_max = std::max(config.processes_max, 1U);
  config.blocking_threads_max = std::max(config.blocking_threads_max, 1U);
  return config;
}

std::array<std::uint64_t, 2> key_of_refs(const RuntimeConfig& config) {
  if (config.schedulers == RuntimeConfig::deterministic) return {config.creation, 0};
  std::random_device device;
  const auto word = [&device] { return std::uint64_t{device()} << 32 | device(); };
  return {word(), word()};
}

}  // namespace

detail::RuntimeImpl::Counters::Counters(Metrics& metrics)
    : crashed(metrics.counter("process.ended_abnormally")),
      dropped_no_process(metrics.counter("process.messages_to_nobody")),
      dropped_late_reply(metrics.counter("process.late_replies")),
      malformed(metrics.counter("process.malformed_messages")),
      messages_failed(metrics.counter("process.messages_failed")),
      mailbox_overflows(metrics.counter("process.mailbox_overflows")),
      processes_refused(metrics.counter("process.processes_refused")),
      blocking_refused(metrics.counter("process.blocking_jobs_refused")),
      relations_refused(metrics.counter("process.relations_refused")),
      forged_signals(metrics.counter("process.forged_signals")),
      signals_ignored(metrics.counter("process.signals_ignored")),
      long_steps(metrics.counter("process.long_steps")),
      dear_offers(metrics.counter("process.dear_offers")),
      early_exits_refused(metrics.counter("process.early_exits_refused")),
      unreachable(metrics.counter("process.messages_unreachable")),
      remote_spawns(metrics.counter("process.remote_spawns")),
      remote_spawns_refused(metrics.counter("process.remote_spawns_refused")),
      kernel_limit(metrics.counter("process.kernel_messages_over_limit")),
      functions_refused(metrics.counter("process.functions_refused")),
      functions_undefined(metrics.counter("process.functions_undefined")) {}

detail::RuntimeImpl::RuntimeImpl(Runtime& owner, const RuntimeConfig& settings, const Clock& time, Log sink,
                                 Metrics& all_metrics)
    : facade(owner),
      config(checked(settings)),
      node_atom(config.node.atom()),
      ref_secrets(key_of_refs(config)),
      clock(time),
      log(sink.named("process")),
      metrics(all_metrics),
      counters(all_metrics),
      relation_quotas(config.remote_relations_max),
      table(*this, config.processes_max, config.mailbox_messages_max, thread_count(config)),
      functions(config.node, log),
      spawn_quotas(config.remote_spawns_max),
      pool(config.schedulers == RuntimeConfig::deterministic ? 0 : config.blocking_threads_max,
           config.blocking_jobs_max, metrics.gauge("process.blocking_jobs_waiting")),
      scheduler(*this, {thread_count(config), config.spin, config.long_step}) {}

detail::RuntimeImpl::~RuntimeImpl() = default;

// -- delivery

Process* detail::RuntimeImpl::find(const Pid& pid) const noexcept {
  if (pid.node_atom != node_atom || pid.creation != config.creation) return nullptr;
  return table.find(pid.id);
}

Process* detail::RuntimeImpl::find_alive(const Pid& pid) const noexcept {
  Process* process = find(pid);
  if (process == nullptr || process->serial.load(std::memory_order_acquire) != pid.serial) return nullptr;
  return process->inbox.is_dead() ? nullptr : process;
}

bool detail::RuntimeImpl::push(Process& to, std::uint32_t serial, Envelope* envelope,
                               std::uint32_t limit) noexcept {
  envelope->serial = serial;
  switch (to.inbox.push(envelope, limit)) {
    case Inbox::Pushed::quiet: return true;
    case Inbox::Pushed::woke: scheduler.ready(to, true); return true;
    case Inbox::Pushed::dead: return false;
    case Inbox::Pushed::full: break;
  }
  counters.mailbox_overflows.add();
  // Ends the process once; were the signal lost to a race with its end, it would not matter.
  if (!to.overflowed.exchange(true)) signal(pid_of(to.id, serial), detail::make_signal(Signal::Op::overflow));
  return false;
}

bool detail::RuntimeImpl::deliver(const Pid& to, Envelope* message) noexcept {
  Process* process = find(to);
  if (process != nullptr && process->serial.load(std::memory_order_acquire) == to.serial &&
      push(*process, to.serial, message, config.mailbox_messages_max)) [[likely]] {
    return true;
  }
  counters.dropped_no_process.add();
  detail::dispose(message);
  return false;
}

void detail::RuntimeImpl::signal(const Pid& to, Signal* signal) {
  Process* process = find(to);
  if (process != nullptr && process->serial.load(std::memory_order_acquire) == to.serial &&
      push(*process, to.serial, signal, ~0U)) {
    return;
  }
  const detail::EnvelopePtr owner(signal);
  answer_for_dead(*this, to, *signal);
}

void detail::RuntimeImpl::send_signal(const Pid& from, const Pid& to, Signal* sent) {
  if (is_local(to)) return signal(to, sent);
  const detail::EnvelopePtr owner(sent);
  RemoteSignal remote;
  switch (sent->op) {
    case Signal::Op::link: remote.op = RemoteSignal::Op::link; break;
    case Signal::Op::unlink: remote.op = RemoteSignal::Op::unlink; break;
    case Signal::Op::unlink_ack: remote.op = RemoteSignal::Op::unlink_ack; break;
    case Signal::Op::exit: remote.op = RemoteSignal::Op::exit; break;
    case Signal::Op::exit2: remote.op = RemoteSignal::Op::exit2; break;
    case Signal::Op::monitor: remote.op = RemoteSignal::Op::monitor; break;
    case Signal::Op::demonitor: remote.op = RemoteSignal::Op::demonitor; break;
    case Signal::Op::down: remote.op = RemoteSignal::Op::down; break;
    case Signal::Op::group_leader: remote.op = RemoteSignal::Op::group_leader; break;
    case Signal::Op::spawn_reply: remote.op = RemoteSignal::Op::spawn_reply; break;
    default: return;  // the others never leave the node
  }
  // Here it is the new leader, which may be of any node.
  remote.from = sent->op == Signal::Op::group_leader ? sent->from : from;
  remote.to = to;
  remote.name = sent->name;
  remote.to_node = to.node();
  remote.ref = sent->ref;
  remote.id = sent->number;
  remote.reason = sent->reason;
  remote_signal(remote);
}

void detail::RuntimeImpl::remote_signal(const RemoteSignal& signal) {
  if (router != nullptr) return router->signal(signal);
  // Without a way to other nodes they are all lost already.
  using Op = RemoteSignal::Op;
  if (signal.op == Op::link || signal.op == Op::monitor || signal.op == Op::spawn_request) {
    facade.node_down(signal.to_node, noconnection());
  }
}

std::optional<Pid> detail::RuntimeImpl::whereis(Atom name) const noexcept {
  const auto holder = names.find(name);
  if (holder.id != 0) return pid_of(holder.id, holder.serial);
  return resolver != nullptr ? resolver->find_own(name) : std::nullopt;
}

// -- timers

void detail::RuntimeImpl::fire(const detail::Timers::Due& due) {
  if (const auto* action = std::get_if<detail::Timers::Action>(&due.what)) {
    try {
      (*action)();
    } catch (...) {  // the message's own conversion: its sender has long gone on, or ended
      bool is_crash = false;
      const Term why = detail::exit_reason_of(std::current_exception(), is_crash);
      log.error("a message of a timer was dropped: it could not be sent",
                {{"reason", short_text(why, config.node)}});
    }
    return;
  }
  const auto& process = std::get<detail::Timers::WakeUp>(due.what);
  Signal* wake_up = detail::make_signal(Signal::Op::deadline);
  wake_up->due = due.due;
  signal(pid_of(process.id, process.serial), wake_up);
}

void detail::RuntimeImpl::fire_due_timers() {
  const Instant now = clock.now();
  while (const auto due = timers.take(now)) fire(*due);
}

// -- the facade

Runtime::Runtime(const RuntimeConfig& config, const Clock& clock, Log log, Metrics& metrics)
    : impl_(std::make_unique<detail::RuntimeImpl>(*this, config, clock, log, metrics)) {
  impl_->scheduler.start();
}

NodeName Runtime::node_name() const noexcept {
  return impl_->config.node;
}
std::uint32_t Runtime::creation() const noexcept {
  return impl_->config.creation;
}
const Log& Runtime::log() const noexcept {
  return impl_->log;
}
Metrics& Runtime::metrics() noexcept {
  return impl_->metrics;
}
const Clock& Runtime::clock() const noexcept {
  return impl_->clock;
}
void Runtime::set_node(Node& node) noexcept {
  impl_->node = &node;
}
void Runtime::set_router(RemoteRouter& router) noexcept {
  impl_->router = &router;
}
void Runtime::set_resolver(const NameResolver& resolver) noexcept {
  impl_->resolver = &resolver;
}
void Runtime::set_group_leader(const Pid& leader) noexcept {
  impl_->default_leader.store(std::uint64_t{leader.serial} << 32 | leader.id, std::memory_order_relaxed);
}
Functions& Runtime::functions() noexcept {
  return impl_->functions;
}
std::optional<Pid> Runtime::whereis(Atom name) const {
  return impl_->whereis(name);
}
bool Runtime::is_alive(const Pid& pid) const noexcept {
  return impl_->find_alive(pid) != nullptr;
}
bool Runtime::is_deterministic() const noexcept {
  return impl_->scheduler.is_deterministic();
}
std::optional<Instant> Runtime::next_timer() const {
  return impl_->timers.next();
}

RuntimeStats Runtime::stats() const {
  RuntimeStats stats;
  impl_->table.for_each([&](const Process& process) {
    if (process.inbox.is_dead()) return;
    ++stats.processes;
    const std::size_t waiting = process.inbox.count() + process.queue_length.load(std::memory_order_relaxed);
    stats.messages_waiting += waiting;
    stats.mailbox_longest = std::max(stats.mailbox_longest, waiting);
  });
  stats.timers = impl_->timers.size();
  return stats;
}

void Runtime::exit(const Pid& target, Term reason) {
  const Pid nobody = detail::nobody_of(*this);
  impl_->send_signal(nobody, target, detail::make_exit(nobody, std::move(reason), Signal::Op::exit2));
}

Result<void> Runtime::may_block() const {
  if (detail::Scheduler::on_scheduler_thread()) {
    return Error(Errc::wrong_thread, Term("this would block a scheduler thread: co_await it in a process"));
  }
  return {};
}

Result<void> Runtime::wait_drained(NodeName node, Duration limit) {
  if (is_deterministic() || !may_block()) return Error(Errc::busy);
  return run(
      [](Self self, NodeName full, Duration patience) -> Task<Result<void>> {
        co_return co_await detail::Drained(self.process(), full, patience);
      },
      node, limit);
}

bool Runtime::run_until_idle() {
  bool ran = false;
  for (;;) {
    impl_->fire_due_timers();
    if (!impl_->scheduler.run_until_idle()) return ran;
    ran = true;
  }
}

void Runtime::step_until(const std::function<bool()>& done) {
  while (!done() && run_until_idle()) {}
}

}  // namespace barrel
