#pragma once

#include <utility>
#include <variant>

#include "barrel/process/address.hpp"
#include "barrel/process/message.hpp"
#include "barrel/process/process_fwd.hpp"
#include "barrel/process/remote_router.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {
class Runtime;
}

namespace barrel::detail {

/// Where a message is sent from: the runtime, and the process unless a plain thread sends.
struct Sender {
  Runtime* runtime;
  Process* process;
};

/// The atoms of OTP's protocols, interned once.
[[nodiscard]] Atom gen_call_tag();
[[nodiscard]] Atom gen_cast_tag();
[[nodiscard]] Atom alias_tag();

/// True when `to` belongs to this incarnation of this node, or to a former one (its processes are dead).
[[nodiscard]] bool is_local(const Sender& from, const Pid& to) noexcept;
/// Takes the envelope over; false: nobody is there, or the mailbox is full, and it is gone.
[[nodiscard]] bool deliver(const Sender& from, const Pid& to, Envelope* message) noexcept;
SendOutcome deliver_remote(const Sender& from, const RemoteTarget& to, const EncodablePayload& payload,
                           SendMode mode);
/// The same for an alias, or the reference of a call.
[[nodiscard]] bool is_local(const Sender& from, const Ref& alias) noexcept;
[[nodiscard]] bool deliver(const Sender& from, const Ref& alias, Envelope* message) noexcept;
/// A pid (of any node), or a name of another node; Errc::no_process or not_found when there is none.
[[nodiscard]] Result<RemoteTarget> resolve(const Sender& from, const Address& to);

template <class T>
class Payload final : public EncodablePayload {
 public:
  explicit Payload(const T& value) : value_(value) {}
  void encode(ByteWriter& out) const override { MessageCodec<T>::encode(out, value_); }

 private:
  const T& value_;
};

[[nodiscard]] Result<void> outcome_to_result(SendOutcome outcome);

/// To a process, or to an alias.
template <class M, class To>
void send_to_one(const Sender& from, const To& to, M&& message) {
  check_sendable<M>();
  if (is_local(from, to)) [[likely]]
    (void)deliver(from, to, make_message(std::forward<M>(message)));
  else (void)deliver_remote(from, to, Payload<MessageOf<M>>(message), SendMode::park);
}
/// Sends and forgets. A message to nobody is dropped, as in Erlang.
template <class M>
void send_to_pid(const Sender& from, const Pid& to, M&& message) {
  send_to_one(from, to, std::forward<M>(message));
}
template <class M>
[[nodiscard]] Result<void> try_send_to(const Sender& from, const RemoteTarget& to, M&& message) {
  check_sendable<M>();
  const auto* pid = std::get_if<Pid>(&to);
  if (pid == nullptr || !is_local(from, *pid)) {
    return outcome_to_result(deliver_remote(from, to, Payload<MessageOf<M>>(message), SendMode::refuse));
  }
  if (deliver(from, *pid, make_message(std::forward<M>(message)))) return {};
  return Error(Errc::no_process);
}
template <class M>
void send_to(const Sender& from, const Address& to, M&& message) {
  check_sendable<M>();
  const auto target = resolve(from, to);
  if (!target) return;
  if (const auto* pid = std::get_if<Pid>(&*target)) return send_to_pid(from, *pid, std::forward<M>(message));
  (void)deliver_remote(from, *target, Payload<MessageOf<M>>(message), SendMode::park);
}

/// {'$gen_cast', Message}.
template <class M>
struct Cast {
  static constexpr std::string_view tag = "$gen_cast";
  M message;
};
template <class M>
struct MessageCodec<Cast<M>> {
  static Term to_term(const Cast<M>& cast) {
    return Term::tuple_of(gen_cast_tag(), MessageCodec<M>::to_term(cast.message));
  }
  static void encode(ByteWriter& out, const Cast<M>& cast) {
    out.u8(104);  // SMALL_TUPLE_EXT
    out.u8(2);
    encode_etf(out, Term(gen_cast_tag()));
    MessageCodec<M>::encode(out, cast.message);
  }
};

}  // namespace barrel::detail
#pragma GCC visibility pop
