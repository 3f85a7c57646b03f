// What arrives from other nodes.
#include <utility>

#include "process/encoded_message.hpp"
#include "process/runtime_impl.hpp"

namespace barrel {

using detail::EncodedMessage;
using detail::make_signal;
using detail::Signal;

namespace {

/// `encoded`: the reason, or null when it is in `remote`.
void hand_over(detail::RuntimeImpl& runtime, const RemoteSignal& remote, detail::Envelope* encoded) {
  detail::EnvelopePtr carried(encoded);
  Pid to = remote.to;
  Signal::Op op = Signal::Op::link;
  switch (remote.op) {
    case RemoteSignal::Op::link: op = Signal::Op::link; break;
    case RemoteSignal::Op::unlink: op = Signal::Op::unlink; break;
    case RemoteSignal::Op::unlink_ack: op = Signal::Op::unlink_ack; break;
    case RemoteSignal::Op::exit: op = Signal::Op::exit; break;
    case RemoteSignal::Op::exit2: op = Signal::Op::exit2; break;
    case RemoteSignal::Op::monitor: op = Signal::Op::monitor; break;
    case RemoteSignal::Op::demonitor: op = Signal::Op::demonitor; break;
    case RemoteSignal::Op::down: op = Signal::Op::down; break;
    case RemoteSignal::Op::group_leader: op = Signal::Op::group_leader; break;
    case RemoteSignal::Op::spawn_reply: op = Signal::Op::spawn_reply; break;
    case RemoteSignal::Op::spawn_request: return;  // see deliver_spawn
  }
  const bool to_name =
      remote.name && (remote.op == RemoteSignal::Op::monitor || remote.op == RemoteSignal::Op::demonitor);
  // A name may have changed hands since it was monitored. Then its former holder keeps the entry until it
  // ends, and tells the other side something that it does not know any more, which it ignores.
  if (to_name) to = runtime.whereis(*remote.name).value_or(runtime.pid_of(0, 0));
  Signal* signal = make_signal(op, remote.from);
  signal->carried = carried.release();
  signal->ref = remote.ref;
  signal->number = op == Signal::Op::link ? runtime.nodes.epoch() : remote.id;
  if (to_name) signal->name = remote.name;
  signal->reason = remote.reason;
  if (op == Signal::Op::link || op == Signal::Op::monitor) {
    // Listed before it is told, so that losing the node right now is told after it.
    if (runtime.find_alive(to) != nullptr) runtime.nodes.add(remote.from.node(), {to.id, to.serial});
  }
  runtime.signal(to, signal);
}

}  // namespace

void Runtime::deliver_encoded(const RemoteTarget& to, const SharedBytes& payload,
                              const std::shared_ptr<const DecodeContext>& context) {
  if (const auto* pid = std::get_if<Pid>(&to)) {
    if (impl_->find_alive(*pid) == nullptr) return impl_->counters.dropped_no_process.add();
    (void)impl_->deliver(*pid, EncodedMessage::make(payload, context));
    return;
  }
  if (const auto* name = std::get_if<NodeLocalName>(&to)) {
    const auto pid = impl_->whereis(name->name);
    if (!pid) return impl_->counters.dropped_no_process.add();
    (void)impl_->deliver(*pid, EncodedMessage::make(payload, context));
    return;
  }
  const Ref& alias = std::get<Ref>(to);
  if (impl_->owner_of(alias) == nullptr) return impl_->counters.dropped_late_reply.add();
  (void)impl_->deliver_alias(alias, EncodedMessage::make(payload, context));
}

void Runtime::hold_wakeups(bool on) {
  impl_->scheduler.hold_wakeups(on);
}

void Runtime::release_wakeups() {
  impl_->scheduler.release_wakeups();
}

void Runtime::deliver_signal(const RemoteSignal& remote) {
  hand_over(*impl_, remote, nullptr);
}

void Runtime::deliver_signal(const RemoteSignal& remote, const SharedBytes& reason,
                             const std::shared_ptr<const DecodeContext>& context) {
  hand_over(*impl_, remote, EncodedMessage::make(reason, context, sizeof(Signal)));
}

void Runtime::tell_watchers(NodeName node, bool is_up) {
  using Op = Signal::Op;
  auto& watchers = impl_->node_watchers;
  for (const auto& [id, serial] : is_up ? watchers.up(node) : watchers.down(node)) {
    Signal* signal = make_signal(is_up ? Op::any_node_up : Op::any_node_down);
    signal->node = node.atom();
    impl_->signal(impl_->pid_of(id, serial), signal);
  }
}

void Runtime::node_up(NodeName node, bool visible) {
  if (visible) tell_watchers(node, true);
  for (const auto& [id, serial] : impl_->nodes.listed(node)) {
    Signal* signal = make_signal(Signal::Op::node_up);
    signal->node = node.atom();
    impl_->signal(impl_->pid_of(id, serial), signal);
  }
}

void Runtime::node_down(NodeName node, const Term& reason) {
  tell_watchers(node, false);
  impl_->orphaned_spawns.node_down(node);
  const std::uint64_t epoch = impl_->nodes.next_epoch();
  for (const auto& [id, serial] : impl_->nodes.listed(node)) {
    Signal* signal = make_signal(Signal::Op::node_down);
    signal->node = node.atom();
    signal->number = epoch;
    signal->reason = reason;
    impl_->signal(impl_->pid_of(id, serial), signal);
  }
}

bool Runtime::is_related_to(NodeName node) const {
  return !impl_->nodes.listed(node).empty();
}

void Runtime::drained(const Pid& waiter, NodeName) {
  impl_->signal(waiter, make_signal(Signal::Op::drained));
}

}  // namespace barrel
