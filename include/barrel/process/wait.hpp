#pragma once

#include <algorithm>
#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "barrel/base/time.hpp"
#include "barrel/process/message.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel::detail {

/// What a process waits for: the base of every awaiter of Self. It lives in the waiting frame; the scheduler
/// polls it between steps, when the mailbox has changed or the deadline has passed, and goes on with the
/// frame when it is ready.
class Wait {
 public:
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  [[nodiscard]] bool await_ready();
  void await_suspend(std::coroutine_handle<> waiting);

 protected:
  using Poll = bool (*)(Wait& wait);

  /// `poll` tells, between steps, whether the frame may go on.
  Wait(Process& process, Poll poll) noexcept : process_(&process), poll_(poll) {}
  /// Gives up at `limit` from the suspension on; at once when it is negative.
  Wait(Process& process, Poll poll, Duration limit) noexcept
      : process_(&process), poll_(poll), limit_(std::max(limit, Duration::zero())) {}
  ~Wait() = default;

  /// Sets the deadline by now, instead of by the moment of suspension.
  void start_clock();
  [[nodiscard]] Instant deadline() const noexcept { return Instant(limit_); }

  Process* process_;
  Poll poll_;
  /// None when negative; once deadline_set_ the time since the clock's origin.
  Duration limit_{-1};
  bool deadline_set_ = false;
  bool timed_out_ = false;
  /// Its deadline counts also while the process is parked before a full channel.
  bool ends_parking_ = false;
  /// For the derived class: which alternative matched, and whether what was waited for has come.
  bool done_ = false;
  std::uint8_t index_ = 0;

 private:
  friend struct Process;
};

/// What a message is to a waiting receive.
enum class Match : std::uint8_t {
  no,    ///< Stays in the queue.
  yes,   ///< Leaves it.
  drop,  ///< Is malformed: it is thrown away.
};

/// Waits for a message that matcher_ takes. What that throws (it may run a type's own conversion, or a
/// predicate) is thrown where the process waits, also when the scheduler called it; the message has left the
/// queue by then, so that a process that catches it and waits again does not meet it again.
class MessageWait : public Wait {
 protected:
  /// May replace the envelope by one of the wanted type.
  using Matcher = Match (*)(MessageWait& wait, Envelope*& envelope);

  MessageWait(Process& process, Matcher matcher) noexcept
      : Wait(process, &poll_messages), matcher_(matcher) {}
  MessageWait(Process& process, Matcher matcher, Duration limit) noexcept
      : Wait(process, &poll_messages, limit), matcher_(matcher) {}
  ~MessageWait();

  static bool poll_messages(Wait& wait);
  /// To be called first when the wait is over.
  void rethrow_if_failed() const {
    if (exception_) std::rethrow_exception(exception_);
  }

  Matcher matcher_;
  Envelope* message_ = nullptr;

 private:
  std::exception_ptr exception_;

  friend struct Process;
};

/// Gives up the rest of this turn.
class Yield : public Wait {
 public:
  explicit Yield(Process& process) noexcept : Wait(process, [](Wait&) { return true; }) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting);
  void await_resume() const noexcept {}
};

/// Waits for time to pass.
class [[nodiscard]] Sleep final : public Wait {
 public:
  Sleep(Process& process, Duration time) noexcept : Wait(process, [](Wait&) { return false; }, time) {}
  void await_resume() const noexcept {}
};

}  // namespace barrel::detail
#pragma GCC visibility pop
