#pragma once

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "barrel/otp/reply_to.hpp"
#include "barrel/otp/sys.hpp"
#include "barrel/process/self.hpp"

#pragma GCC visibility push(default)  // exported by the shared library

/// How a server class is driven; see gen_server.hpp.
namespace barrel::detail {

/// The request of start_link: answered when the server is ready.
struct StartServer {
  static constexpr std::string_view internal_name = "$barrel_start_server";
  using Reply = bool;
};

template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<Task<T>> = true;

template <class S>
struct ServerLists {
  template <class T>
  static auto calls_of() {
    if constexpr (requires { typename T::Calls; }) return typename T::Calls{};
    else return Messages<>{};
  }
  template <class T>
  static auto casts_of() {
    if constexpr (requires { typename T::Casts; }) return typename T::Casts{};
    else return Messages<>{};
  }
  template <class T>
  static auto infos_of() {
    if constexpr (requires { typename T::Infos; }) return typename T::Infos{};
    else return Messages<>{};
  }
  using Calls = decltype(calls_of<S>());
  using Casts = decltype(casts_of<S>());
  using Infos = decltype(infos_of<S>());
};

/// A message in the server's protocol that no handler fits.
void report_unknown(Self self, const char* kind, const Term& message);
[[noreturn]] void exit_unknown_call(const Term& request);
/// {'$gen_call', From, Request}, {'$gen_cast', Message} or {system, From, Request} apart.
struct GenMessage {
  enum class Kind : std::uint8_t { call, cast, info, system } kind = Kind::info;
  std::optional<CallFrom> from;
  Term content;
};
[[nodiscard]] GenMessage parse_gen_message(const Term& term);
/// The term of a message that came as one; null when it is malformed.
[[nodiscard]] bool as_term_message(Process& process, EnvelopePtr& message);

/// Hands messages to the handlers of a server. A handler that is a coroutine comes out as a task to await.
template <class S>
class ServerDispatch {
 public:
  ServerDispatch(Self self, S& server, const Pid& parent)
      : self_(self), server_(server), sys_{self, parent} {}

  /// While it is suspended only what ReceiveSuspended takes may be handed in.
  [[nodiscard]] const SysServer& sys() const noexcept { return sys_; }

  using Work = std::optional<Task<>>;

  Work handle(EnvelopePtr message) {
    Work work;
    if (take_known(message, work)) return work;
    take_other(std::move(message), work);
    return work;
  }

 private:
  using Lists = ServerLists<S>;
  using Calls = typename Lists::Calls;
  using Casts = typename Lists::Casts;
  using Infos = typename Lists::Infos;

  // -- by type: nothing is converted

  bool take_known(EnvelopePtr& message, Work& work) {
    switch (message->type->kind) {
      case MessageType::Kind::call: return take_call(Calls{}, message, work);
      case MessageType::Kind::plain:
      case MessageType::Kind::down:
        if (message->type == &TypeInfo<Exit>::type)
          check_parent(static_cast<TypedMessage<Exit>&>(*message).value);
        return take_cast(Casts{}, message, work) || take_info(Infos{}, message, work);
      default: return false;
    }
  }

  template <class... Rs>
  bool take_call(Messages<Rs...>, EnvelopePtr& message, Work& work) {
    if (message->type == &CallMessage<StartServer>::type) {
      Caller(self_.process(), static_cast<CallHeader*>(message.release())).reply(true);
      return true;
    }
    return ((message->type == &CallMessage<Rs>::type && (call_typed<Rs>(message, work), true)) || ...);
  }
  template <class... Cs>
  bool take_cast(Messages<Cs...>, EnvelopePtr& message, Work& work) {
    return (
        (message->type == &TypeInfo<Cast<Cs>>::type &&
         (cast_to(std::move(static_cast<TypedMessage<Cast<Cs>>&>(*message).value.message), work), true)) ||
        ...);
  }
  template <class... Is>
  bool take_info(Messages<Is...>, EnvelopePtr& message, Work& work) {
    return ((message->type == &TypeInfo<Is>::type &&
             (inform(std::move(static_cast<TypedMessage<Is>&>(*message).value), work), true)) ||
            ...);
  }

