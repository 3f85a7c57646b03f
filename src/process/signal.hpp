#pragma once

#include <optional>

#include "barrel/base/time.hpp"
#include "barrel/process/message.hpp"
#include "barrel/process/remote_router.hpp"
#include "barrel/term/pid.hpp"
#include "barrel/term/term.hpp"

namespace barrel::detail {

struct CallHeader;

/// What changes a process from outside, applied between its steps: Erlang's signals, and the runtime's own
/// wake-ups. They stand in one queue with the messages, which keeps the order of a pair.
struct Signal final : Envelope {
  enum class Op : std::uint8_t {
    link,           ///< from, number (the epoch when it came)
    unlink,         ///< from, number
    unlink_ack,     ///< from, number
    exit,           ///< from, reason: a broken link
    exit2,          ///< from, reason
    monitor,        ///< from, ref, name
    demonitor,      ///< from, ref
    down,           ///< from, ref, reason
    close_call,     ///< from, number: the caller does not wait any more
    call_settled,   ///< call, number: its Caller, in another process, let go; 1: answered
    alias_message,  ///< ref (a call's, or an alias), carried: a message that was sent to it
    deadline,       ///< due
    drained,
    job_done,
    node_down,      ///< node, number (epoch), reason
    node_up,        ///< node
    any_node_down,  ///< node: as above, for Self::monitor_nodes
    any_node_up,    ///< node
    overflow,       ///< the mailbox was full
    group_leader,   ///< from: the new one
    spawn_reply,    ///< from, ref, number (flags), reason (the result)
    call_refused,   ///< from (the caller), reason ({Tag, Why}): there is no answer that it can be sent
  };

  explicit Signal(Op operation) noexcept : Envelope(type), op(operation) {}
  ~Signal() {
    if (carried != nullptr) detail::dispose(carried);
  }
  static const MessageType type;

  Op op;
  Pid from{};
  Ref ref{};
  std::uint64_t number = 0;
  Instant due{};
  std::optional<Atom> name;
  Atom node{};
  CallHeader* call = nullptr;
  /// See alias_message. With others: an EncodedMessage with the reason, if any, of a signal from another
  /// node, for which it counts as unread.
  Envelope* carried = nullptr;
  Term reason;
};

[[nodiscard]] Signal* make_signal(Signal::Op op, const Pid& from = {});
[[nodiscard]] Signal* make_exit(const Pid& from, Term reason, Signal::Op op = Signal::Op::exit);

}  // namespace barrel::detail
