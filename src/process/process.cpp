#include "process/process.hpp"

#include <exception>
#include <string>

#include "barrel/process/exit.hpp"
#include "base/type_name.hpp"
#include "process/encoded_message.hpp"
#include "process/runtime_impl.hpp"
#include "term/short_text.hpp"

namespace barrel::detail {

Term exit_reason_of(const std::exception_ptr& exception, bool& is_crash) {
  try {
    std::rethrow_exception(exception);
  } catch (const ProcessExit& exit) {
    return exit.reason();
  } catch (const std::exception& error) {
    is_crash = true;
    return Term::tuple_of(Atom("exception"), error.what());
  } catch (...) {
    is_crash = true;
    return Term::tuple_of(Atom("exception"), "of type " + type_of_exception());
  }
}

namespace {

/// How often a process goes on, or takes a message without waiting, before others get their turn. A guess:
/// some tens of microseconds.
constexpr std::uint16_t turn = 512;

}  // namespace

Pid Process::pid() const noexcept {
  return runtime->pid_of(id, serial.load(std::memory_order_relaxed));
}

// -- life

Process::StepResult Process::step() {
  for (turn_left = turn;;) {
    if (!inbox.is_empty()) drain();
    if (ending) break;
    if (turn_left == 0) return StepResult::runnable;
    --turn_left;
    if (wait != nullptr && (is_parked() || !(wait->poll_(*wait) || wait->timed_out_))) {
      if (inbox.fall_asleep()) return StepResult::asleep;
      continue;
    }
    wait = nullptr;
    resume_at.resume();
    if (root.handle.done()) {
      bool is_crash = false;
      reason =
          root.promise->exception() ? exit_reason_of(root.promise->exception(), is_crash) : Term(normal());
      if (is_crash) {
        runtime->log.error("a process crashed", {{"pid", to_string(pid(), runtime->config.node)},
                                                 {"reason", short_text(reason, runtime->config.node)}});
      }
      break;
    }
  }
  finish();
  return StepResult::ended;
}

void Process::finish() {
  ending = true;
  wait = nullptr;
  if (root.handle) std::exchange(root.handle, {}).destroy();
  if (is_abnormal(reason) && !ends_quietly) runtime->counters.crashed.add();
  const Pid me = pid();
  const LocalNames::Holder holder{me.id, me.serial};
  if (relations) {
    for (const Atom name : relations->names) (void)runtime->names.exchange(name, holder, {});
  }
  const Error call_error(Errc::exited, reason);
  if (runtime->ends_roots.load(std::memory_order_relaxed)) hand_root_down();
  fail_open_calls();  // before closing: a Caller elsewhere that finds us dead frees its call
  Envelope* rest = inbox.close();
  for (Envelope* message = std::exchange(queue, nullptr); message != nullptr;) {
    refuse(*runtime, me, std::exchange(message, message->next), call_error);
  }
  while (rest != nullptr) {
    Envelope* envelope = std::exchange(rest, rest->next);
    refuse(*runtime, runtime->pid_of(id, envelope->serial), envelope, call_error);
  }
  queue_end = &queue;
  queue_length.store(0, std::memory_order_relaxed);
  if (relations) tell_relations();
  relations.reset();
  if (armed != Instant::max()) runtime->timers.cancel_wake_up(armed, {me.id, me.serial});
  reason = Term();
  serial.store(me.serial + 1, std::memory_order_release);
}

// -- waiting

bool Process::is_ready_now(Wait& waiting) {
  cursor = &queue;
  if (busy || turn_left == 0) return false;
  --turn_left;
  return waiting.poll_(waiting);
}

void Process::suspend(Wait& waiting, std::coroutine_handle<> at) {
  BARREL_ASSERT(Scheduler::is_current(*this));
  wait = &waiting;
  resume_at = at;
  if (waiting.limit_ < Duration::zero()) return;
  if (waiting.limit_ == Duration::zero() && !waiting.deadline_set_) waiting.timed_out_ = true;
  else if (!waiting.deadline_set_) waiting.start_clock();
  if (waiting.deadline_set_) arm(waiting.deadline());
}

bool Wait::await_ready() {
  return process_->is_ready_now(*this);
}
void Wait::await_suspend(std::coroutine_handle<> waiting) {
  process_->suspend(*this, waiting);
}

void Wait::start_clock() {
  const Instant now = process_->runtime->clock.now();
  if (limit_ > Instant::max() - now) {
    limit_ = Duration(-1);  // longer than time itself
    return;
  }
  limit_ = (now + limit_).time_since_epoch();
  deadline_set_ = true;
}

MessageWait::~MessageWait() {
  if (message_ != nullptr) dispose(message_);
}

bool MessageWait::poll_messages(Wait& wait) {
  auto& me = static_cast<MessageWait&>(wait);
  return me.process_->poll_queue(me);
}

void Yield::await_suspend(std::coroutine_handle<> waiting) {
  process_->turn_left = 0;
  process_->suspend(*this, waiting);
}

void Process::arm(Instant due) {
  if (due >= armed) return;
  const Timers::WakeUp me{id, serial.load(std::memory_order_relaxed)};
  if (armed != Instant::max()) runtime->timers.cancel_wake_up(armed, me);
  armed = due;
  const bool earliest = runtime->timers.start_wake_up(due, me);
  if (earliest) runtime->scheduler.wake_timekeeper();
}

// -- queue

bool Process::poll_queue(MessageWait& waiting) {
  try {
    return find_message(waiting);
  } catch (...) {  // thrown on by the waiting frame: nobody could catch it here
    waiting.exception_ = std::current_exception();
    drop_failed();
    return true;
  }
}

void Process::drop_failed() {
  runtime->counters.messages_failed.add();
  Envelope* message = unlink_message(cursor);
  taken(*message);
  // Its caller learns of the end of this process, as with any request that is taken and not answered.
  if (message->type->kind == MessageType::Kind::call) open_call(static_cast<CallHeader*>(message));
  else dispose(message);
}

bool Process::find_message(MessageWait& waiting) {
  if (waiting.message_ != nullptr) return true;
  while (*cursor != nullptr) {
    switch (waiting.matcher_(waiting, *cursor)) {
      case Match::no: cursor = &(*cursor)->next; break;
      case Match::drop: dispose(unlink_message(cursor)); break;
      case Match::yes:
        waiting.message_ = unlink_message(cursor);
        if (waiting.message_->type->kind == MessageType::Kind::down) taken(*waiting.message_);
        return true;
    }
  }
  return false;
}

Envelope* Process::unlink_message(Envelope** link) {
  Envelope* message = *link;
  *link = message->next;
  if (queue_end == &message->next) queue_end = link;
  count_queued(~0U);
  return message;
}

void Process::overflow() {
  runtime->counters.mailbox_overflows.add();
  end(Term::tuple_of(Atom("limit_exceeded"), Atom("mailbox_messages_max")));
}

void Process::taken(Envelope& message) {
  if (message.type->kind != MessageType::Kind::down || !relations) return;
  const Ref& ref = static_cast<TypedMessage<Down>&>(message).value.ref;
  if (is_mine(ref)) relations->watching.erase(number_of(ref));
}

// -- references

Ref Process::make_ref(RefKind kind) {
  return ref_of(++refs_made, kind);
}

Ref Process::ref_of(std::uint64_t number, const Relations::Watching& monitor) const {
  return ref_of(number, monitor.is_alias ? RefKind::alias : RefKind::plain);
}

Ref Process::ref_of(std::uint64_t number, RefKind kind) const {
  Ref ref;
  ref.node_atom = runtime->node_atom;
  ref.creation = runtime->config.creation;
  ref.word_count = 5;
  ref.words = ref_words(runtime->ref_secrets, number, kind, id, serial.load(std::memory_order_relaxed));
  return ref;
}

std::array<std::uint32_t, 5> ref_words(const RefSecrets& secrets, std::uint64_t number, RefKind kind,
                                       std::uint32_t id, std::uint32_t serial) noexcept {
  const std::uint64_t secret = secrets.of(number, id, serial);
  const auto low = static_cast<std::uint32_t>(number & 0x3ffff);
  const auto high = static_cast<std::uint32_t>(number >> 18) & 0x0fffffff;
  return {low, high | static_cast<std::uint32_t>(secret) << 28,
          static_cast<std::uint32_t>(kind) | static_cast<std::uint32_t>(secret >> 4) << 2, id, serial};
}

std::uint64_t number_of(const Ref& ref) noexcept {
  return ref.words[0] | std::uint64_t{ref.words[1] & 0x0fffffff} << 18;
}

RefKind kind_of_ref(const Ref& ref) noexcept {
  const std::uint32_t kind = ref.words[2] & 3U;
  return kind > static_cast<std::uint32_t>(RefKind::alias) ? RefKind::plain : static_cast<RefKind>(kind);
}

bool Process::is_mine(const Ref& ref) const noexcept {
  const bool ours = ref.node_atom == runtime->node_atom && ref.creation == runtime->config.creation &&
                    ref.word_count == 5 && ref.words[3] == id &&
                    ref.words[4] == serial.load(std::memory_order_relaxed);
  return ours &&
         ref.words == ref_words(runtime->ref_secrets, number_of(ref), kind_of_ref(ref), id, ref.words[4]);
}

void refuse(RuntimeImpl& runtime, const Pid& dead, Envelope* envelope, const Error& call_error) {
  switch (envelope->type->kind) {
    case MessageType::Kind::call: {
      const auto& call = static_cast<const CallHeader&>(*envelope);
      (void)runtime.deliver(call.caller, new_envelope<FailedReply>(call.number, call_error));
      break;
    }
    case MessageType::Kind::signal:
      answer_for_dead(runtime, dead, static_cast<const Signal&>(*envelope));
      break;
    default: break;
  }
  dispose(envelope);
}

}  // namespace barrel::detail