  template <class R>
  void call_typed(EnvelopePtr& message, Work& work) {
    auto* call = static_cast<CallMessage<R>*>(message.release());
    Caller caller(self_.process(), call);  // keeps the request until it is answered
    if constexpr (takes_reply_to<R>()) answer_kept<R>(std::move(call->request), std::move(caller), work);
    else answer(call->request, std::move(caller), work);
  }

  // -- by shape: it came as a term, as bytes, or as another type

  void take_other(EnvelopePtr message, Work& work) {
    Process& process = self_.process();
    if (message->type->kind == MessageType::Kind::call) {
      const auto* header = static_cast<const CallHeader*>(message.get());
      const Term term = message->type->to_term(*header);
      Caller caller(process, static_cast<CallHeader*>(message.release()));
      return call_term(Calls{}, term.elements()[2], std::move(caller), work);
    }
    if (!as_term_message(process, message)) return;
    const Term& term = static_cast<const TypedMessage<Term>&>(*message).value;
    GenMessage parsed = parse_gen_message(term);
    switch (parsed.kind) {
      case GenMessage::Kind::call:
        return call_term(Calls{}, parsed.content, Caller(process, parsed.from->pid, parsed.from->tag), work);
      case GenMessage::Kind::cast:
        if (!cast_term(Casts{}, parsed.content, work)) report_unknown(self_, "cast", parsed.content);
        return;
      case GenMessage::Kind::system:
        return answer_sys(sys_, parsed.content, state_of(server_),
                          Caller(process, parsed.from->pid, parsed.from->tag));
      case GenMessage::Kind::info:
        if (const auto exit = Exit::from_term(term)) check_parent(*exit);
        if (!info_term(Infos{}, term, work)) report_unknown(self_, "info", term);
        return;
    }
  }

  static std::optional<Term> state_of(const S& server) {
    if constexpr (requires { Term(server.state()); }) return Term(server.state());
    else return std::nullopt;
  }

  template <class... Rs>
  void call_term(Messages<Rs...>, const Term& term, Caller caller, Work& work) {
    if (!(try_call<Rs>(term, caller, work) || ...)) exit_unknown_call(term);
  }
  template <class R>
  bool try_call(const Term& term, Caller& caller, Work& work) {
    auto request = MessageCodec<R>::from_term(term);
    if (!request) return false;
    answer_kept<R>(*std::move(request), std::move(caller), work);
    return true;
  }
  template <class... Cs>
  bool cast_term(Messages<Cs...>, const Term& term, Work& work) {
    return (try_term<Cs>(term, [&](Cs&& value) { cast_to(std::move(value), work); }) || ...);
  }
  template <class... Is>
  bool info_term(Messages<Is...>, const Term& term, Work& work) {
    return (try_term<Is>(term, [&](Is&& value) { inform(std::move(value), work); }) || ...);
  }
  template <class T, class F>
  static bool try_term(const Term& term, F&& use) {
    auto value = MessageCodec<T>::from_term(term);
    if (!value) return false;
    use(*std::move(value));
    return true;
  }

  // -- the handlers

  /// The end of the parent ends a server that traps exits, too; terminate runs on the way out.
  void check_parent(const Exit& exit) const {
    if (exit.from == sys_.parent) barrel::exit(exit.reason);
  }

  template <class R>
  static constexpr void check_call_handler() {
    static_assert(
        requires(S& s, const R& r) { s.handle_call(r); } ||
            requires(S& s, const R& r, ReplyTo<R>&& to) { s.handle_call(r, std::move(to)); },
        "a request is listed in Calls, but the class has no handler for it. Write `Reply handle_call(const "
        "Request&)`, `Task<Reply> handle_call(const Request&)`, or `void handle_call(const Request&, "
        "ReplyTo<Request>)`, in its public part");
  }

