#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>

#include "barrel/base/bytes.hpp"
#include "barrel/term/etf.hpp"
#include "barrel/term/pid.hpp"
#include "barrel/term/result.hpp"
#include "barrel/term/shared_bytes.hpp"
#include "barrel/term/term.hpp"
#include "dist/envelope.hpp"

/// The control messages of the Erlang distribution (OTP "Distribution Protocol") as
/// values, and how they are written to and read from the envelopes that carry them.
namespace barrel::dist {

/// A process, or the name it is registered under on the node addressed.
using Target = std::variant<Pid, Atom>;

// What is "from" belongs to the sender's node and what is "to" to the receiver's. Numbers are the operations:
// the one that is sent, then those that are understood as well. A payload (message, reason, arguments)
// follows where it says so.

/// 22 (2 without sender: from is Pid{}; 12, 23, 37). Payload: the message.
struct Send {
  Pid from;
  Pid to;
  friend bool operator==(const Send&, const Send&) = default;
};
/// 6 (16, 37). Payload: the message. A received name that no code here has interned is '', which nobody has.
struct SendName {
  Pid from;
  Atom to;
  friend bool operator==(const SendName&, const SendName&) = default;
};
/// 33 (34, 37): to the process that has this alias. Payload: the message.
struct SendAlias {
  Pid from;
  Ref to;
  friend bool operator==(const SendAlias&, const SendAlias&) = default;
};
/// 1.
struct Link {
  Pid from;
  Pid to;
  friend bool operator==(const Link&, const Link&) = default;
};
/// 35 (4, the obsolete UNLINK: id is 0 and no acknowledgement is expected).
struct Unlink {
  std::uint64_t id = 0;
  Pid from;
  Pid to;
  friend bool operator==(const Unlink&, const Unlink&) = default;
};
/// 36: id of the Unlink; from is who acknowledges.
struct UnlinkAck {
  std::uint64_t id = 0;
  Pid from;
  Pid to;
  friend bool operator==(const UnlinkAck&, const UnlinkAck&) = default;
};
/// 24 (3, 13, 25): the linked process `from` ended. Payload: the reason.
struct ExitLinked {
  Pid from;
  Pid to;
  friend bool operator==(const ExitLinked&, const ExitLinked&) = default;
};
/// 26 (8, 18, 27): exit(To, Reason). Payload: the reason.
struct Exit {
  Pid from;
  Pid to;
  friend bool operator==(const Exit&, const Exit&) = default;
};
/// 19.
struct Monitor {
  Pid from;
  Target to;
  Ref ref;
  friend bool operator==(const Monitor&, const Monitor&) = default;
};
/// 19, by a name that no code here has interned, or of a process of a node for which the peer's quota has no
/// atom, so that no process here can be it: it stays text and costs no atom. The answer is NobodyDown.
struct MonitorNobody {
  Pid from;
  Term name;
  Ref ref;
  friend bool operator==(const MonitorNobody&, const MonitorNobody&) = default;
};
/// 20: `to` as in the Monitor. Of a name that nobody can have: Ignored.
struct Demonitor {
  Pid from;
  Target to;
  Ref ref;
  friend bool operator==(const Demonitor&, const Demonitor&) = default;
};
/// 28 (21): what was monitored (the name when it was monitored by name) ended. Payload: the reason.
struct MonitorDown {
  Target from;
  Pid to;
  Ref ref;
  friend bool operator==(const MonitorDown&, const MonitorDown&) = default;
};
/// 28, for a MonitorNobody. Sent only. Payload: the reason.
struct NobodyDown {
  Term name;
  Pid to;
  Ref ref;
};
/// 7.
struct GroupLeader {
  Pid leader;
  Pid to;
  friend bool operator==(const GroupLeader&, const GroupLeader&) = default;
};
/// 29 (30). Payload: the list of arguments.
struct SpawnRequest {
  Ref id;
  Pid from;
  /// Pid{} when the peer's quota has no atom for its node.
  Pid group_leader;
  /// `{Module, Function, Arity}`
  Term function;
  Term options;
  friend bool operator==(const SpawnRequest&, const SpawnRequest&) = default;
};
/// 29 (30), of which what comes behind `from` is over a limit. Received only, without payload: who asks waits
/// for the SpawnReply, without a time limit.
struct SpawnUnread {
  Ref id;
  Pid from;
  friend bool operator==(const SpawnUnread&, const SpawnUnread&) = default;
};
/// 31 (32). flags: 1 linked, 2 monitored. result: the new pid, or an atom that says why not.
struct SpawnReply {
  Ref id;
  Pid to;
  std::uint32_t flags = 0;
  Term result;
  friend bool operator==(const SpawnReply&, const SpawnReply&) = default;
};
/// Understood and of no consequence here: 5 (NODE_LINK), and forms of 37 that only a peer to which we offered
/// ALTACT_SIG may send. Received only.
struct Ignored {
  std::uint8_t operation = 0;
  friend bool operator==(const Ignored&, const Ignored&) = default;
};

using Control =
    std::variant<Send, SendName, SendAlias, Link, Unlink, UnlinkAck, ExitLinked, Exit, Monitor, MonitorNobody,
                 Demonitor, MonitorDown, GroupLeader, SpawnRequest, SpawnUnread, SpawnReply, Ignored>;

/// True when a payload follows in the envelope.
[[nodiscard]] bool has_payload(const Control& control);

/// Appends the envelope up to its payload: `112, 131 Control` and, when has_payload(), the payload's 131; or
/// `131 68 0 Control`. The caller appends the payload's own ETF right behind, without its leading 131
/// (encode_etf(out, term)). Any thread.
void encode_head(ByteWriter& out, const Control& control, Envelope envelope = Envelope::pass_through);
/// The same for the two forms that carry nearly all traffic, in one append.
void encode_head(ByteWriter& out, const Send& control, Envelope envelope = Envelope::pass_through);
void encode_head(ByteWriter& out, const SendName& control, Envelope envelope = Envelope::pass_through);
void encode_head(ByteWriter& out, const NobodyDown& control, Envelope envelope = Envelope::pass_through);

/// Bytes of a message or reason, not decoded, with their leading 131.
struct Payload {
  BytesView bytes;
  /// Who keeps the bytes alive; none: they are lent for the duration of the call that hands out the Payload.
  std::shared_ptr<const void> owner;

