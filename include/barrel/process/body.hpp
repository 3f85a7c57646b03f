#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include "barrel/process/process_fwd.hpp"
#include "barrel/process/task.hpp"
#include "barrel/term/result.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

class Runtime;
class Self;

namespace detail {

/// An aggregate temporary that owns memory: GCC 12 destroys it twice when it stands in a co_await expression.
template <class T>
inline constexpr bool owning_temporary =
    !std::is_lvalue_reference_v<T> && std::is_aggregate_v<std::remove_cvref_t<T>> &&
    !std::is_array_v<std::remove_cvref_t<T>> && !std::is_trivially_destructible_v<std::remove_cvref_t<T>>;

/// The same for callables, of which one cannot tell whether they capture.
template <class F>
inline constexpr bool owning_callable_temporary =
    !std::is_lvalue_reference_v<F> && !std::is_trivially_destructible_v<std::remove_cvref_t<F>>;

template <class T, class... Ps>
constexpr void check_body(Task<T> (*)(Self, Ps...)) {
  static_assert(
      (!std::is_reference_v<Ps> && ...),
      "a process body must take its parameters by value: references dangle after the first co_await");
}

/// Turns what was given as a body into a function pointer, or says why it cannot be one.
template <class F>
constexpr auto body_pointer(F&& body) {
  using Body = std::remove_cvref_t<F>;
  if constexpr (std::is_pointer_v<std::decay_t<F>> || requires { +body; }) {
    return +body;
  } else {
    static_assert(
        !std::is_class_v<Body>,
        "a process body must be a function or a lambda without captures: captures die before the process "
        "does; pass them as arguments");
  }
}

/// The task of a body that has not been started, or null.
struct Root {
  std::coroutine_handle<> handle;
  PromiseBase* promise = nullptr;
};

template <class T>
[[nodiscard]] Root make_root(Task<T> task) noexcept {
  const auto handle = task.release();
  return {handle, &handle.promise()};
}

/// A slot for a new process; null when the limit on processes is hit (counted, logged).
[[nodiscard]] Process* reserve_process(Runtime& runtime);
/// Why there was none: Errc::closed when the runtime has been stopped, else Errc::limit_exceeded.
[[nodiscard]] Error why_not_started(Runtime& runtime);
/// Gives a reserved slot back.
void abandon_process(Process& process) noexcept;
/// Brings the process to life, not yet runnable. `link` links it with its parent.
void start_process(Process& process, Process* parent, Root root, bool link) noexcept;
/// Makes it runnable.
void release_process(Process& process) noexcept;

}  // namespace detail
}  // namespace barrel
#pragma GCC visibility pop
