// Processes that this node asks other nodes to start, and calls by rpc, which are such processes.
#include <algorithm>
#include <utility>

#include "barrel/process/exit.hpp"
#include "barrel/process/remote_spawn.hpp"
#include "barrel/term/term_size.hpp"
#include "process/function_process.hpp"
#include "process/process.hpp"
#include "process/runtime_impl.hpp"
#include "process/too_large.hpp"

namespace barrel::detail {

namespace {

Error spawn_error(const Term& why) {
  if (why.is_atom("noconnection")) return Error(Errc::no_connection, why);
  if (why.is_atom("notsup")) return Error(Errc::unsupported, why);
  if (why.is_atom("system_limit")) return Error(Errc::limit_exceeded, why);
  if (why == frame_too_large()) return Error(Errc::limit_exceeded, Atom("frame_bytes_max"));
  if (why.is_atom("badopt") || why.is_atom("badarg")) return Error(Errc::invalid_argument, why);
  return Error(Errc::rejected, why);
}

/// The request as it leaves the node.
RemoteSignal request_of(const Process& process, const Ref& ref, const SpawnOrder& order, Term options) {
  auto spawn = std::make_shared<RemoteSpawn>();
  spawn->leader = process.group_leader.id != 0 ? process.group_leader : process.pid();
  spawn->function =
      Term::tuple_of(Atom(order.module), Atom(order.function), order.arguments.elements().size());
  spawn->options = std::move(options);
  spawn->arguments = order.arguments;
  RemoteSignal request;
  request.op = RemoteSignal::Op::spawn_request;
  request.from = process.pid();
  request.to_node = order.node;
  request.ref = ref;
  request.spawn = std::move(spawn);
  return request;
}

Term options_of(const SpawnOrder& order) {
  std::vector<Term> options;
  if (order.link) options.emplace_back(Atom("link"));
  if (order.monitor) options.emplace_back(Atom("monitor"));
  return Term::list(std::move(options));
}

void send_to_started(RuntimeImpl& runtime, RemoteSignal::Op op, const Pid& from, const Pid& to,
                     const Ref& ref, Term reason = {}) {
  RemoteSignal signal;
  signal.op = op;
  signal.from = from;
  signal.to = to;
  signal.to_node = to.node();
  signal.ref = ref;
  signal.reason = std::move(reason);
  runtime.remote_signal(signal);
}

/// An order for the erpc module of that node, which applies the function that is wanted.
SpawnOrder erpc_order(const SpawnOrder& order, std::string_view entry, std::vector<Term> before) {
  before.emplace_back(Atom(order.module));
  before.emplace_back(Atom(order.function));
  before.push_back(order.arguments);
  return {order.node, "erpc", entry, Term::list(std::move(before)), false, false};
}

}  // namespace

PendingSpawn::PendingSpawn(Process& process, For what, const SpawnOrder& order, Duration limit)
    : Wait(process, &is_done, limit),
      number_(++process.refs_made),
      what_(what),
      link_(order.link),
      node_(order.node) {
  start_clock();
  next_ = process.pending_spawns();
  if (next_ != nullptr) next_->previous_ = this;
  process.related().pending_spawns = this;

  SpawnOrder effective = order;
  if (what == For::result) {
    effective = erpc_order(order, "execute_call", {Term(ref())});
    effective.monitor = true;
  }
  if (node_.atom() == process.runtime->node_atom) {
    start_here(effective);
    return;
  }
  process.start_remote_relation(node_, epoch_);
  process.runtime->remote_signal(request_of(process, ref(), effective, options_of(effective)));
}

PendingSpawn::~PendingSpawn() {
  Process& process = *process_;
  if (previous_ != nullptr) previous_->next_ = next_;
  else process.relations->pending_spawns = next_;  // there since it began
  if (next_ != nullptr) next_->previous_ = previous_;
  process.forget_early_exits(node_);
  RuntimeImpl& runtime = *process.runtime;
  if (what_ == For::result && runs_) {
    // Nobody wants the result any more; the function runs on, as in Erlang.
    Signal* signal = make_signal(Signal::Op::demonitor, process.pid());
    signal->ref = ref();
    runtime.send_signal(process.pid(), pid_, signal);
  } else if (process.ending && link_ && !done_ && node_.atom() != runtime.node_atom) {
    runtime.orphaned_spawns.add(node_, ref(), process.reason);
  }
}

Ref PendingSpawn::ref() const {
  return process_->ref_of(number_, RefKind::plain);
}

void PendingSpawn::fail(Error why) {
  error_ = std::move(why);
  runs_ = false;
  done_ = true;
}

std::optional<Error> PendingSpawn::failure() const {
  if (error_) return error_;
  if (!done_) return Error(Errc::timeout);
  return std::nullopt;
}

void PendingSpawn::start_here(const SpawnOrder& order) {
  RuntimeImpl& runtime = *process_->runtime;
  FunctionStart start;
  start.caller = node_;
  start.asker = process_->pid();
  start.leader = process_->group_leader;
  start.module = Atom(order.module);
  start.function = Atom(order.function);
  start.arity = order.arguments.elements().size();
  start.link = order.link;
  if (order.monitor) start.monitor = ref();
  const HeldProcess held = hold_function(runtime, std::move(start), make_message(Term(order.arguments)));
  if (!held) return fail(why_not_started(runtime.facade));
  pid_ = held.pid();
  runs_ = true;
  if (what_ == For::result) return;
  if (order.link) process_->add_link(pid_);
  if (order.monitor) process_->related().watching[number_].target = pid_;
  done_ = true;
}

void cast_function(Process& process, const SpawnOrder& order) {
  const SpawnOrder cast = erpc_order(order, "execute_cast", {});
  if (order.node.atom() != process.runtime->node_atom) {
    return process.runtime->remote_signal(
        request_of(process, process.make_ref(RefKind::plain), cast, Term()));
  }
  FunctionStart start;
  start.caller = order.node;
  start.asker = process.pid();
  start.leader = process.group_leader;
  start.module = Atom(cast.module);
  start.function = Atom(cast.function);
  start.arity = cast.arguments.elements().size();
  (void)hold_function(*process.runtime, std::move(start), make_message(Term(cast.arguments)));
}

Result<Term> erpc_result(const Ref& ref, const Term& reason) {
  const auto parts = reason.elements();
  const bool is_result = reason.is_tuple() && parts.size() >= 3 && parts[0].as_ref() == ref;
  if (!is_result) {
    if (reason.is_atom("noconnection")) return Error(Errc::no_connection, reason);
    if (reason == frame_too_large()) return Error(Errc::limit_exceeded, Atom("frame_bytes_max"));
    return Error(Errc::exited, Term::tuple_of(Atom("exit"), Term::tuple_of(Atom("signal"), reason)));
  }
  if (parts[1].is_atom("return")) return parts[2];
  Term what = Term::tuple({parts.begin() + 1, parts.end()});
  if (parts[1].is_atom("error") && parts[2].is_atom("undef")) return Error(Errc::not_found, std::move(what));
  if (parts[1].is_atom("error") && parts[2] == Term::tuple_of(Atom("erpc"), Atom("notsup")))
    return Error(Errc::unsupported, std::move(what));
  return Error(Errc::exited, std::move(what));
}

// -- the process that asks

PendingSpawn* Process::pending_spawn(std::uint64_t number) {
  for (PendingSpawn* spawn = pending_spawns(); spawn != nullptr; spawn = spawn->next_) {
    if (spawn->number_ == number) return spawn;
  }
  return nullptr;
}

void Process::apply_spawn_reply(const Signal& signal) {
  if (!is_mine(signal.ref)) return;
  const std::uint64_t number = number_of(signal.ref);
  PendingSpawn* spawn = pending_spawn(number);
  if (spawn != nullptr && spawn->node_ != signal.from.node()) return runtime->counters.forged_signals.add();
  if (spawn == nullptr || spawn->done_ || spawn->runs_) return abandon_spawned(*runtime, pid(), signal);
  const auto started = signal.reason.as_pid();
  if (!started) return spawn->fail(spawn_error(signal.reason));
  if (started->node() != signal.from.node()) return spawn->fail(Error(Errc::protocol_violation));
  spawn->pid_ = *started;
  spawn->runs_ = true;
  if (spawn->what_ == PendingSpawn::For::result) return;
  spawn->done_ = true;
  if ((signal.number & RemoteSignal::spawn_monitored) != 0) {
    Relations::Watching& watching = related().watching[number];
    watching.target = *started;
    watching.remote = true;
    watching.epoch = spawn->epoch_;
    if (spawn->early_down_) apply_down(signal.ref, *std::exchange(spawn->early_down_, {}));
  }
  if ((signal.number & RemoteSignal::spawn_linked) != 0) {
    add_link(*started).epoch = spawn->epoch_;
    apply_early_exit(*started);
  }
  forget_early_exits(spawn->node_);
}

bool Process::waits_for_linked(NodeName node) {
  for (const PendingSpawn* spawn = pending_spawns(); spawn != nullptr; spawn = spawn->next_) {
    if (spawn->link_ && !spawn->done_ && spawn->node_ == node) return true;
  }
  return false;
}

bool Process::keep_early_exit(const Pid& from, const Term& why) {
  if (!waits_for_linked(from.node())) return false;
  auto& kept = relations->early_exits[from.node_atom];
  if (kept.size() == Relations::early_exits_max) {
    runtime->counters.early_exits_refused.add();
    return true;
  }
  const bool fits =
      estimate_bytes(why, Relations::early_reason_bytes_max) <= Relations::early_reason_bytes_max;
  if (!fits) runtime->counters.early_exits_refused.add();
  kept.emplace_back(from, fits ? why : Term(Atom("too_large")));
  return true;
}

void Process::apply_early_exit(const Pid& from) {
  const auto of_node = relations->early_exits.find(from.node_atom);
  if (of_node == relations->early_exits.end()) return;
  const auto kept = std::ranges::find(of_node->second, from, &std::pair<Pid, Term>::first);
  if (kept == of_node->second.end()) return;
  const Term why = std::move(kept->second);
  of_node->second.erase(kept);
  apply_exit(from, why);
}

void Process::forget_early_exits(NodeName node) {
  if (!waits_for_linked(node)) relations->early_exits.erase(node.atom());
}

bool Process::take_spawn_result(std::uint64_t number, const Term& why) {
  PendingSpawn* spawn = pending_spawn(number);
  if (spawn == nullptr || spawn->done_) return false;
  if (spawn->what_ == PendingSpawn::For::pid) {
    spawn->early_down_ = why;
    return true;
  }
  spawn->end_reason_ = why;
  spawn->runs_ = false;
  spawn->done_ = true;
  return true;
}

void Process::fail_spawns_of(NodeName node, std::uint64_t epoch, const Term& why) {
  for (PendingSpawn* spawn = pending_spawns(); spawn != nullptr; spawn = spawn->next_) {
    if (spawn->done_ || spawn->node_ != node || spawn->epoch_ >= epoch) continue;
    spawn->fail(Error(Errc::no_connection, why));
  }
}

void abandon_spawned(RuntimeImpl& runtime, const Pid& asker, const Signal& reply) {
  const auto orphan = runtime.orphaned_spawns.take(reply.from.node(), reply.ref);
  const auto started = reply.reason.as_pid();
  if (!started || started->node() != reply.from.node()) return;
  if ((reply.number & RemoteSignal::spawn_monitored) != 0)
    send_to_started(runtime, RemoteSignal::Op::demonitor, asker, *started, reply.ref);
  if ((reply.number & RemoteSignal::spawn_linked) != 0) {
    send_to_started(runtime, RemoteSignal::Op::exit, asker, *started, reply.ref,
                    orphan ? *orphan : Term(Atom("abandoned")));
  }
}

}  // namespace barrel::detail
