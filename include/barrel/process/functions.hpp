#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "barrel/base/log.hpp"
#include "barrel/process/message.hpp"
#include "barrel/process/self.hpp"
#include "barrel/process/task.hpp"
#include "barrel/term/node_name.hpp"
#include "barrel/term/term.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

namespace detail {

/// Thrown when the arguments are not what the parameters can be read from: Erlang's function_clause.
class WrongArguments {};

/// Runs a function with the arguments of a list and gives its result as a term.
using ExposedFunction = std::function<Task<Term>(Self, Term arguments)>;

template <class T>
struct TaskValue {
  using type = T;
  static constexpr bool waits = false;
};
template <class T>
struct TaskValue<Task<T>> {
  using type = T;
  static constexpr bool waits = true;
};

template <class P>
[[nodiscard]] P read_argument(const Term& argument) {
  auto value = MessageCodec<P>::from_term(argument);
  if (!value) throw WrongArguments();
  return *std::move(value);
}

template <class... Ps, std::size_t... I>
[[nodiscard]] std::tuple<Ps...> read_arguments(std::span<const Term> arguments, std::index_sequence<I...>) {
  if (arguments.size() != sizeof...(Ps)) throw WrongArguments();
  return std::tuple<Ps...>{read_argument<Ps>(arguments[I])...};
}

/// What a function or captureless lambda is called with, and how. with_self: its first parameter is the Self
/// of the process it runs in.
template <bool with_self, class R, class... Ps>
struct Exposable {
  static constexpr std::size_t arity = sizeof...(Ps);
  using Value = typename TaskValue<R>::type;
  static constexpr bool waits = TaskValue<R>::waits;
  static_assert(!waits || (!std::is_reference_v<Ps> && ...),
                "an exposed coroutine must take its parameters by value, as a process body");

  template <class F>
  static R call(Self self, F function, std::tuple<std::remove_cvref_t<Ps>...>& values) {
    return std::apply(
        [&](auto&... each) -> R {
          if constexpr (with_self) return function(self, static_cast<Ps>(std::move(each))...);
          else return function(static_cast<Ps>(std::move(each))...);
        },
        values);
  }

  template <class F>
  static Task<Term> run(Self self, F function, Term arguments) {
    auto values =
        read_arguments<std::remove_cvref_t<Ps>...>(arguments.elements(), std::index_sequence_for<Ps...>{});
    if constexpr (waits) {
      Task<Value> task = call(self, function, values);
      if constexpr (std::is_void_v<Value>) {
        co_await std::move(task);
        co_return Atom("ok");
      } else {
        const Value value = co_await std::move(task);
        co_return MessageCodec<Value>::to_term(value);
      }
    } else if constexpr (std::is_void_v<Value>) {
      call(self, function, values);
      co_return Atom("ok");
    } else {
      const Value value = call(self, function, values);
      co_return MessageCodec<Value>::to_term(value);
    }
  }
};

template <class F>
struct ExposableOf {
  static_assert(sizeof(F) == 0,
                "only functions and lambdas without captures can be exposed: they outlive their scope");
};
template <class R, class... Ps>
struct ExposableOf<R (*)(Ps...)> : Exposable<false, R, Ps...> {};
template <class R, class... Ps>
struct ExposableOf<R (*)(Self, Ps...)> : Exposable<true, R, Ps...> {};

/// `pattern` with `*` for any text.
[[nodiscard]] bool matches_pattern(std::string_view text, std::string_view pattern) noexcept;

}  // namespace detail

/// The functions of this node that other nodes may call, by module, name and number of arguments: what
/// Erlang's rpc, erpc and spawn/4 find here. Nothing else can be called. Thread-safe.
class Functions {
 public:
  explicit Functions(NodeName self, Log log) : self_(self), log_(log) {}

  /// Offers `function`: a function or a lambda without captures, R(Args...) or Task<R>(Args...), each with a
  /// Self before the arguments if it wants the process that it runs in, a new one for each call. Arguments
  /// and result are mapped as messages are (mapping.hpp), void to ok, Result<T> to {ok, T} or {error,
  /// Reason}. Arguments that cannot be read end the call with function_clause, barrel::exit with exit, an
  /// exception with the error {exception, What}. Replaces what was offered under that name and arity.
  template <class F>
  void expose(std::string_view module, std::string_view function, F body) {
    const auto pointer = detail::body_pointer(body);
    using Kind = detail::ExposableOf<std::remove_const_t<decltype(pointer)>>;
    add(module, function, Kind::arity,
        [pointer](Self self, Term arguments) { return Kind::run(self, pointer, std::move(arguments)); });
  }
  /// Withdraws it; calls that run go on.
  void hide(std::string_view module, std::string_view function, std::size_t arity);

  /// Which nodes may call: names, or patterns with `*`. None: all nodes. For others no function exists.
  void allow_only(std::vector<std::string> patterns);
  /// Whether `caller` may call at all.
  [[nodiscard]] bool allows(NodeName caller) const;

  /// What `caller` calls by that name; null when there is nothing, or nothing for that node.
  [[nodiscard]] std::shared_ptr<const detail::ExposedFunction> find(NodeName caller, std::string_view module,
                                                                    std::string_view function,
                                                                    std::size_t arity) const;

 private:
  using Key = std::tuple<std::string, std::string, std::size_t>;

  void add(std::string_view module, std::string_view function, std::size_t arity,
           detail::ExposedFunction run);
  [[nodiscard]] bool is_allowed(NodeName caller) const;

  const NodeName self_;
  const Log log_;
  mutable std::mutex mutex_;
  std::map<Key, std::shared_ptr<const detail::ExposedFunction>> functions_;
  std::vector<std::string> allowed_;
  /// Nodes whose refusal has been logged; bounded.
  mutable std::vector<NodeName> refused_;
};

}  // namespace barrel
#pragma GCC visibility pop
