#pragma once

#include <tuple>
#include <utility>
#include <variant>

#include "barrel/process/events.hpp"
#include "barrel/process/matching.hpp"
#include "barrel/process/wait.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel::detail {

template <class T>
constexpr void check_receivable() {
  static_assert(!std::is_reference_v<T>, "receive gives values: name the message type without & or const");
  static_assert(
      std::is_same_v<T, Term> || InternalPayload<T> || Mapped<T>,
      "this type cannot be received: it does not map to a term. Make it an aggregate of mapped members "
      "(see mapping.hpp), or give it to_term and from_term");
}

template <class T>
[[nodiscard]] T take_value(Envelope*& message) {
  const EnvelopePtr owner(std::exchange(message, nullptr));
  return std::move(static_cast<TypedMessage<T>&>(*owner).value);
}

/// The awaiter of receive<Ts...>. Timed: a Timeout is one more alternative.
template <bool timed, class... Ts>
class [[nodiscard]] Receive final : public MessageWait {
  static_assert(sizeof...(Ts) > 0, "receive what? Name at least one message type: receive<A, B>()");

 public:
  using First = std::tuple_element_t<0, std::tuple<Ts...>>;
  using Value = std::conditional_t<timed, std::variant<Ts..., Timeout>,
                                   std::conditional_t<sizeof...(Ts) == 1, First, std::variant<Ts...>>>;

  explicit Receive(Process& process) noexcept : MessageWait(process, &match) {
    (check_receivable<Ts>(), ...);
  }
  Receive(Process& process, Duration limit) noexcept : MessageWait(process, &match, limit) {
    (check_receivable<Ts>(), ...);
  }

  Value await_resume() {
    rethrow_if_failed();
    if constexpr (timed) {
      if (message_ == nullptr) return Value(Timeout{});
    }
    if constexpr (sizeof...(Ts) == 1 && !timed) {
      return take_value<First>(message_);
    } else {
      return take_alternative(std::index_sequence_for<Ts...>{});
    }
  }

 private:
  static Match match(MessageWait& wait, Envelope*& envelope) {
    auto& me = static_cast<Receive&>(wait);
    me.index_ = 0;
    Match result = Match::no;
    const auto is_other = [&]<class T>() {
      result = match_as<T>(*me.process_, envelope);
      if (result == Match::no) ++me.index_;
      return result == Match::no;
    };
    (void)(is_other.template operator()<Ts>() && ...);
    return result;
  }

  template <std::size_t... I>
  Value take_alternative(std::index_sequence<I...>) {
    using Take = Value (*)(Envelope*&);
    static constexpr Take takes[] = {
        [](Envelope*& message) { return Value(std::in_place_index<I>, take_value<Ts>(message)); }...};
    return takes[index_](message_);
  }
};

/// The awaiter of receive_if<A>.
template <bool timed, class A, class Predicate>
class [[nodiscard]] ReceiveIf final : public MessageWait {
 public:
  using Value = std::conditional_t<timed, std::variant<A, Timeout>, A>;

  ReceiveIf(Process& process, Predicate predicate)
      : MessageWait(process, &match), predicate_(std::move(predicate)) {
    check_receivable<A>();
  }
  ReceiveIf(Process& process, Predicate predicate, Duration limit)
      : MessageWait(process, &match, limit), predicate_(std::move(predicate)) {
    check_receivable<A>();
  }

  Value await_resume() {
    rethrow_if_failed();
    if constexpr (timed) {
      if (message_ == nullptr) return Value(Timeout{});
    }
    return Value(take_value<A>(message_));
  }

 private:
  static Match match(MessageWait& wait, Envelope*& envelope) {
    auto& me = static_cast<ReceiveIf&>(wait);
    const Match result = match_as<A>(*me.process_, envelope);
    if (result != Match::yes) return result;
    const A& value = static_cast<TypedMessage<A>&>(*envelope).value;
    return me.predicate_(value) ? Match::yes : Match::no;
  }

  Predicate predicate_;
};

/// Takes whatever comes next, as it is: for servers that dispatch by themselves.
class [[nodiscard]] ReceiveAny final : public MessageWait {
 public:
  explicit ReceiveAny(Process& process) noexcept
      : MessageWait(process, [](MessageWait&, Envelope*&) { return Match::yes; }) {}
  EnvelopePtr await_resume() noexcept { return EnvelopePtr(std::exchange(message_, nullptr)); }
};

}  // namespace barrel::detail
#pragma GCC visibility pop
