#pragma once

#include <array>
#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>

#include "barrel/process/alias.hpp"
#include "barrel/process/body.hpp"
#include "barrel/process/call.hpp"
#include "barrel/process/remote_spawn.hpp"
#include "barrel/process/wait.hpp"
#include "process/inbox.hpp"
#include "process/ref_secrets.hpp"
#include "process/relations.hpp"
#include "process/signal.hpp"

namespace barrel::detail {

struct EncodedMessage;
class RuntimeImpl;

/// What a reference of ours is good for; its word 2.
enum class RefKind : std::uint8_t { plain = 0, call = 1, alias = 2 };

/// One slot of the process table, and the process that lives in it at present. A slot's memory is never given
/// back, so that a sender may look at it at any time; `serial` tells the incarnations apart. Everything but
/// inbox, serial and next_ready belongs to whoever runs the process: one thread at a time, handed over
/// through the run queues.
struct alignas(64) Process {
  enum class StepResult : std::uint8_t {
    asleep,    ///< Waits; whoever pushes next wakes it. It may run elsewhere already.
    runnable,  ///< Used up its turn.
    ended,     ///< The slot is free.
  };

  // What senders touch.
  Inbox inbox;
  std::atomic<std::uint32_t> serial{0};
  std::uint32_t id = 0;
  RuntimeImpl* runtime = nullptr;
  Process* next_ready = nullptr;  ///< In the injector's list.

  // The message queue, oldest first, and the link to the first message that the present receive has not seen.
  Envelope* queue = nullptr;
  Envelope** queue_end = &queue;
  Envelope** cursor = &queue;
  std::atomic<std::uint32_t> queue_length{0};  ///< Written by the process alone, read by Runtime::stats().
  std::uint32_t queue_max = 0;                 ///< RuntimeConfig::mailbox_messages_max

  std::uint16_t turn_left = 0;
  bool trap_exits = false;
  bool ending = false;
  /// Nobody of this runtime started it; or, while that stops, it was linked with such a one, which has ended.
  /// Runtime::stop() waits for it.
  std::atomic<bool> is_root{false};
  bool ends_quietly = false;  ///< Its exit reason is no failure: a result (erpc), or the end of the node.
  bool busy = false;          ///< Sent over a full channel's budget: parked until drained.
  std::atomic<bool> overflowed{false};  ///< Senders set it.

  Wait* wait = nullptr;
  std::coroutine_handle<> resume_at;
  Root root;
  CallHeader* open_calls = nullptr;  ///< Requests it took and has not answered; newest first.
  CallHeader* oldest_call = nullptr;
  PendingCall* pending_calls = nullptr;  ///< Requests it sent, oldest first.
  PendingCall* newest_pending = nullptr;
  Pid group_leader{};  ///< Whom it prints to; id 0: nobody.
  std::unique_ptr<Relations> relations;
  std::uint64_t refs_made = 0;
  /// The time of its entry in Timers, if it has one: no later than the wait's deadline.
  Instant armed{};
  Term reason;  ///< Why it ends.

  // -- life; called by the scheduler
  [[nodiscard]] StepResult step();
  void finish();

  // -- waiting; called by Wait
  [[nodiscard]] bool is_ready_now(Wait& waiting);
  [[nodiscard]] bool is_parked() const { return busy && !(wait->timed_out_ && wait->ends_parking_); }
  void suspend(Wait& waiting, std::coroutine_handle<> at);
  [[nodiscard]] bool poll_queue(MessageWait& waiting);
  [[nodiscard]] bool find_message(MessageWait& waiting);
  /// Takes the message under the cursor, at which a matcher threw, out of the queue: the next receive would
  /// fail at it, too.
  void drop_failed();

  // -- queue
  void append(Envelope* message) {
    message->next = nullptr;
    *queue_end = message;
    queue_end = &message->next;
    if (count_queued(1) > queue_max) [[unlikely]]
      overflow();
  }
  std::uint32_t count_queued(std::uint32_t change) noexcept {
    const std::uint32_t length = queue_length.load(std::memory_order_relaxed) + change;
    queue_length.store(length, std::memory_order_relaxed);
    return length;
  }
  void overflow();
  /// Unlinks the message at `link`.
  Envelope* unlink_message(Envelope** link);
  /// What else ends when a message leaves the queue for good.
  void taken(Envelope& message);

  // -- signals (process_signals.cpp)
  void drain();
  void sort_in(Envelope* envelope);
  void apply(Signal& signal);
  /// Of a signal from another node; false when it is malformed.
  [[nodiscard]] bool decode_reason(Signal& signal);
  void apply_exit(const Pid& from, const Term& why);
  void apply_exit2(const Pid& from, const Term& why);
  void apply_link(const Signal& signal);
  void apply_monitor(const Signal& signal);
  void apply_demonitor(const Signal& signal);
  /// Who monitors us by that reference; null when nobody does.
  [[nodiscard]] const Relations::Watcher* watcher_by(const Ref& ref) const;
  /// One that watcher_by() knows.
  void forget_watcher(const Ref& ref);
  /// A DOWN from a node that has nothing to do with that monitor or call.
  [[nodiscard]] bool is_forged_down(const Signal& signal);
  /// One too many of another node: answers at once that it is over.
  void refuse_relation(const Signal& signal);
  void apply_unlink(Signal& signal);
  void apply_unlink_ack(const Signal& signal);
  void apply_down(const Ref& ref, const Term& why);
  void apply_node_down(NodeName node, std::uint64_t epoch, const Term& why);
  void apply_deadline(const Signal& signal);
  /// Marks it to end at the end of this step.
  void end(Term why);