  /// The bytes for keeps: shared when they have an owner, copied otherwise.
  [[nodiscard]] SharedBytes share() const;
};

/// One distribution message. payload.bytes is empty unless has_payload(control).
struct Message {
  Control control;
  Payload payload;
};

/// Limits on a term in a control tuple: an identifier, a trace token, the function and the options of a spawn
/// request. They are decoded by the thread of the cluster. Guesses far above real ones.
[[nodiscard]] inline EtfLimits control_limits() {
  return {.depth_max = 32, .terms_max = 1'024, .uncompressed_bytes_max = 0, .integer_bytes_max = 256};
}

/// Parses the messages of one connection. The node names it knows (ours, the peer's) cost no lookup; any
/// other atom that it must intern is charged to the peer's quota. Not thread-safe.
///
/// Errc::malformed: not an envelope of the expected form, an operation or tuple that does not exist.
/// Errc::limit_exceeded: a term over the limits, or no atom left in the peer's quota. Not where the sender
/// waits for an answer: see MonitorNobody, SpawnUnread.
/// Errc::protocol_violation: the peer speaks in the name of a process that is not its own.
class MessageParser {
 public:
  MessageParser(NodeName self, NodeName peer, EtfLimits limits = control_limits())
      : self_(self), peer_(peer), limits_(std::move(limits)) {}

  /// Parses one frame in the pass-through envelope. `owner` keeps its bytes alive, or is empty when they are
  /// lent.
  [[nodiscard]] Result<Message> parse(BytesView frame, std::shared_ptr<const void> owner = {}) const;
  /// Parses `Control [Payload]` as it stands in the header envelope. The payload is copied to `room`, behind
  /// a leading 131, and lent from there.
  [[nodiscard]] Result<Message> parse_unversioned(BytesView body, Bytes& room) const;
  /// Parses a control tuple; the payload that goes with it, empty if none, has its leading 131.
  [[nodiscard]] Result<Message> parse_parts(BytesView control, Payload payload) const;

 private:
  NodeName self_;
  NodeName peer_;
  EtfLimits limits_;
};

}  // namespace barrel::dist
