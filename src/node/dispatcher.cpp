#include "node/dispatcher.hpp"

#include <algorithm>
#include <utility>

#include "barrel/term/etf.hpp"
#include "node/overlay_limits.hpp"
#include "node/remote_log.hpp"
#include "node/rpc_server.hpp"
#include "node/system_names.hpp"

namespace barrel::node {

Dispatcher::Dispatcher(NodeName self, Runtime& runtime, const PeerLimits& limits, Hooks hooks,
                       Metrics& metrics, Log log)
    : self_(self),
      runtime_(runtime),
      limits_(limits),
      hooks_(std::move(hooks)),
      received_(metrics.counter("node.messages_received")),
      malformed_(metrics.counter("node.payloads_malformed")),
      over_limit_(metrics.counter("node.payloads_over_limit")),
      unread_limit_(metrics.counter("node.unread_bytes_limit")),
      atoms_refused_(metrics.counter("node.atoms_refused")),
      relayed_refused_(metrics.counter("overlay.atoms_refused")),
      ignored_(metrics.counter("node.signals_ignored")),
      outsiders_(metrics.counter("node.overlay_messages_of_outsiders")),
      to_nobody_(metrics.counter("process.messages_to_nobody")),
      overlay_limit_(metrics.counter("overlay.messages_over_limit")),
      spawns_unread_(metrics.counter("node.spawn_requests_over_limit")),
      log_(log),
      over_limit_log_(log),
      relayed_(std::make_shared<AtomBudget>(limits.relayed_atoms_max)) {
  // From now on these names are found when a peer sends them.
  (void)is_system_name(Atom());
  (void)is_logger_name(Atom());
}

Dispatcher::Quotas& Dispatcher::quotas(NodeName peer) {
  Quotas& quotas = quotas_[peer];
  if (quotas.own == nullptr) {
    quotas.own = std::make_shared<AtomQuota>(limits_.atoms_max, &atoms_refused_);
    quotas.relayed = std::make_shared<AtomQuota>(relayed_, &relayed_refused_);
  }
  return quotas;
}

std::shared_ptr<AtomQuota> Dispatcher::quota(NodeName peer) {
  return quotas(peer).own;
}

void Dispatcher::link_up(const carrier::Link& link) {
  const NodeName peer = link.peer()->name;
  auto context = std::make_shared<DecodeContext>();
  context->limits = limits_.etf;
  context->limits.atom_quota = quota(peer);
  context->on_malformed = [this, id = link.id(), peer](const Error& why) {
    if (why.code == Errc::limit_exceeded) {
      over_limit_.add();
      return over_limit_log_.dropped(peer, why, runtime_.clock().now());
    }
    malformed_.add();
    hooks_.violation(id, peer, "a payload that does not decode: " + why.message());
  };
  const std::scoped_lock lock(contexts_mutex_);
  auto& earlier = contexts_[peer];
  std::erase_if(earlier, [](const auto& past) { return past.expired(); });
  Source source{link.id(), peer, link.proves_name(), context, quotas(peer).relayed, earlier};
  earlier.push_back(context);
  sources_.insert_or_assign(link.id(), std::move(source));
}

Dispatcher::Unread Dispatcher::unread() const {
  const std::scoped_lock lock(contexts_mutex_);
  Unread all;
  for (const auto& [peer, contexts] : contexts_) {
    std::size_t of_peer = 0;
    for (const auto& past : contexts) {
      if (const auto context = past.lock()) of_peer += context->unread_bytes.load(std::memory_order_relaxed);
    }
    all.bytes += of_peer;
    all.most = std::max(all.most, of_peer);
  }
  return all;
}

void Dispatcher::link_down(const carrier::Link& link) {
  sources_.erase(link.id());
}

void Dispatcher::dispatch(const carrier::Link& link, dist::Message& message) {
  const auto source = sources_.find(link.id());
  if (source == sources_.end()) return;
  received_.add();
  std::visit([&](const auto& control) { on(source->second, control, message.payload); }, message.control);
  if (++held_messages_ < wakeup_messages_max) return;
  held_messages_ = 0;
  runtime_.release_wakeups();
}

bool Dispatcher::has_room(const Source& source, const dist::Payload& payload) {
  // Those to ended or unknown processes go at once; what stays is what nobody has received yet.
  std::size_t waiting = source.context->unread_bytes.load(std::memory_order_relaxed);
  for (const auto& earlier : source.earlier) {
    if (const auto context = earlier.lock()) waiting += context->unread_bytes.load(std::memory_order_relaxed);
  }
  if (waiting + payload.bytes.size() <= limits_.unread_bytes_max) return true;
  unread_limit_.add();
  hooks_.violation(source.link_id, source.peer, "more than unread_bytes_max bytes of its messages wait here");
  return false;
}

void Dispatcher::deliver_to_overlay(const Source& source, Atom name, const dist::Payload& payload) {
  const auto limits = overlay_limits(name);
  if (!limits) return hooks_.overlay(source.peer, name, Term());
  if (payload.bytes.size() > limits->bytes_max) return overlay_limit_.add();
  EtfLimits etf = source.context->limits;
  etf.terms_max = limits->terms_max;
  etf.atom_quota = source.relayed;
  const Result<Term> term = decode_etf(payload.bytes, etf);
  if (term) return hooks_.overlay(source.peer, name, *term);
  if (is_over(term.error(), "terms_max")) return overlay_limit_.add();
  source.context->on_malformed(term.error());
}

void Dispatcher::deliver(const Source& source, RemoteSignal signal, const dist::Payload& reason) {
  if (!has_room(source, reason)) return;
  signal.to_node = self_;
  runtime_.deliver_signal(signal, reason.share(), source.context);
}

void Dispatcher::on(const Source& source, const dist::Send& control, dist::Payload& payload) {
  if (has_room(source, payload)) runtime_.deliver_encoded(control.to, payload.share(), source.context);
}

void Dispatcher::on(const Source& source, const dist::SendName& control, dist::Payload& payload) {
  if (Overlay::handles(control.to)) {
    if (!source.member) return outsiders_.add();
    return deliver_to_overlay(source, control.to, payload);
  }
  if (!has_room(source, payload)) return;
  if (is_system_name(control.to)) return deliver_to_kernel(source, control.to, payload);
  if (is_logger_name(control.to) && !runtime_.whereis(control.to))
    return deliver_to_kernel(source, remote_log_name(), payload);
  runtime_.deliver_encoded(NodeLocalName{control.to, self_}, payload.share(), source.context);
}

void Dispatcher::deliver_to_kernel(const Source& source, Atom name, const dist::Payload& payload) {
  const auto to = runtime_.whereis(name);
  if (!to) return to_nobody_.add();  // it has ended, and is about to be started again
  KernelMessage message;
  message.peer = source.peer;
  message.payload = payload.share();
  message.context = source.context;
  // Of a small message most of what is kept is not its payload.
  message.bytes =
      payload.bytes.size() + sizeof(detail::TypedMessage<KernelMessage>) + sizeof(detail::UnreadCharge);
  auto charge = std::make_shared<detail::UnreadCharge>();
  charge->take(source.context, message.bytes);
  message.charge = std::move(charge);
  (void)runtime_.send(*to, std::move(message));
}

void Dispatcher::on(const Source& source, const dist::SendAlias& control, dist::Payload& payload) {
  if (has_room(source, payload)) runtime_.deliver_encoded(control.to, payload.share(), source.context);
}

void Dispatcher::on(const Source& source, const dist::Link& control, dist::Payload& payload) {
  RemoteSignal signal;
  signal.op = RemoteSignal::Op::link;
  signal.from = control.from;
  signal.to = control.to;
  deliver(source, std::move(signal), payload);
}

void Dispatcher::on(const Source& source, const dist::Unlink& control, dist::Payload& payload) {
  RemoteSignal signal;
  signal.op = RemoteSignal::Op::unlink;
  signal.from = control.from;
  signal.to = control.to;
  signal.id = control.id;
  deliver(source, std::move(signal), payload);
}

void Dispatcher::on(const Source& source, const dist::UnlinkAck& control, dist::Payload& payload) {
  RemoteSignal signal;
  signal.op = RemoteSignal::Op::unlink_ack;
  signal.from = control.from;
  signal.to = control.to;
  signal.id = control.id;
  deliver(source, std::move(signal), payload);
}

void Dispatcher::on(const Source& source, const dist::ExitLinked& control, dist::Payload& payload) {
  RemoteSignal signal;
  signal.op = RemoteSignal::Op::exit;
  signal.from = control.from;
  signal.to = control.to;
  deliver(source, std::move(signal), payload);
}

void Dispatcher::on(const Source& source, const dist::Exit& control, dist::Payload& payload) {
  RemoteSignal signal;
  signal.op = RemoteSignal::Op::exit2;
  signal.from = control.from;
  signal.to = control.to;
  deliver(source, std::move(signal), payload);
}

void Dispatcher::on(const Source& source, const dist::Monitor& control, dist::Payload& payload) {
  RemoteSignal signal;
  signal.op = RemoteSignal::Op::monitor;
  signal.from = control.from;
  signal.ref = control.ref;
  if (const auto* name = std::get_if<Atom>(&control.to)) signal.name = *name;
  else signal.to = std::get<Pid>(control.to);
  deliver(source, std::move(signal), payload);
}

void Dispatcher::on(const Source& source, const dist::MonitorNobody& control, dist::Payload&) {
  hooks_.nobody(source.peer, {control.name, control.from, control.ref});
}

void Dispatcher::on(const Source& source, const dist::Demonitor& control, dist::Payload& payload) {
  RemoteSignal signal;
  signal.op = RemoteSignal::Op::demonitor;
  signal.from = control.from;
  signal.ref = control.ref;
  if (const auto* name = std::get_if<Atom>(&control.to)) signal.name = *name;
  else signal.to = std::get<Pid>(control.to);
  deliver(source, std::move(signal), payload);
}

void Dispatcher::on(const Source& source, const dist::MonitorDown& control, dist::Payload& payload) {
  RemoteSignal signal;
  signal.op = RemoteSignal::Op::down;
  signal.to = control.to;
  signal.ref = control.ref;
  signal.from = Pid{source.peer.atom(), 0, 0, 0};  // a name says no node
  if (const auto* name = std::get_if<Atom>(&control.from)) signal.name = *name;
  else signal.from = std::get<Pid>(control.from);
  deliver(source, std::move(signal), payload);
}

void Dispatcher::on(const Source& source, const dist::GroupLeader& control, dist::Payload& payload) {
  RemoteSignal signal;
  signal.op = RemoteSignal::Op::group_leader;
  signal.from = control.leader;
  signal.to = control.to;
  deliver(source, std::move(signal), payload);
}

void Dispatcher::on(const Source& source, const dist::SpawnRequest& control, dist::Payload& payload) {
  if (!has_room(source, payload)) return;
  RemoteSpawn spawn;
  spawn.leader = control.group_leader;
  spawn.function = control.function;
  spawn.options = control.options;
  runtime_.deliver_spawn(control.from, control.id, spawn, payload.share(), source.context);
}

void Dispatcher::on(const Source& source, const dist::SpawnUnread& control, dist::Payload&) {
  spawns_unread_.add();
  RemoteSignal reply;
  reply.op = RemoteSignal::Op::spawn_reply;
  reply.from.node_atom = self_.atom();
  reply.to = control.from;
  reply.to_node = source.peer;
  reply.ref = control.id;
  reply.reason = Atom("system_limit");
  hooks_.answer(reply);
}

void Dispatcher::on(const Source& source, const dist::SpawnReply& control, dist::Payload& payload) {
  RemoteSignal signal;
  signal.op = RemoteSignal::Op::spawn_reply;
  signal.from = Pid{source.peer.atom(), 0, 0, 0};
  signal.to = control.to;
  signal.ref = control.id;
  signal.id = control.flags;
  signal.reason = control.result;
  deliver(source, std::move(signal), payload);
}

void Dispatcher::on(const Source&, const dist::Ignored&, dist::Payload&) {
  ignored_.add();
}

}  // namespace barrel::node
