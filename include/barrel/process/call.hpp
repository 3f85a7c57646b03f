#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "barrel/process/address.hpp"
#include "barrel/process/matching.hpp"
#include "barrel/process/message.hpp"
#include "barrel/process/remote_router.hpp"
#include "barrel/process/send.hpp"
#include "barrel/process/wait.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

namespace detail {
template <class R>
struct FlatResult {
  using type = Result<R>;
};
template <class T>
struct FlatResult<Result<T>> {
  using type = Result<T>;
};

template <class Request, class Reply>
struct ReplyChoice {
  using type = Reply;
};
template <class Request>
struct ReplyChoice<Request, void> {
  static_assert(
      requires { typename Request::Reply; },
      "a request must say its reply: add `using Reply = ...;` to it, or name it: self.call<Reply>(to, "
      "request)");
  using type = typename Request::Reply;
};
}  // namespace detail

/// What a call gives: Result<Reply>, or Reply itself when it is a Result.
template <class Request>
using ReplyOf = typename detail::FlatResult<typename detail::ReplyChoice<Request, void>::type>::type;

namespace detail {

class [[gnu::visibility("hidden")]] RefSecrets;

/// A request between processes of this node. It stays linked to the called process until it is answered, so
/// that the end of that process reaches the caller: a monitor without signals.
struct CallHeader : Envelope {
  CallHeader(const MessageType& message_type, const Pid& from, std::uint64_t ref_number,
             Instant until) noexcept
      : Envelope(message_type), caller(from), number(ref_number), deadline(until) {}

  CallHeader* previous_open = nullptr;
  CallHeader* next_open = nullptr;
  bool is_open = false;    ///< Linked to the called process.
  bool has_owner = false;  ///< A Caller frees it.
  Pid caller;
  std::uint64_t number;                 ///< See Process::make_ref.
  const RefSecrets* secrets = nullptr;  ///< Of the runtime, for the reference.
  Instant deadline;                     ///< After it nobody waits any more.
};

template <class Request>
struct CallMessage final : CallHeader {
  CallMessage(const Pid& from, std::uint64_t ref_number, Instant until, Request payload)
      : CallHeader(type, from, ref_number, until), request(std::move(payload)) {}
  static const MessageType type;
  Request request;
};

/// {Pid, [alias | Ref]} of an open call.
[[nodiscard]] Term from_term_of(const CallHeader& call);

template <class Request>
constinit const MessageType CallMessage<Request>::type{
    MessageType::Kind::call, false, "$gen_call", &dispose_as<CallMessage<Request>>,
    [](const Envelope& envelope) {
      const auto& call = static_cast<const CallMessage<Request>&>(envelope);
      return Term::tuple_of(Atom("$gen_call"), from_term_of(call),
                            MessageCodec<Request>::to_term(call.request));
    }};

/// The answer to a call; it goes past the queue, straight to the PendingCall of that number.
struct ReplyHeader : Envelope {
  ReplyHeader(const MessageType& message_type, std::uint64_t ref_number) noexcept
      : Envelope(message_type), number(ref_number) {}
  std::uint64_t number;
};

template <class R>
struct ReplyMessage final : ReplyHeader {
  ReplyMessage(std::uint64_t ref_number, R payload)
      : ReplyHeader(type, ref_number), value(std::move(payload)) {}
  static const MessageType type;
  R value;
};
template <class R>
constinit const MessageType ReplyMessage<R>::type{
    MessageType::Kind::reply, false, {}, &dispose_as<ReplyMessage<R>>, [](const Envelope& envelope) {
      return MessageCodec<R>::to_term(static_cast<const ReplyMessage<R>&>(envelope).value);
    }};

/// Instead of a reply: why there will be none.
struct FailedReply final : ReplyHeader {
  FailedReply(std::uint64_t ref_number, Error why) : ReplyHeader(type, ref_number), error(std::move(why)) {}
  static const MessageType type;
  Error error;
};

/// A call that was sent and is not yet answered; known to its process by its number.
class PendingCall : public Wait {
 public:
  PendingCall(PendingCall&&) = delete;