  /// Its handler may answer before it has done with the request.
  template <class R>
  static constexpr bool takes_reply_to() {
    return requires(S& s, const R& r, ReplyTo<R>&& to) { s.handle_call(r, std::move(to)); };
  }

  /// `request` lives in what the caller owns.
  template <class R>
  void answer(const R& request, Caller caller, Work& work) {
    check_call_handler<R>();
    using Reply = typename ReplyValue<R>::type;
    if constexpr (requires(ReplyTo<R>&& to) { server_.handle_call(request, std::move(to)); }) {
      static_assert(std::is_void_v<decltype(server_.handle_call(request, std::declval<ReplyTo<R>>()))>,
                    "a handle_call that takes a ReplyTo answers through it and must return void");
      defer(request, std::move(caller));
    } else if constexpr (is_task<decltype(server_.handle_call(request))>) {
      work.emplace(answer_later<R>(server_, request, std::move(caller)));
    } else {
      static_assert(std::is_convertible_v<decltype(server_.handle_call(request)), Reply>,
                    "handle_call must return the request's Reply (or a Task of it)");
      caller.reply<Reply>(server_.handle_call(request));
    }
  }
  template <class R>
  // NOLINTNEXTLINE(performance-unnecessary-value-param): moved to where it is kept
  void answer_kept(R request, Caller caller, Work& work) {
    check_call_handler<R>();
    if constexpr (requires(ReplyTo<R>&& to) { server_.handle_call(request, std::move(to)); }) {
      defer(request, std::move(caller));
    } else if constexpr (is_task<decltype(server_.handle_call(request))>) {
      work.emplace(answer_kept_later<R>(server_, std::move(request), std::move(caller)));
    } else {
      answer(request, std::move(caller), work);
    }
  }
  template <class R>
  void defer(const R& request, Caller caller) {
    ReplyTo<R> to(std::move(caller));
    server_.handle_call(request, std::move(to));
  }
  template <class R>
  static Task<> answer_later(S& server, const R& request, Caller caller) {
    using Reply = typename ReplyValue<R>::type;
    caller.reply<Reply>(co_await server.handle_call(request));
  }
  template <class R>
  static Task<> answer_kept_later(S& server, R request, Caller caller) {
    using Reply = typename ReplyValue<R>::type;
    caller.reply<Reply>(co_await server.handle_call(request));
  }

  template <class C>
  void cast_to(C message, Work& work) {
    static_assert(
        requires(S& s, const C& c) { s.handle_cast(c); },
        "a message is listed in Casts, but the class has no handler for it. Write `void handle_cast(const "
        "Message&)` or `Task<> handle_cast(const Message&)`, in its public part");
    if constexpr (is_task<decltype(server_.handle_cast(message))>) {
      work.emplace([](S& server, C kept) -> Task<> { co_await server.handle_cast(kept); }(
                                             server_, std::move(message)));
    } else {
      server_.handle_cast(std::as_const(message));
    }
  }
  template <class I>
  void inform(I message, Work& work) {
    static_assert(
        requires(S& s, const I& i) { s.handle_info(i); },
        "a message is listed in Infos, but the class has no handler for it. Write `void handle_info(const "
        "Message&)` or `Task<> handle_info(const Message&)`, in its public part");
    if constexpr (is_task<decltype(server_.handle_info(message))>) {
      work.emplace([](S& server, I kept) -> Task<> { co_await server.handle_info(kept); }(
                                             server_, std::move(message)));
    } else {
      server_.handle_info(std::as_const(message));
    }
  }

  Self self_;
  S& server_;
  SysServer sys_;
};

}  // namespace barrel::detail
#pragma GCC visibility pop
