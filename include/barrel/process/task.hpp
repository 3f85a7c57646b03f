#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

#include "barrel/base/assert.hpp"
#include "barrel/process/pool.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

template <class T = void>
class Task;

namespace detail {

// A chain of tasks that finish without waiting must not grow the stack. Symmetric transfer is a tail call;
// Clang always makes it, GCC 12 only at -O2 and without sanitizers: there a flag tells that the awaiting
// frame has not suspended yet.
#if defined(__clang__)
inline constexpr bool symmetric_transfer = true;
#else
inline constexpr bool symmetric_transfer = false;
#endif

/// What all tasks' promises share: who goes on when the task is done, and what it threw.
class PromiseBase {
 public:
  static void* operator new(std::size_t size) { return pool_allocate(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { pool_release(frame, size); }

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { exception_ = std::current_exception(); }

  struct FinalAwaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) const noexcept {
      return done.promise().finish();
    }
    void await_resume() const noexcept {}
  };
  [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }

  void rethrow_if_failed() const {
    if (exception_) std::rethrow_exception(exception_);
  }
  /// What escaped the body; null while it has not finished or when it returned.
  [[nodiscard]] const std::exception_ptr& exception() const noexcept { return exception_; }

 private:
  template <class T>
  friend class barrel::Task;

  std::coroutine_handle<> finish() noexcept {
    if (!starting_ && continuation_) return continuation_;
    starting_ = false;  // the awaiting frame is still inside await_suspend, or this is a process's body
    return std::noop_coroutine();
  }

  std::coroutine_handle<> continuation_;
  std::exception_ptr exception_;
  bool starting_ = false;
};

template <class T>
class Promise final : public PromiseBase {
 public:
  Task<T> get_return_object() noexcept;
  template <class U = T>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    rethrow_if_failed();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> final : public PromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const { rethrow_if_failed(); }
};

}  // namespace detail

/// A lazily started coroutine that gives a T: the body of a process, or a part of one that is awaited. It
/// owns its frame: destroying it destroys what runs in it, at the point where it waits. Move-only; belongs to
/// one process. Parameters are copied into the frame; take them by value.
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;
  using value_type = T;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~Task() { reset(); }

  /// Starts the task and waits for its value; what it threw is thrown here.
  auto operator co_await() && noexcept { return Awaiter(handle_); }

  /// For the scheduler: gives up the frame.
  [[nodiscard]] Handle release() noexcept { return std::exchange(handle_, {}); }

 private:
  friend promise_type;

  class Awaiter {
   public:
    explicit Awaiter(Handle handle) noexcept : handle_(handle) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    auto await_suspend(std::coroutine_handle<> awaiting) noexcept {
      detail::PromiseBase& promise = handle_.promise();
      promise.continuation_ = awaiting;
      if constexpr (detail::symmetric_transfer) {
        return std::coroutine_handle<>(handle_);
      } else {
        promise.starting_ = true;
        handle_.resume();
        const bool suspended = !handle_.done();
        promise.starting_ = false;
        return suspended;
      }
    }
    T await_resume() { return handle_.promise().take(); }

   private:
    Handle handle_;
  };

  explicit Task(Handle handle) noexcept : handle_(handle) {}
  void reset() noexcept {
    if (handle_) handle_.destroy();
  }

  Handle handle_;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() noexcept {
  return Task<T>(Task<T>::Handle::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() noexcept {
  return Task<void>(Task<void>::Handle::from_promise(*this));
}

}  // namespace barrel
#pragma GCC visibility pop
