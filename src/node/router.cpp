#include "node/router.hpp"

#include <type_traits>

#include "barrel/process/exit.hpp"
#include "barrel/term/etf.hpp"
#include "process/too_large.hpp"

namespace barrel::node {

using dist::Lane;
using dist::Outbound;

namespace {

/// Times its budget that a channel may hold of messages whose senders cannot be parked (they never suspend)
/// before they are dropped, and of signals before the connection is closed: 64 at the default budget of 8 MiB
/// is the 512 MiB that a QUIC connection buffers at most.
constexpr std::size_t overfull_budgets = 64;

dist::Target target_of(const RemoteSignal& signal, const Pid& pid) {
  if (signal.name) return *signal.name;
  return pid;
}

/// Calls `f(control)` with the control message for `to`.
template <class F>
auto with_control(const Pid& from, const RemoteTarget& to, F&& f) {
  if (const auto* pid = std::get_if<Pid>(&to)) return f(dist::Send{from, *pid});
  if (const auto* name = std::get_if<NodeLocalName>(&to)) return f(dist::SendName{from, name->name});
  return f(dist::Control(dist::SendAlias{from, std::get<Ref>(to)}));
}

dist::Control control_of(const RemoteSignal& signal) {
  using Op = RemoteSignal::Op;
  switch (signal.op) {
    case Op::link: return dist::Link{signal.from, signal.to};
    case Op::unlink: return dist::Unlink{signal.id, signal.from, signal.to};
    case Op::unlink_ack: return dist::UnlinkAck{signal.id, signal.from, signal.to};
    case Op::exit: return dist::ExitLinked{signal.from, signal.to};
    case Op::exit2: return dist::Exit{signal.from, signal.to};
    case Op::monitor: return dist::Monitor{signal.from, target_of(signal, signal.to), signal.ref};
    case Op::demonitor: return dist::Demonitor{signal.from, target_of(signal, signal.to), signal.ref};
    case Op::down: return dist::MonitorDown{target_of(signal, signal.from), signal.to, signal.ref};
    case Op::group_leader: return dist::GroupLeader{signal.from, signal.to};
    case Op::spawn_request:
      return dist::SpawnRequest{signal.ref, signal.from, signal.spawn->leader, signal.spawn->function,
                                signal.spawn->options};
    case Op::spawn_reply:
      return dist::SpawnReply{signal.ref, signal.to, static_cast<std::uint32_t>(signal.id), signal.reason};
  }
  return dist::Ignored{};
}

/// Of a request to spawn: as if the other node had refused it.
RemoteSignal refusal_of(const RemoteSignal& request) {
  RemoteSignal refusal;
  refusal.op = RemoteSignal::Op::spawn_reply;
  refusal.from.node_atom = request.to_node.atom();
  refusal.to = request.from;
  refusal.to_node = request.from.node();
  refusal.ref = request.ref;
  refusal.reason = detail::frame_too_large();
  return refusal;
}

}  // namespace

Router::Router(ChannelTable& channels, DirtyChannels& dirty, Hooks hooks, Metrics& metrics)
    : channels_(channels),
      dirty_(dirty),
      hooks_(std::move(hooks)),
      messages_sent_(metrics.counter("node.messages_sent")),
      messages_dropped_(metrics.counter("node.messages_dropped")),
      answers_unasked_(metrics.counter("node.answers_to_others")),
      overruns_(metrics.counter("node.signals_overrun")) {}

template <class Encode>
std::optional<Outbound::Status> Router::push(NodeName node, Lane lane, const Encode& encode, bool force,
                                             const Pid& from) {
  const ChannelUse channel = channels_.use_or_make(node.atom());
  if (!channel) return std::nullopt;
  if (lane == Lane::messages && !channel->used.load(std::memory_order_relaxed)) {
    channel->used.store(true, std::memory_order_relaxed);
  }
  const auto pushed = channel->outbound.push(lane, encode, force, Outbound::sender_of(from));
  if (pushed.wake && dirty_.add(*channel)) hooks_.wake();
  if (pushed.too_deep) hooks_.too_deep(node);
  if (pushed.status == Outbound::Status::too_large) hooks_.too_large(node);
  return pushed.status;
}

SendOutcome Router::send(const Pid& from, const RemoteTarget& to, const EncodablePayload& payload,
                         SendMode mode) {
  const NodeName node = node_of(to);
  if (mode == SendMode::answer && !is_connected(node)) {
    answers_unasked_.add();
    messages_dropped_.add();
    return SendOutcome::unreachable;
  }
  const auto send_one = [&](bool force) {
    return with_control(from, to, [&](const auto& control) {
      return push(
          node, Lane::messages,
          [&](ByteWriter& out, dist::Envelope envelope) {
            dist::encode_head(out, control, envelope);
            payload.encode(out);
          },
          force, from);
    });
  };
  std::optional<Outbound::Status> status = send_one(false);
  SendOutcome outcome = SendOutcome::sent;
  if (status == Outbound::Status::busy) {
    if (mode == SendMode::refuse) return SendOutcome::busy;
    if (const ChannelUse channel = channels_.use(node.atom()); channel && !is_overrun(*channel)) {
      status = send_one(true);
      outcome = SendOutcome::sent_busy;
    }
  }
  if (status != Outbound::Status::queued) {
    messages_dropped_.add();
    return status == Outbound::Status::too_large ? SendOutcome::too_large : SendOutcome::unreachable;
  }
  messages_sent_.add();
  return outcome;
}

void Router::signal(const RemoteSignal& signal) {
  const Term& payload = signal.spawn ? signal.spawn->arguments : signal.reason;
  const auto status = push_signal(signal.to_node, control_of(signal), &payload, signal.from);
  if (status != Outbound::Status::too_large) return;
  if (signal.spawn) return hooks_.answer(refusal_of(signal));
  // Whoever is linked or watches must hear of the end, and an exit must end: only the reason is left out.
  const Term too_large = detail::frame_too_large();
  (void)push_signal(signal.to_node, control_of(signal), &too_large, signal.from);
}

bool Router::is_overrun(const Channel& channel) {
  const Outbound& outbound = channel.outbound;
  return outbound.pending_bytes(Lane::messages) >= overfull_budgets * outbound.limits().budget_bytes_max;
}

template <class Control>
std::optional<Outbound::Status> Router::push_signal(NodeName node, const Control& control, const Term* reason,
                                                    const Pid& from) {
  if (const ChannelUse channel = channels_.use(node.atom()); channel && is_overrun(*channel)) {
    messages_dropped_.add();
    overruns_.add();
    hooks_.overrun(node);
    return std::nullopt;
  }
  const auto status = push(
      node, Lane::messages,
      [&](ByteWriter& out, dist::Envelope envelope) {
        dist::encode_head(out, control, envelope);
        if constexpr (std::is_same_v<Control, dist::Control>) {
          if (!dist::has_payload(control)) return;
        }
        encode_etf(out, *reason);
      },
      true, from);
  if (status != Outbound::Status::queued) messages_dropped_.add();
  return status;
}

void Router::refuse_monitor(NodeName node, const dist::NobodyDown& down) {
  const Term reason = noproc();
  (void)push_signal(node, down, &reason, Pid{});
}

void Router::when_drained(NodeName node, const Pid& waiter) {
  const ChannelUse channel = channels_.use(node.atom());
  if (!channel) return hooks_.drained(node, waiter);
  channel->add_waiter(waiter, hooks_.is_alive);
  // Drained between the refusal and our entry in the list: nobody else will tell.
  if (!channel->outbound.wait_if_busy(Lane::messages)) {
    for (const Pid& pid : channel->take_waiters()) hooks_.drained(node, pid);
  }
}

bool Router::is_connected(NodeName node) const {
  const ChannelUse channel = channels_.use(node.atom());
  return channel && channel->connected.load(std::memory_order_acquire);
}

bool Router::watch_node(NodeName node) {
  const ChannelUse channel = channels_.use_or_make(node.atom());
  if (channel && channel->connected.load(std::memory_order_acquire)) return true;
  hooks_.watch(node);
  return false;
}

void Router::send_term(const RemoteTarget& to, const Term& message, Lane lane, const Pid& from) {
  with_control(from, to, [&](const auto& control) {
    const auto status = push(
        node_of(to), lane,
        [&](ByteWriter& out, dist::Envelope envelope) {
          dist::encode_head(out, control, envelope);
          encode_etf(out, message);
        },
        false, from);
    if (status != Outbound::Status::queued) messages_dropped_.add();
    return status;
  });
}

}  // namespace barrel::node
