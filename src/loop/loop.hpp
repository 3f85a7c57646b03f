#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "barrel/base/socket_address.hpp"
#include "barrel/base/time.hpp"
#include "barrel/term/result.hpp"
#include "loop/tcp_socket.hpp"
#include "loop/udp_socket.hpp"

namespace barrel::loop {

using Task = std::move_only_function<void()>;

/// Names a pending timer of one loop. A default TimerId names none.
struct TimerId {
  Instant when{};
  std::uint64_t sequence = 0;
  friend auto operator<=>(const TimerId&, const TimerId&) = default;
};

/// The one place with sockets, timers and clocks: one thread that waits for them and runs what they cause.
///
/// A turn runs the posted tasks, the timers that are due and the sockets that are ready, then the turn hook,
/// then sleeps (after spinning for a moment) until there is a reason for the next one. now() stands still
/// within a turn. Timers, sockets and offload() belong to the loop thread (before run(), to the thread that
/// will call it); post(), wake(), stop(), now() and system_now() are for any thread. The simulated loop
/// implements the same interface.
class Loop : public Clock {
 public:
  /// Runs `task` on the loop thread in a later turn, in the order of posting. Any thread. A sleeping loop is
  /// woken, which costs a system call, once per sleep however many tasks are posted.
  virtual void post(Task task) = 0;

  /// Makes a turn happen soon, without a task: for producers that leave their work where the turn hook finds
  /// it. Any thread; costs one atomic exchange unless the loop sleeps.
  virtual void wake() = 0;

  /// Runs `task` once in the first turn at or after `when`; timers that are due together run in the order of
  /// `when`, then of their making.
  [[nodiscard]] virtual TimerId add_timer(Instant when, Task task) = 0;
  /// Does nothing when the timer has run or was cancelled.
  virtual void cancel(const TimerId& timer) = 0;

  /// Runs `hook` at the end of every turn, before the loop sleeps: the place to drain queues that other
  /// threads filled and to write what is ready to be sent. Replaces the previous hook; empty removes it.
  virtual void set_turn_hook(Task hook) = 0;

  /// A bound UDP socket whose events run on the loop thread; `events` must outlive it. Errors: Errc::io.
  [[nodiscard]] virtual Result<std::unique_ptr<UdpSocket>> open_udp(const UdpOptions& options,
                                                                    UdpEvents& events) = 0;

  /// A listening TCP socket whose connections are given to `events`, which must outlive it. Errors: Errc::io.
  [[nodiscard]] virtual Result<std::unique_ptr<TcpListener>> listen_tcp(const TcpListenerOptions& options,
                                                                        TcpListenerEvents& events) = 0;
  /// What TCP connections are dialed with; belongs to the loop.
  [[nodiscard]] virtual StreamDialer& tcp_dialer() = 0;

  /// Runs `work` where it may block (files, DNS), then `done` on the loop thread. False, and neither runs,
  /// when the bounded queue is full. Tasks still waiting when the loop is destroyed are dropped.
  [[nodiscard]] virtual bool offload(Task work, Task done) = 0;

  using Resolved = std::move_only_function<void(Result<std::vector<SocketAddress>>)>;
  /// The addresses of a host name (or IP literal) with that port, in the system's order of preference. `done`
  /// runs in a later turn. Errors: not_found, busy (too many lookups wait), io.
  virtual void resolve(std::string host, std::uint16_t port, Resolved done) = 0;

  /// Takes turns on this thread until stop(). Can be called again afterwards.
  virtual void run() = 0;
  /// run() returns after the turn in which it sees this. Any thread, also before run().
  virtual void stop() = 0;
};

/// A timer that can be armed again and again and is cancelled with its owner. Loop thread only. Must not
/// outlive the loop. The task may arm or cancel the timer, but not destroy it.
class Timer {
 public:
  Timer(Loop& loop, Task task) : loop_(&loop), task_(std::move(task)) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { cancel(); }

  /// Replaces an earlier deadline.
  void arm(Instant when) {
    if (armed_ && id_.when == when) return;
    cancel();
    id_ = loop_->add_timer(when, [this] {
      armed_ = false;
      task_();
    });
    armed_ = true;
  }
  void arm_after(Duration delay) { arm(loop_->now() + delay); }
  void cancel() {
    if (armed_) loop_->cancel(id_);
    armed_ = false;
  }
  [[nodiscard]] bool armed() const { return armed_; }

 private:
  Loop* loop_;
  Task task_;
  TimerId id_;
  bool armed_ = false;
};

}  // namespace barrel::loop
