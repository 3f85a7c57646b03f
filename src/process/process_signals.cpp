// How a process takes what others did to it: messages are sorted into its queue, signals applied, in the
// order in which they came.
#include <algorithm>
#include <utility>

#include "barrel/process/exit.hpp"
#include "process/encoded_message.hpp"
#include "process/process.hpp"
#include "process/runtime_impl.hpp"
#include "process/too_large.hpp"

namespace barrel::detail {

const MessageType Signal::type{MessageType::Kind::signal, false, {}, &dispose_as<Signal>, nullptr};
const MessageType FailedReply::type{MessageType::Kind::reply, false, {}, &dispose_as<FailedReply>, nullptr};

Signal* make_signal(Signal::Op op, const Pid& from) {
  auto* signal = new_envelope<Signal>(op);
  signal->from = from;
  return signal;
}

Signal* make_exit(const Pid& from, Term reason, Signal::Op op) {
  Signal* signal = make_signal(op, from);
  signal->reason = std::move(reason);
  return signal;
}

void Process::drain() {
  const std::uint32_t mine = serial.load(std::memory_order_relaxed);
  for (Envelope* envelope = inbox.take(); envelope != nullptr;) {
    Envelope* next = envelope->next;
    const bool is_payload = envelope->type->kind == MessageType::Kind::plain && !envelope->type->is_term;
    if (is_payload && envelope->serial == mine && !ending) [[likely]]
      append(envelope);
    else sort_in(envelope);
    envelope = next;
  }
}

void Process::sort_in(Envelope* envelope) {
  if (envelope->serial != serial.load(std::memory_order_relaxed)) {
    return refuse(*runtime, runtime->pid_of(id, envelope->serial), envelope, Error(Errc::no_process));
  }
  // It is to end: what came after the signal that said so finds it dead. Its own bookkeeping still counts.
  const bool is_signal = envelope->type->kind == MessageType::Kind::signal;
  if (ending && !(is_signal && static_cast<Signal&>(*envelope).op == Signal::Op::call_settled)) {
    return refuse(*runtime, pid(), envelope, Error(Errc::exited, reason));
  }
  switch (envelope->type->kind) {
    case MessageType::Kind::call:
    case MessageType::Kind::down: return append(envelope);
    case MessageType::Kind::plain:
      if (!envelope->type->is_term) return append(envelope);
      [[fallthrough]];
    case MessageType::Kind::encoded:
    case MessageType::Kind::reply:
      if (!take_reply(envelope)) append(envelope);
      return;
    case MessageType::Kind::signal:
      apply(static_cast<Signal&>(*envelope));
      dispose(envelope);
      return;
  }
}

bool Process::decode_reason(Signal& signal) {
  const bool is_encoded = signal.carried != nullptr && signal.op != Signal::Op::alias_message;
  if (!is_encoded) return true;
  const EnvelopePtr carried(std::exchange(signal.carried, nullptr));
  const auto& encoded = static_cast<const EncodedMessage&>(*carried);
  if (encoded.bytes().empty()) return true;
  auto reason_told = decode_message(*this, encoded);
  if (reason_told) {
    signal.reason = *std::move(reason_told);
    return true;
  }
  // What it is the reason of has happened all the same.
  const Error& why = reason_told.error();
  if (why.code != Errc::limit_exceeded) return false;
  signal.reason = unread(why);
  return true;
}

void Process::apply(Signal& signal) {
  if (!decode_reason(signal)) return;
  switch (signal.op) {
    case Signal::Op::link: return apply_link(signal);
    case Signal::Op::unlink: return apply_unlink(signal);
    case Signal::Op::unlink_ack: return apply_unlink_ack(signal);
    case Signal::Op::exit: return apply_exit(signal.from, signal.reason);
    case Signal::Op::exit2: return apply_exit2(signal.from, signal.reason);
    case Signal::Op::monitor: return apply_monitor(signal);
    case Signal::Op::demonitor: return apply_demonitor(signal);
    case Signal::Op::down:
      if (is_forged_down(signal)) return runtime->counters.forged_signals.add();
      return apply_down(signal.ref, signal.reason);
    case Signal::Op::close_call: return close_call(signal.from, signal.number);
    case Signal::Op::call_settled: return settle_call(signal.call, signal.number == 1);
    case Signal::Op::alias_message: return apply_alias_message(signal);
    case Signal::Op::deadline: return apply_deadline(signal);
    case Signal::Op::drained: busy = false; return;
    case Signal::Op::job_done: return;  // the waiting job knows by itself; this only woke the process
    case Signal::Op::node_down: return apply_node_down(NodeName(signal.node), signal.number, signal.reason);
    case Signal::Op::node_up:
      if (relations && std::ranges::find(relations->watched_nodes, NodeName(signal.node)) !=
                           relations->watched_nodes.end()) {
        append(make_message(NodeUp{NodeName(signal.node)}));
      }
      return;
    case Signal::Op::any_node_up:
      if (relations && relations->watches_all_nodes) append(make_message(NodeUp{NodeName(signal.node)}));
      return;
    case Signal::Op::any_node_down:
      if (relations && relations->watches_all_nodes) append(make_message(NodeDown{NodeName(signal.node)}));
      return;
    case Signal::Op::group_leader: group_leader = signal.from; return;
    case Signal::Op::spawn_reply: return apply_spawn_reply(signal);
    case Signal::Op::call_refused: return apply_call_refused(signal);
    case Signal::Op::overflow:
      return end(Term::tuple_of(Atom("limit_exceeded"), Atom("mailbox_messages_max")));
  }
}

void Process::end(Term why) {
  if (ending) return;
  ending = true;
  reason = std::move(why);
}

void Process::apply_exit(const Pid& from, const Term& why) {
  const auto* link = link_to(from);
  if (link == nullptr && relations && keep_early_exit(from, why)) return;
  if (link == nullptr || link->unlinking != 0) return runtime->counters.signals_ignored.add();
  forget_link(from);
  if (trap_exits) append(new_envelope<TypedMessage<Exit>>(std::in_place, Exit(from, why)));
  else if (!why.is_atom("normal")) end(why);
}

void Process::apply_exit2(const Pid& from, const Term& why) {
  if (why.is_atom("kill")) return end(killed());
  if (trap_exits) append(new_envelope<TypedMessage<Exit>>(std::in_place, Exit(from, why)));
  else if (!why.is_atom("normal") || from == pid()) end(why);
}

void Process::apply_monitor(const Signal& signal) {
  auto& watchers = related().watchers;
  // The reference of another's monitor: taken over, its owner would hear nothing any more.
  if (const auto held = watchers.find(signal.ref); held != watchers.end()) {
    if (held->second.pid != signal.from) runtime->counters.forged_signals.add();
    return;
  }
  if (!runtime->is_local(signal.from)) {
    if (!relations->remote_watchers.take(signal.from.node_atom)) return refuse_relation(signal);
    touch_node(signal.from.node());
  }
  watchers.emplace(signal.ref, Relations::Watcher{signal.from, signal.name});
}

void Process::apply_demonitor(const Signal& signal) {
  const Relations::Watcher* watcher = watcher_by(signal.ref);
  if (watcher == nullptr) return runtime->counters.signals_ignored.add();
  if (watcher->pid != signal.from) return runtime->counters.forged_signals.add();
  forget_watcher(signal.ref);
}

void Process::refuse_relation(const Signal& signal) {
  runtime->counters.relations_refused.add();
  const Term why(Atom("system_limit"));
  if (signal.op == Signal::Op::link) return send_signal(signal.from, make_exit(pid(), why));
  Signal* down = make_signal(Signal::Op::down, pid());
  down->ref = signal.ref;
  down->name = signal.name;
  down->reason = why;
  send_signal(signal.from, down);
}

void Process::apply_link(const Signal& signal) {
  if (!runtime->is_local(signal.from)) {
    const bool is_new = !related().links.contains(signal.from);
    if (is_new && !relations->remote_links.take(signal.from.node_atom)) return refuse_relation(signal);
    touch_node(signal.from.node());
  }
  Relations::Link& link = related().links[signal.from];
  // An unlink of ours that is on its way wins: the other side drops the link when it gets it.
  if (link.unlinking == 0) link.epoch = signal.number;
}

void Process::apply_unlink_ack(const Signal& signal) {
  const auto* link = link_to(signal.from);
  if (link != nullptr && link->unlinking == signal.number) forget_link(signal.from);
  else runtime->counters.signals_ignored.add();
}

void Process::apply_unlink(Signal& signal) {
  const auto* link = link_to(signal.from);
  if (link != nullptr && link->unlinking == 0) forget_link(signal.from);
  else runtime->counters.signals_ignored.add();
  if (signal.number == 0) return;  // the obsolete UNLINK, which nobody acknowledges
  Signal* acknowledgement = make_signal(Signal::Op::unlink_ack, pid());
  acknowledgement->number = signal.number;
  send_signal(signal.from, acknowledgement);
}

bool Process::is_forged_down(const Signal& signal) {
  // References count up, so that a peer may guess one. Only the node that was asked may answer.
  if (runtime->is_local(signal.from) || !is_mine(signal.ref)) return false;
  const std::uint64_t number = number_of(signal.ref);
  if (const PendingCall* call = pending_call(number))
    return call->target_ && node_of(*call->target_) != signal.from.node();
  if (const PendingSpawn* spawn = pending_spawn(number)) return spawn->node_ != signal.from.node();
  if (!relations) return false;
  const auto found = relations->watching.find(number);
  return found != relations->watching.end() && found->second.target.node_atom != signal.from.node_atom;
}

void Process::apply_down(const Ref& ref, const Term& why) {
  if (!is_mine(ref)) return runtime->counters.signals_ignored.add();
  const std::uint64_t number = number_of(ref);
  if (PendingCall* call = pending_call(number)) {
    if (why.is_atom("noproc")) return fail_pending(*call, Errc::no_process, why);
    if (why.is_atom("noconnection")) return fail_pending(*call, Errc::no_connection, why);
    if (why == reply_too_large()) return fail_pending(*call, Errc::limit_exceeded, Atom("frame_bytes_max"));
    if (is_unread(why)) return fail_pending(*call, Errc::limit_exceeded, why.elements()[1]);
    return fail_pending(*call, Errc::exited, why);
  }
  if (take_spawn_result(number, why)) return;
  if (!relations) return runtime->counters.signals_ignored.add();
  const auto found = relations->watching.find(number);
  if (found == relations->watching.end() || found->second.fired)
    return runtime->counters.signals_ignored.add();
  found->second.fired = true;
  end_alias_of_monitor(number);
  const Relations::Watching& watching = found->second;
  const Ref mine = ref_of(number, watching);
  Down down = watching.name ? Down(mine, *watching.name, why) : Down(mine, watching.target, why);
  append(new_envelope<TypedMessage<Down>>(std::in_place, std::move(down)));
}

void Process::apply_deadline(const Signal& signal) {
  if (signal.due == armed) armed = Instant::max();
  if (wait == nullptr || !wait->deadline_set_) return;
  if (wait->deadline() <= runtime->clock.now()) wait->timed_out_ = true;
  else arm(wait->deadline());
}

void Process::apply_node_down(NodeName node, std::uint64_t epoch, const Term& why) {
  fail_pending_of(node, epoch, why);
  fail_spawns_of(node, epoch, why);
  if (!relations) return;
  const auto is_lost = [&](const Pid& pid, std::uint64_t since) {
    return pid.node() == node && since < epoch;
  };
  std::vector<Pid> broken;
  std::vector<Pid> gone;
  for (const auto& [other, link] : relations->links) {
    if (!is_lost(other, link.epoch)) continue;
    gone.push_back(other);
    if (link.unlinking == 0) broken.push_back(other);
  }
  for (const Pid& other : gone) forget_link(other);
  std::vector<std::uint64_t> lost;
  for (const auto& [number, watching] : relations->watching) {
    if (watching.remote && !watching.fired && is_lost(watching.target, watching.epoch))
      lost.push_back(number);
  }
  std::erase_if(relations->watchers, [&](const auto& entry) { return entry.second.pid.node() == node; });
  relations->remote_watchers.give_back_all(node.atom());
  std::ranges::sort(broken);
  std::ranges::sort(lost);
  for (const std::uint64_t number : lost) apply_down(ref_of(number, RefKind::plain), why);
  for (const Pid& other : broken) {
    if (trap_exits) append(new_envelope<TypedMessage<Exit>>(std::in_place, Exit(other, why)));
    else if (!why.is_atom("normal")) end(why);
  }
  if (std::ranges::find(relations->watched_nodes, node) != relations->watched_nodes.end()) {
    append(make_message(NodeDown{node}));
  }
}

void answer_for_dead(RuntimeImpl& runtime, const Pid& dead, const Signal& signal) {
  Signal* answer = nullptr;
  switch (signal.op) {
    case Signal::Op::link: answer = make_exit(dead, noproc()); break;
    case Signal::Op::unlink:
      if (signal.number == 0) return;
      answer = make_signal(Signal::Op::unlink_ack, dead);
      answer->number = signal.number;
      break;
    case Signal::Op::monitor:
      answer = make_signal(Signal::Op::down, dead);
      answer->ref = signal.ref;
      answer->name = signal.name;
      answer->reason = noproc();
      break;
    case Signal::Op::call_settled: return dispose(signal.call);
    case Signal::Op::spawn_reply: return abandon_spawned(runtime, dead, signal);
    default: return;
  }
  // A pid of the node's last incarnation may have the number of one that lives.
  const bool is_ours = dead.creation == runtime.config.creation;
  if (is_ours && !runtime.is_local(signal.from))
    runtime.nodes.remove(signal.from.node(), {dead.id, dead.serial});
  runtime.send_signal(dead, signal.from, answer);
}

}  // namespace barrel::detail