  // -- calls (calls.cpp)
  void open_call(CallHeader* call);
  void unlink_call(CallHeader* call);
  void fail_open_calls();
  /// A Caller lets go of a call that it took.
  void settle_call(CallHeader* call, bool answered);
  void close_call(const Pid& caller, std::uint64_t number);
  [[nodiscard]] PendingCall* pending_call(std::uint64_t number);
  /// True when the message answers a pending call and was handed to it.
  [[nodiscard]] bool take_reply(Envelope* message);
  /// A request could not be read, or a reply of ours was too long for the caller's node: tells the caller
  /// what is short.
  void apply_call_refused(const Signal& signal);
  /// A message that is over a limit: whoever waits for the answer to it is told.
  void refuse_unread(const EncodedMessage& message, const Error& why);
  void fail_pending(PendingCall& call, Errc code, const Term& why);
  void fail_pending_of(NodeName node, std::uint64_t epoch, const Term& why);

  // -- processes on other nodes (pending_spawn.cpp)
  /// Newest first.
  [[nodiscard]] PendingSpawn* pending_spawns() const noexcept {
    return relations ? relations->pending_spawns : nullptr;
  }
  [[nodiscard]] PendingSpawn* pending_spawn(std::uint64_t number);
  void apply_spawn_reply(const Signal& signal);
  /// Keeps what may have overtaken the answer to a request, and applies it after the answer. False: it cannot
  /// have.
  bool keep_early_exit(const Pid& from, const Term& why);
  void apply_early_exit(const Pid& from);
  /// Unless another request waits for a linked process of that node.
  void forget_early_exits(NodeName node);
  [[nodiscard]] bool waits_for_linked(NodeName node);
  /// True when the monitor that ended was that of a call by rpc.
  [[nodiscard]] bool take_spawn_result(std::uint64_t number, const Term& why);
  void fail_spawns_of(NodeName node, std::uint64_t epoch, const Term& why);

  // -- aliases (alias.cpp)
  void apply_alias_message(Signal& signal);
  /// True when the alias was active and the message was put into the queue.
  [[nodiscard]] bool take_aliased(const Ref& alias, Envelope* message);
  void end_alias_of_monitor(std::uint64_t number);

  // -- relations (relations.cpp)
  Relations& related();
  void touch_node(NodeName node);
  void start_remote_relation(NodeName node, std::uint64_t& epoch);
  /// With `alias` its reference is one, too.
  [[nodiscard]] Ref start_monitor(const Address& target, const AliasEnd* alias);
  void stop_monitor(const Ref& ref);
  void link(const Pid& other);
  /// The entry for a link with `other`, made if there is none.
  Relations::Link& add_link(const Pid& other);
  void forget_link(const Pid& other);
  /// Null when there is none.
  [[nodiscard]] const Relations::Link* link_to(const Pid& other) const;
  void unlink(const Pid& other);
  /// Whoever is linked is a root now: the runtime stops, and waits for those whom the end of one reaches.
  void hand_root_down();
  void tell_relations();
  /// Sends a signal to a process of any node, answering for dead local ones.
  void send_signal(const Pid& to, Signal* signal);

  [[nodiscard]] Pid pid() const noexcept;
  [[nodiscard]] bool is_mine(const Ref& ref) const noexcept;
  [[nodiscard]] Ref make_ref(RefKind kind);
  /// The reference of that number (see make_ref).
  [[nodiscard]] Ref ref_of(std::uint64_t number, RefKind kind) const;
  [[nodiscard]] Ref ref_of(std::uint64_t number, const Relations::Watching& monitor) const;
  void arm(Instant due);
};

/// Three cache lines, and most of what an idle process takes: what only few processes need belongs elsewhere,
/// as in Relations.
static_assert(sizeof(Process) <= 192);

/// Bits of a reference of ours: word 0 (18 bits, as Erlang has it) and the lower 28 of word 1 count the
/// process's references. The lower 2 of word 2 are the RefKind, all others of these two words are its
/// RefSecrets. Words 3 and 4 are the process's id and serial, so that a message to it finds its way.
[[nodiscard]] std::array<std::uint32_t, 5> ref_words(const RefSecrets& secrets, std::uint64_t number,
                                                     RefKind kind, std::uint32_t id,
                                                     std::uint32_t serial) noexcept;
[[nodiscard]] std::uint64_t number_of(const Ref& ref) noexcept;
/// RefKind::plain also when a peer made something up.
[[nodiscard]] RefKind kind_of_ref(const Ref& ref) noexcept;

/// Answers a signal on behalf of a process that is dead; disposes of nothing.
void answer_for_dead(RuntimeImpl& runtime, const Pid& dead, const Signal& signal);
/// What a node started for a process that does not wait for it any more, or that ended: cuts its ties.
void abandon_spawned(RuntimeImpl& runtime, const Pid& asker, const Signal& reply);
/// Disposes of what a dead process will not take, answering signals and calls.
void refuse(RuntimeImpl& runtime, const Pid& dead, Envelope* envelope, const Error& call_error);

}  // namespace barrel::detail
