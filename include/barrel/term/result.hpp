#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "barrel/base/assert.hpp"
#include "barrel/base/errc.hpp"
#include "barrel/term/term.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// Why an operation failed: a code to switch over, and a term that says what exactly was wrong.
struct Error {
  Errc code;
  Term reason;

  Error(Errc error_code, Term error_reason) : code(error_code), reason(std::move(error_reason)) {}
  /// The reason is the code's name as an atom.
  explicit Error(Errc error_code) : code(error_code), reason(Atom(to_string(error_code))) {}

  /// "code: reason" for logs and people; a binary reason is printed as its text.
  [[nodiscard]] std::string message() const;
  friend bool operator==(const Error&, const Error&) = default;
};

/// A value or an Error. Implicit from both, so `return Error{...}` and `return value` work.
template <class T = void>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result()
    requires(std::is_void_v<T> || std::is_default_constructible_v<T>)
  = default;
  Result(Error error) : outcome_(std::unexpect, std::move(error)) {}
  template <class U = T>
    requires(!std::is_void_v<T> && std::is_convertible_v<U &&, T> &&
             !std::is_same_v<std::decay_t<U>, Result> && !std::is_same_v<std::decay_t<U>, Error>)
  Result(U&& value) : outcome_(std::in_place, std::forward<U>(value)) {}

  [[nodiscard]] bool has_value() const noexcept { return outcome_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }

  /// Asserts has_value().
  template <class Self = T>
    requires(!std::is_void_v<Self>)
  [[nodiscard]] Self& operator*() & {
    return checked(*this);
  }
  template <class Self = T>
    requires(!std::is_void_v<Self>)
  [[nodiscard]] const Self& operator*() const& {
    return checked(*this);
  }
  template <class Self = T>
    requires(!std::is_void_v<Self>)
  [[nodiscard]] Self&& operator*() && {
    return std::move(checked(*this));
  }
  template <class Self = T>
    requires(!std::is_void_v<Self>)
  [[nodiscard]] Self* operator->() {
    return &checked(*this);
  }
  template <class Self = T>
    requires(!std::is_void_v<Self>)
  [[nodiscard]] const Self* operator->() const {
    return &checked(*this);
  }

  /// Asserts that there is an error.
  [[nodiscard]] const Error& error() const& {
    BARREL_ASSERT(!has_value());
    return outcome_.error();
  }
  [[nodiscard]] Error&& error() && {
    BARREL_ASSERT(!has_value());
    return std::move(outcome_.error());
  }

  template <class U>
    requires(!std::is_void_v<T>)
  [[nodiscard]] T value_or(U&& fallback) const& {
    return has_value() ? *outcome_ : static_cast<T>(std::forward<U>(fallback));
  }

  /// f(value) -> Result<U>; an error passes through.
  template <class F>
  auto and_then(F&& f) && {
    if constexpr (std::is_void_v<T>) {
      using R = std::invoke_result_t<F>;
      return has_value() ? std::forward<F>(f)() : R(std::move(outcome_.error()));
    } else {
      using R = std::invoke_result_t<F, T&&>;
      return has_value() ? std::forward<F>(f)(std::move(*outcome_)) : R(std::move(outcome_.error()));
    }
  }
  /// f(value) -> U; an error passes through.
  template <class F>
  auto transform(F&& f) && {
    if constexpr (std::is_void_v<T>) {
      using R = Result<std::invoke_result_t<F>>;
      return has_value() ? R(std::forward<F>(f)()) : R(std::move(outcome_.error()));
    } else {
      using U = std::invoke_result_t<F, T&&>;
      if constexpr (std::is_void_v<U>) {
        if (!has_value()) return Result<void>(std::move(outcome_.error()));
        std::forward<F>(f)(std::move(*outcome_));
        return Result<void>();
      } else {
        return has_value() ? Result<U>(std::forward<F>(f)(std::move(*outcome_)))
                           : Result<U>(std::move(outcome_.error()));
      }
    }
  }
  /// f(error) -> Result<T>; a value passes through.
  template <class F>
  Result or_else(F&& f) && {
    return has_value() ? std::move(*this) : std::forward<F>(f)(std::move(outcome_.error()));
  }

  friend bool operator==(const Result&, const Result&) = default;

 private:
  template <class Me>
  static auto& checked(Me& me) {
    BARREL_ASSERT(me.has_value());
    return *me.outcome_;
  }

  std::expected<T, Error> outcome_;
};

}  // namespace barrel
#pragma GCC visibility pop
