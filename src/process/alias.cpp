// Aliases: references that messages can be sent to, until they end.
#include "barrel/process/alias.hpp"

#include <utility>

#include "barrel/process/send.hpp"
#include "process/process.hpp"
#include "process/runtime_impl.hpp"

namespace barrel::detail {

Ref make_alias(Process& process, AliasEnd end) {
  BARREL_ASSERT(Scheduler::is_current(process));
  const Ref alias = process.make_ref(RefKind::alias);
  process.related().aliases.emplace(number_of(alias), end);
  return alias;
}

bool end_alias(Process& process, const Ref& alias) {
  BARREL_ASSERT(Scheduler::is_current(process));
  return process.relations && process.is_mine(alias) && kind_of_ref(alias) == RefKind::alias &&
         process.relations->aliases.erase(number_of(alias)) == 1;
}

void Process::apply_alias_message(Signal& signal) {
  Envelope* message = std::exchange(signal.carried, nullptr);
  message->serial = signal.serial;
  const bool taken =
      kind_of_ref(signal.ref) == RefKind::call ? take_reply(message) : take_aliased(signal.ref, message);
  if (taken) return;
  runtime->counters.dropped_late_reply.add();
  detail::dispose(message);
}

bool Process::take_aliased(const Ref& alias, Envelope* message) {
  if (!relations || !is_mine(alias)) return false;
  const auto found = relations->aliases.find(number_of(alias));
  if (found == relations->aliases.end()) return false;
  const AliasEnd end = found->second;
  append(message);
  if (end.with_message) {
    relations->aliases.erase(found);
    if (end.with_monitor) stop_monitor(alias);
  }
  return true;
}

void Process::end_alias_of_monitor(std::uint64_t number) {
  const auto found = relations->aliases.find(number);
  if (found != relations->aliases.end() && found->second.with_monitor) relations->aliases.erase(found);
}

Process* RuntimeImpl::owner_of(const Ref& alias) const noexcept {
  if (alias.word_count != 5 || kind_of_ref(alias) == RefKind::plain) return nullptr;
  return find_alive(Pid{alias.node_atom, alias.words[3], alias.words[4], alias.creation});
}

bool RuntimeImpl::deliver_alias(const Ref& alias, Envelope* message) noexcept {
  EnvelopePtr owner(message);
  if (Process* process = owner_of(alias)) {
    Signal* signal = make_signal(Signal::Op::alias_message);
    signal->ref = alias;
    signal->carried = owner.release();
    owner.reset(signal);
    // It becomes a message, and counts as one.
    if (push(*process, alias.words[4], signal, config.mailbox_messages_max))
      return (void)owner.release(), true;
  }
  counters.dropped_late_reply.add();
  return false;
}

bool is_local(const Sender& from, const Ref& alias) noexcept {
  return from.runtime->impl().is_local(alias);
}

bool deliver(const Sender& from, const Ref& alias, Envelope* message) noexcept {
  return from.runtime->impl().deliver_alias(alias, message);
}

}  // namespace barrel::detail