  /// The reference that the callee answers to.
  [[nodiscard]] Ref ref() const;

 protected:
  PendingCall(Process& process, Duration limit);
  ~PendingCall();

  /// Where the request goes; sets the failure when it goes nowhere.
  enum class Route : std::uint8_t { local, remote, none };
  [[nodiscard]] Route route(const Address& to);
  [[nodiscard]] Pid caller() const;
  [[nodiscard]] Instant give_up_at() const;
  void send_local(CallHeader* call);
  void send_remote(const EncodablePayload& request);
  /// The external form of {Pid, [alias | Ref]}.
  void encode_from(ByteWriter& out) const;

  /// The error, once ready, if there is no reply: deadline, dead process, lost node.
  [[nodiscard]] std::optional<Error> failure() const;
  /// The second element of the {Tag, Reply} that came from another node.
  [[nodiscard]] ByteReader encoded_reply() const;
  /// The same of one that came as a term, or as a payload of another type.
  [[nodiscard]] Term term_reply() const;

  std::uint64_t number_ = 0;
  EnvelopePtr reply_;

 private:
  friend struct Process;
  static bool is_answered(Wait& wait) { return static_cast<PendingCall&>(wait).reply_ != nullptr; }

  PendingCall* previous_ = nullptr;
  PendingCall* next_ = nullptr;
  /// Whom to tell when nobody waits any more.
  std::optional<RemoteTarget> target_;
  std::uint64_t epoch_ = 0;
  bool remote_ = false;
};

/// What self.call gives: the request is on its way, co_await it for the reply. Destroying it forgets the
/// reply.
template <class Reply>
class [[nodiscard]] PendingReply final : public PendingCall {
 public:
  using Value = typename FlatResult<Reply>::type;

  template <class Request>
  PendingReply(Process& process, const Address& to, Request&& request, Duration limit)
      : PendingCall(process, limit) {
    using Kept = MessageOf<Request>;
    check_sendable<Request>();
    switch (route(to)) {
      case Route::local:
        send_local(new_envelope<CallMessage<Kept>>(caller(), number_, give_up_at(),
                                                   Kept(std::forward<Request>(request))));
        break;
      case Route::remote: send_remote(RemoteCall<Kept>(*this, request)); break;
      case Route::none: break;
    }
  }

  [[nodiscard]] Value await_resume() {
    if (auto error = failure()) return std::move(*error);
    if (reply_->type == &ReplyMessage<Reply>::type)
      return std::move(static_cast<ReplyMessage<Reply>&>(*reply_).value);
    if (reply_->type->kind == MessageType::Kind::encoded) {
      ByteReader reader = encoded_reply();
      return settle(MessageCodec<Reply>::decode(reader, encoded_limits(*reply_)));
    }
    return settle(MessageCodec<Reply>::from_term(term_reply()));
  }

 private:
  static Value settle(Result<Reply> decoded) {
    if (!decoded) return std::move(decoded).error();
    return *std::move(decoded);
  }

  template <class Request>
  class RemoteCall final : public EncodablePayload {
   public:
    RemoteCall(const PendingReply& call, const Request& request) : call_(call), request_(request) {}
    void encode(ByteWriter& out) const override {
      out.u8(104);  // SMALL_TUPLE_EXT
      out.u8(3);
      encode_etf(out, Term(gen_call_tag()));
      call_.encode_from(out);
      MessageCodec<Request>::encode(out, request_);
    }

   private:
    const PendingReply& call_;
    const Request& request_;
  };
};

/// Awaits a PendingReply that stands elsewhere: GCC 12 would copy what a function returns by reference.
template <class Reply>
class [[nodiscard]] Response {
 public:
  explicit Response(PendingReply<Reply>& pending) noexcept : pending_(pending) {}
  [[nodiscard]] bool await_ready() { return pending_.await_ready(); }
  void await_suspend(std::coroutine_handle<> waiting) { pending_.await_suspend(waiting); }
  [[nodiscard]] auto await_resume() { return pending_.await_resume(); }

 private:
  PendingReply<Reply>& pending_;
};

}  // namespace detail
}  // namespace barrel
#pragma GCC visibility pop
