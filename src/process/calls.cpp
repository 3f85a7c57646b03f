// Calls, from both ends: what the caller waits for, and what the called process owes.
#include "barrel/process/call.hpp"

#include <utility>

#include "barrel/process/exit.hpp"
#include "barrel/process/send.hpp"
#include "process/encoded_message.hpp"
#include "process/process.hpp"
#include "process/runtime_impl.hpp"

namespace barrel::detail {

// -- the called process

void Process::open_call(CallHeader* call) {
  call->is_open = true;
  call->previous_open = nullptr;
  call->next_open = open_calls;
  if (open_calls != nullptr) open_calls->previous_open = call;
  else oldest_call = call;
  open_calls = call;
}

void Process::unlink_call(CallHeader* call) {
  call->is_open = false;
  if (call->previous_open != nullptr) call->previous_open->next_open = call->next_open;
  else open_calls = call->next_open;
  if (call->next_open != nullptr) call->next_open->previous_open = call->previous_open;
  else oldest_call = call->previous_open;
}

void Process::fail_open_calls() {
  while (oldest_call != nullptr) {
    CallHeader* call = oldest_call;
    unlink_call(call);
    (void)runtime->deliver(call->caller,
                           new_envelope<FailedReply>(call->number, Error(Errc::exited, reason)));
    // Its owner is in another process by now, and frees it when it finds this one dead.
    if (!call->has_owner) detail::dispose(call);
  }
}

void Process::close_call(const Pid& caller, std::uint64_t number) {
  // Callers give up in the order in which they called, more or less.
  for (CallHeader* call = oldest_call; call != nullptr; call = call->previous_open) {
    if (call->number != number || call->caller != caller) continue;
    unlink_call(call);
    if (!call->has_owner) detail::dispose(call);
    return;
  }
}

void Process::settle_call(CallHeader* call, bool answered) {
  if (answered && call->is_open) unlink_call(call);
  call->has_owner = false;
  // Without an answer it stays, so that the end of this process reaches the caller.
  if (!call->is_open) detail::dispose(call);
}

// -- the caller

PendingCall* Process::pending_call(std::uint64_t number) {
  for (PendingCall* call = pending_calls; call != nullptr; call = call->next_) {
    if (call->number_ == number) return call;
  }
  return nullptr;
}

bool Process::take_reply(Envelope* message) {
  std::uint64_t number = 0;
  if (message->type->kind == MessageType::Kind::reply) {
    number = static_cast<const ReplyHeader&>(*message).number;
  } else {
    const auto ref = reply_ref(*message);
    if (!ref || !is_mine(*ref) || kind_of_ref(*ref) != RefKind::call) return false;
    number = number_of(*ref);
  }
  PendingCall* call = pending_call(number);
  if (call != nullptr && call->reply_ == nullptr) {
    call->reply_.reset(message);
  } else {
    runtime->counters.dropped_late_reply.add();
    detail::dispose(message);
  }
  return true;
}

void Process::fail_pending(PendingCall& call, Errc code, const Term& why) {
  if (call.reply_ == nullptr) call.reply_.reset(new_envelope<FailedReply>(call.number_, Error(code, why)));
}

void Process::fail_pending_of(NodeName node, std::uint64_t epoch, const Term& why) {
  for (PendingCall* call = pending_calls; call != nullptr; call = call->next_) {
    if (!call->remote_ || call->epoch_ >= epoch || node_of(*call->target_) != node) continue;
    fail_pending(*call, Errc::no_connection, why);
  }
}

PendingCall::PendingCall(Process& process, Duration limit) : Wait(process, &is_answered, limit) {
  number_ = ++process.refs_made;
  start_clock();
  previous_ = process.newest_pending;
  if (previous_ != nullptr) previous_->next_ = this;
  else process.pending_calls = this;
  process.newest_pending = this;
}

PendingCall::~PendingCall() {
  Process& process = *process_;
  if (previous_ != nullptr) previous_->next_ = next_;
  else process.pending_calls = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  else process.newest_pending = previous_;
  // An answer of ours, or the end of the callee, has already closed it at the other end.
  const bool is_closed = !target_ || (reply_ != nullptr && reply_->type->kind == MessageType::Kind::reply);
  if (is_closed) return;
  if (!remote_) {
    const Pid& callee = std::get<Pid>(*target_);
    Signal* signal = make_signal(Signal::Op::close_call, process.pid());
    signal->number = number_;
    process.runtime->signal(callee, signal);
    return;
  }
  RemoteSignal signal;
  signal.op = RemoteSignal::Op::demonitor;
  signal.from = process.pid();
  if (const auto* pid = std::get_if<Pid>(&*target_)) signal.to = *pid;
  else signal.name = std::get<NodeLocalName>(*target_).name;
  signal.to_node = node_of(*target_);
  signal.ref = ref();
  process.runtime->remote_signal(signal);
}

Ref PendingCall::ref() const {
  return process_->ref_of(number_, RefKind::call);
}
Pid PendingCall::caller() const {
  return process_->pid();
}
Instant PendingCall::give_up_at() const {
  return deadline_set_ ? deadline() : Instant::max();
}

PendingCall::Route PendingCall::route(const Address& to) {
  auto target = resolve({&process_->runtime->facade, process_}, to);
  if (!target) {
    process_->fail_pending(*this, target.error().code, target.error().reason);
    return Route::none;
  }
  const auto* pid = std::get_if<Pid>(&*target);
  if (pid != nullptr && *pid == process_->pid()) {
    process_->fail_pending(*this, Errc::invalid_argument, Atom("calling_self"));
    return Route::none;
  }
  target_ = *target;
  remote_ = pid == nullptr || !process_->runtime->is_local(*pid);
  return remote_ ? Route::remote : Route::local;
}

void PendingCall::send_local(CallHeader* call) {
  const Pid& callee = std::get<Pid>(*target_);
  call->secrets = &process_->runtime->ref_secrets;
  if (process_->runtime->deliver(callee, call)) return;
  if (process_->runtime->find_alive(callee) == nullptr)
    process_->fail_pending(*this, Errc::no_process, noproc());
  else process_->fail_pending(*this, Errc::busy, Atom("mailbox_messages_max"));
}

void PendingCall::send_remote(const EncodablePayload& request) {
  const NodeName node = node_of(*target_);
  process_->start_remote_relation(node, epoch_);
  RemoteSignal signal;
  signal.op = RemoteSignal::Op::monitor;
  signal.from = caller();
  if (const auto* pid = std::get_if<Pid>(&*target_)) signal.to = *pid;
  else signal.name = std::get<NodeLocalName>(*target_).name;
  signal.to_node = node;
  signal.ref = ref();
  process_->runtime->remote_signal(signal);
  const SendOutcome outcome =
      deliver_remote({&process_->runtime->facade, process_}, *target_, request, SendMode::park);
  if (outcome == SendOutcome::unreachable) process_->fail_pending(*this, Errc::no_connection, noconnection());
  if (outcome == SendOutcome::too_large)
    process_->fail_pending(*this, Errc::limit_exceeded, Atom("frame_bytes_max"));
}

void PendingCall::encode_from(ByteWriter& out) const {
  out.u8(104);  // SMALL_TUPLE_EXT
  out.u8(2);
  encode_etf(out, Term(caller()));
  out.u8(108);  // LIST_EXT with one element and the reference as its tail
  out.u32(1);
  encode_etf(out, Term(alias_tag()));
  encode_etf(out, Term(ref()));
}

std::optional<Error> PendingCall::failure() const {
  if (reply_ == nullptr) return Error(Errc::timeout);
  if (reply_->type == &FailedReply::type) return static_cast<const FailedReply&>(*reply_).error;
  return std::nullopt;
}

ByteReader PendingCall::encoded_reply() const {
  ByteReader reader(encoded_bytes(*reply_).subspan(3));  // version, tuple tag, arity: see reply_ref
  (void)decode_etf(reader, encoded_limits(*reply_));
  return reader;
}

Term PendingCall::term_reply() const {
  if (reply_->type == &TypeInfo<Term>::type) {
    return static_cast<const TypedMessage<Term>&>(*reply_).value.elements()[1];
  }
  return reply_->type->to_term(*reply_);
}

Term from_term_of(const CallHeader& call) {
  Ref ref;
  ref.node_atom = call.caller.node_atom;
  ref.creation = call.caller.creation;
  ref.word_count = 5;
  ref.words = ref_words(*call.secrets, call.number, RefKind::call, call.caller.id, call.caller.serial);
  return Term::tuple_of(call.caller, Term::list({Term(alias_tag())}, Term(ref)));
}

Atom gen_call_tag() {
  static const Atom atom("$gen_call");
  return atom;
}
Atom gen_cast_tag() {
  static const Atom atom("$gen_cast");
  return atom;
}
Atom alias_tag() {
  static const Atom atom("alias");
  return atom;
}

}  // namespace barrel::detail
