#include "barrel/process/answer.hpp"

#include "process/encoded_message.hpp"
#include "process/process.hpp"
#include "process/runtime_impl.hpp"
#include "process/too_large.hpp"
#include "process/tuple_start.hpp"

namespace barrel::detail {

Caller::Caller(Process& callee, CallHeader* call)
    : runtime_(&callee.runtime->facade), callee_(callee.pid()), call_(call), pid_(call->caller) {
  call->has_owner = true;
  callee.open_call(call);
}

Caller::Caller(Process& callee, const Pid& pid, Term tag)
    : runtime_(&callee.runtime->facade),
      callee_(callee.pid()),
      pid_(pid),
      by_term_(true),
      tag_(std::move(tag)) {}

void Caller::let_go(bool answered) noexcept {
  RuntimeImpl& runtime = runtime_->impl();
  CallHeader* call = std::exchange(call_, nullptr);
  Process* callee = runtime.find(callee_);
  const bool is_here =
      Scheduler::is_current(*callee) && callee->serial.load(std::memory_order_relaxed) == callee_.serial;
  if (is_here) return callee->settle_call(call, answered);
  Signal* signal = make_signal(Signal::Op::call_settled);
  signal->call = call;
  signal->number = answered ? 1 : 0;
  runtime.signal(callee_, signal);
}

std::optional<Ref> Caller::alias() const {
  return tag_.as_ref() ? std::nullopt : ref_of_tag(tag_);
}

void Caller::deliver_tagged(Envelope* reply) const {
  const Sender sender{runtime_, nullptr};
  if (const auto ref = alias()) (void)deliver(sender, *ref, reply);
  else (void)deliver(sender, pid_, reply);
}

void Caller::send_remote(const EncodablePayload& payload) const {
  Process* callee = runtime_->impl().find(callee_);
  const Sender sender{runtime_, Scheduler::is_current(*callee) ? callee : nullptr};
  const auto ref = alias();
  const RemoteTarget to = ref ? RemoteTarget(*ref) : RemoteTarget(pid_);
  if (deliver_remote(sender, to, payload, SendMode::answer) != SendOutcome::too_large) return;
  // Only the called process may end the monitor that belongs to the call, and this may be another one.
  Signal* refused = make_signal(Signal::Op::call_refused, pid_);
  refused->reason = Term::tuple_of(tag_, reply_too_large());
  runtime_->impl().signal(callee_, refused);
}

void Process::refuse_unread(const EncodedMessage& message, const Error& why) {
  const auto start = tuple_start(message.bytes(), 2, message.context->limits);
  if (!start || start->arity != 3) return;
  if (!start->elements[0].is_atom("$gen_call") && !start->elements[0].is_atom("system")) return;
  const auto from = parse_call_from(start->elements[1]);
  if (!from) return;
  Signal* refused = make_signal(Signal::Op::call_refused, from->pid);
  refused->reason = Term::tuple_of(from->tag, unread(why));
  runtime->signal(pid(), refused);
}

void Process::apply_call_refused(const Signal& signal) {
  const Term& tag = signal.reason.elements()[0];
  const Term& why = signal.reason.elements()[1];
  const auto ref = ref_of_tag(tag);
  const Relations::Watcher* watcher = ref ? watcher_by(*ref) : nullptr;
  if (watcher != nullptr && watcher->pid == signal.from) {
    // Every caller understands the end of the monitor that it has made for this call alone.
    Signal* down = make_signal(Signal::Op::down, pid());
    down->ref = *ref;
    down->name = watcher->name;
    down->reason = why;
    forget_watcher(*ref);
    return send_signal(signal.from, down);
  }
  // Who does not watch can only be answered. Once: a tag may be too long by itself.
  const Term error = Term::tuple_of(Atom("error"), why);
  const Term answer = Term::tuple_of(tag, error);
  const RemoteTarget to = ref && !tag.as_ref() ? RemoteTarget(*ref) : RemoteTarget(signal.from);
  (void)deliver_remote({&runtime->facade, this}, to, Payload<Term>(answer), SendMode::answer);
}

std::optional<CallFrom> parse_call_from(const Term& from) {
  if (!from.is_tuple(2)) return std::nullopt;
  const auto pid = from.elements()[0].as_pid();
  if (!pid) return std::nullopt;
  return CallFrom{*pid, from.elements()[1]};
}

}  // namespace barrel::detail
