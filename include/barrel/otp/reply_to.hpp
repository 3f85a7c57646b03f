#pragma once

#include <type_traits>
#include <utility>

#include "barrel/process/answer.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

namespace detail {
template <class Request>
struct ReplyValue {
  static_assert(
      requires { typename Request::Reply; },
      "a request in Calls must say its reply: add `using Reply = ...;` to it");
  using type = typename Request::Reply;
};
template <>
struct ReplyValue<Term> {
  using type = Term;
};
}  // namespace detail

/// Whom to answer, for a handler that does not answer at once: gen_server's From. Keep it and call reply()
/// later, in this process or in another one that it was handed to. Move-only. Dropped without a reply, as
/// also by a move into it, the caller waits until its limit, or the end of the called process.
template <class Request>
class ReplyTo {
 public:
  using Value = typename detail::ReplyValue<Request>::type;

  explicit ReplyTo(detail::Caller caller) : caller_(std::move(caller)) {}

  [[nodiscard]] const Pid& caller() const noexcept { return caller_.pid(); }
  /// Once.
  void reply(Value value) && { caller_.reply<Value>(std::move(value)); }
  void reply(Value value) & { caller_.reply<Value>(std::move(value)); }

 private:
  detail::Caller caller_;
};

}  // namespace barrel
#pragma GCC visibility pop
