#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "barrel/base/log.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/base/time.hpp"
#include "barrel/process/address.hpp"
#include "barrel/process/events.hpp"
#include "barrel/process/remote_router.hpp"
#include "barrel/process/self.hpp"
#include "barrel/term/shared_bytes.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

class Functions;
class Node;

namespace detail {
class [[gnu::visibility("hidden")]] RuntimeImpl;
}

/// How a Runtime is built. Plain values; checked once.
struct RuntimeConfig {
  /// No thread: the owner steps the runtime (run_until_idle), one process at a time, in an order that only
  /// depends on what it does.
  static constexpr unsigned deterministic = ~0U;

  /// The name in its pids, and the incarnation: another number after every restart, at least 4.
  NodeName node{};
  std::uint32_t creation = 4;
  /// Scheduler threads; 0: one per core; or `deterministic`.
  unsigned schedulers = 0;
  /// Processes that live at once. Erlang's default since OTP 27.
  std::uint32_t processes_max = 1'048'576;
  /// Messages that wait for one process. Over it the process ends with {limit_exceeded,
  /// mailbox_messages_max}, and what comes before it can run is dropped. A guess: far above a healthy
  /// mailbox, about 100 MB of small messages.
  std::uint32_t mailbox_messages_max = mailbox_messages_limit;
  /// The largest mailbox_messages_max.
  static constexpr std::uint32_t mailbox_messages_limit = 1'048'575;
  /// Monitors on one process from one other node, and links of one process with it; of all processes together
  /// 16 times as many. What that node asks for beyond is answered at once, as if the process had ended, with
  /// the reason system_limit. A guess: several for each process of a large node that uses one server.
  std::uint32_t remote_relations_max = 65'536;
  /// Processes that one other node has started here and that run. More are refused with system_limit. A
  /// guess: as many calls as a busy front end has open at once.
  std::uint32_t remote_spawns_max = 10'000;
  /// Threads for Self::blocking, started on demand. A guess; they mostly wait for disks and resolvers.
  unsigned blocking_threads_max = 16;
  /// Jobs that wait for a blocking thread; over it a job's process ends with {limit_exceeded,
  /// blocking_jobs_max}.
  std::uint32_t blocking_jobs_max = 10'000;
  /// How long an idle scheduler thread looks for work before it sleeps. A sleep and wake-up costs about 60 us
  /// on the machines measured; longer spinning buys latency with processor time.
  Duration spin = std::chrono::microseconds(20);
  /// A step that runs longer without waiting is counted (process.long_steps) and logged.
  Duration long_step = std::chrono::milliseconds(100);
};

/// Numbers for people and tests.
struct RuntimeStats {
  std::size_t processes = 0;
  std::size_t timers = 0;
  /// In all mailboxes together, and in the fullest.
  std::size_t messages_waiting = 0;
  std::size_t mailbox_longest = 0;
};

/// The processes of one node: table, schedulers, local names, timers. Thread-safe unless said otherwise.
/// Processes hold nothing of it alive: destroy it last, after stop().
class Runtime {
 public:
  /// `clock`, `log` and `metrics` outlive the runtime.
  Runtime(const RuntimeConfig& config, const Clock& clock, Log log, Metrics& metrics);
  /// Stops what still runs, without a deadline.
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  [[nodiscard]] NodeName node_name() const noexcept;
  [[nodiscard]] std::uint32_t creation() const noexcept;
  [[nodiscard]] const Clock& clock() const noexcept;
  [[nodiscard]] const Log& log() const noexcept;
  [[nodiscard]] Metrics& metrics() noexcept;
  [[nodiscard]] RuntimeStats stats() const;

  // -- what the node plugs in, before the first process is spawned; all outlive the processes

  /// What Self::node gives.
  void set_node(Node& node) noexcept;
  void set_router(RemoteRouter& router) noexcept;
  void set_resolver(const NameResolver& resolver) noexcept;

  /// Whom root processes print to: a process of this node. Those that they start print there, too.
  void set_group_leader(const Pid& leader) noexcept;

  /// What other nodes may call here. Needs <barrel/process/functions.hpp>.
  [[nodiscard]] Functions& functions() noexcept;

  // -- from plain threads

  /// As Self::spawn. The process is a root: stop() asks it first.
  template <class F, class... As>
  Pid spawn(F&& body, As&&... args) {
    return detail::spawn_process(*this, nullptr, false, detail::body_pointer(std::forward<F>(body)),
                                 std::forward<As>(args)...);
  }
  /// Sends. To another node whose channel is full: blocks until it has drained, at most `limit`, then
  /// Errc::timeout; on a scheduler thread, and in a deterministic runtime, Errc::busy at once. Dropped
  /// messages to local processes are no error, as in Erlang.
  template <class M>
  Result<void> send(const Address& to, M&& message, Duration limit = Self::call_limit) {
    const auto target = detail::resolve(sender(), to);
    if (!target) return target.error();
    for (std::optional<Instant> begin;;) {
      auto sent = detail::try_send_to(sender(), *target, message);
      if (sent || sent.error().code == Errc::no_process) return {};
      if (sent.error().code != Errc::busy) return sent;
      const Instant now = clock().now();
      const Duration left = std::max(limit - (now - begin.value_or(now)), Duration::zero());
      begin = begin.value_or(now);
      if (auto waited = wait_drained(node_of(*target), left); !waited) return waited;
    }
  }
  template <class M>
  void cast(const Address& to, M&& message) {
    using Kept = detail::MessageOf<M>;
    detail::send_to(sender(), to, detail::Cast<Kept>{Kept(std::forward<M>(message))});
  }
  /// gen_server:call from a plain thread, which it blocks; errors as Self::call, and Errc::wrong_thread at
  /// once on a scheduler thread.
  template <class Reply = void, class Request>
  [[nodiscard]] auto call(const Address& to, Request request, Duration limit = Self::call_limit) {
    using R = typename detail::ReplyChoice<Request, Reply>::type;
    return run(&call_body<R, Request>, to, std::move(request), limit);
  }
  /// Spawns the body and blocks until it has returned: Result<T> of its T (or its Result itself), or
  /// Errc::exited with the reason it ended with. Errc::wrong_thread on a scheduler thread, Errc::closed after
  /// stop(), Errc::limit_exceeded when as many processes run as may. In a deterministic
  /// runtime it steps the processes on this thread; Errc::timeout when they wait for time to pass, which only
  /// the owner of the clock can do.
  template <class F, class... As>
  [[nodiscard]] auto run(F&& body, As&&... args) {
    return run_body(detail::body_pointer(std::forward<F>(body)), std::forward<As>(args)...);
  }
  /// Starts a GenServer that is linked to nobody and waits for its constructor (gen_server:start/3). A root,
  /// as with spawn, and it ends with exit() and stop() as with its parent's end, even when it traps exits;
  /// errors as Self::start_link. Needs <barrel/otp/...>.
  template <class Server, class... As>
  [[nodiscard]] Result<Pid> start_server(As&&... args) {
    return run(&detail::start_server<Server, std::decay_t<As>...>, false, std::forward<As>(args)...);
  }
  /// erlang:exit/2, from nobody in particular.
  void exit(const Pid& target, Term reason);
  /// As Self::whereis.
  [[nodiscard]] std::optional<Pid> whereis(Atom name) const;
  [[nodiscard]] bool is_alive(const Pid& pid) const noexcept;

  /// Asks the root processes to exit with shutdown, waits for them and for those that their ends reach by
  /// links, as a supervisor and its children, kills what is left then or after four fifths of the limit, and
  /// joins the threads. A process that does not even end then is abandoned with its thread and memory and
  /// named in the error (Errc::timeout, reason: list of pids). So is a blocking job that still runs, whose
  /// process has ended: the list may be empty.
  Result<void> stop(Duration limit);

  // -- a deterministic runtime is stepped by its owner, on one thread

  /// Fires the timers that are due and runs processes until all wait; false if none ran.
  bool run_until_idle();
  /// When the next timer is due.
  [[nodiscard]] std::optional<Instant> next_timer() const;

  // -- what the node calls when something arrives; any thread but a scheduler's own

  /// A message from another node: `payload` with its leading 131; small ones are copied, large ones shared.
  /// Decoded when the receiver looks at it. To nobody, or to an alias that is no longer active: dropped.
  void deliver_encoded(const RemoteTarget& to, const SharedBytes& payload,
                       const std::shared_ptr<const DecodeContext>& context);
  /// From now on processes that wake because of what this thread does run after release_wakeups() only, so
  /// that a sleeping scheduler is woken once for many messages; `on` false: no longer. For a thread that
  /// takes turns and releases at the end of each.
  void hold_wakeups(bool on);
  void release_wakeups();
  /// A signal from another node. Answers through the router what Erlang answers for the dead: exit or down
  /// with noproc, unlink_ack always.
  void deliver_signal(const RemoteSignal& signal);
  /// The same, with its reason as it came, with the leading 131: the receiver decodes it. Until it has taken
  /// the signal, that counts as unread, whether it has a reason or not.
  void deliver_signal(const RemoteSignal& signal, const SharedBytes& reason,
                      const std::shared_ptr<const DecodeContext>& context);
  /// A connection is up: those who watch the node hear it, and those who watch all if it is `visible`.
  void node_up(NodeName node, bool visible = true);
  /// Another node asks for a process that runs a function (SPAWN_REQUEST): it is started and told to the node
  /// before it runs, or the node is told why not. `arguments` with their leading 131, decoded by the process.
  /// A function that does not exist is started, too, and ends with undef, as in Erlang.
  void deliver_spawn(const Pid& from, const Ref& id, const RemoteSpawn& what, const SharedBytes& arguments,
                     const std::shared_ptr<const DecodeContext>& context);
  /// The connection is lost, or a dial failed for good: every link, monitor and pending call towards the node
  /// ends with `reason` (noconnection) once, what its processes monitored here is forgotten, and those who
  /// watch hear it.
  void node_down(NodeName node, const Term& reason);
  /// Whether any process has a link, a monitor either way or a pending call towards the node, or watches it.
  [[nodiscard]] bool is_related_to(NodeName node) const;
  /// The answer to RemoteRouter::when_drained.
  void drained(const Pid& waiter, NodeName node);

  /// For src/process.
  [[nodiscard]] detail::RuntimeImpl& impl() noexcept { return *impl_; }

 private:
  /// The result of a run(); its T is always a Result.
  template <class T>
  class Outcome;
  template <class T>
  class Completer;
  template <class T>
  using Flat = typename detail::FlatResult<T>::type;

  [[nodiscard]] detail::Sender sender() noexcept { return {this, nullptr}; }
  Result<void> wait_drained(NodeName node, Duration limit);
  /// Tells those who watch all nodes.
  void tell_watchers(NodeName node, bool is_up);
  /// An error when this thread must not block.
  [[nodiscard]] Result<void> may_block() const;
  /// Steps a deterministic runtime until `done` or idle.
  void step_until(const std::function<bool()>& done);
  [[nodiscard]] bool is_deterministic() const noexcept;

  template <class R, class Request>
  static Task<Flat<R>> call_body(Self self, Address to, Request request, Duration limit) {
    co_return co_await self.call<R>(to, request, limit);
  }
  template <class T, class... Ps>
  static Task<> completing_body(Self self, Completer<Flat<T>> completer, Task<T> (*body)(Self, Ps...),
                                Ps... args);
  template <class T, class... Ps, class... As>
  [[nodiscard]] Flat<T> run_body(Task<T> (*body)(Self, Ps...), As&&... args);

  std::unique_ptr<detail::RuntimeImpl> impl_;
};

namespace detail {
/// Whether the process may be on its way out for an abnormal reason: it was ended by one, or an exception
/// unwinds its frames, which it may still catch. For destructors that run in it.
[[nodiscard]] bool may_be_crashing(const Process& process) noexcept;
}  // namespace detail

/// Where run() waits for a body's value.
template <class T>
class Runtime::Outcome {
 public:
  void set(T result) {
    {
      const std::scoped_lock lock(mutex_);
      if (result_) return;
      result_.emplace(std::move(result));
    }
    ready_.notify_all();
  }
  /// Before the process runs.
  void set_process(const detail::Process& process) noexcept { process_ = &process; }
  /// In the process, when it ends.
  void set_exited() {
    if (process_ != nullptr) set(Error(Errc::exited, detail::exit_reason(*process_)));
  }
  [[nodiscard]] bool is_set() {
    const std::scoped_lock lock(mutex_);
    return result_.has_value();
  }
  [[nodiscard]] T wait() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return result_.has_value(); });
    return std::move(*result_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::optional<T> result_;
  const detail::Process* process_ = nullptr;
};

/// Completes the outcome, at the latest when the frame goes that it is a parameter of: also when the process
/// was ended before its first step.
template <class T>
class Runtime::Completer {
 public:
  explicit Completer(std::shared_ptr<Outcome<T>> outcome) noexcept : outcome_(std::move(outcome)) {}
  Completer(Completer&& other) noexcept = default;
  Completer& operator=(Completer&&) = delete;
  ~Completer() {
    if (outcome_ != nullptr) outcome_->set_exited();
  }
  void set(T result) const { outcome_->set(std::move(result)); }

 private:
  std::shared_ptr<Outcome<T>> outcome_;
};

template <class T, class... Ps>
Task<> Runtime::completing_body(Self self, Completer<Flat<T>> completer, Task<T> (*body)(Self, Ps...),
                                Ps... args) {
  try {
    Task<T> task = body(self, std::move(args)...);
    if constexpr (std::is_void_v<T>) {
      co_await std::move(task);
      completer.set(Result<void>());
    } else {
      completer.set(Flat<T>(co_await std::move(task)));
    }
  } catch (...) {
    bool is_crash = false;
    completer.set(Error(Errc::exited, detail::exit_reason_of(std::current_exception(), is_crash)));
    throw;
  }
}

template <class T, class... Ps, class... As>
Runtime::Flat<T> Runtime::run_body(Task<T> (*body)(Self, Ps...), As&&... args) {
  detail::check_body(body);
  if (auto allowed = may_block(); !allowed) return std::move(allowed).error();
  auto outcome = std::make_shared<Outcome<Flat<T>>>();
  {
    const detail::HeldProcess held =
        detail::hold_process(*this, nullptr, false, &completing_body<T, Ps...>, Completer<Flat<T>>(outcome),
                             body, std::forward<As>(args)...);
    if (!held) return detail::why_not_started(*this);
    outcome->set_process(held.process());
  }
  if (is_deterministic()) {
    step_until([&outcome] { return outcome->is_set(); });
    if (!outcome->is_set()) return Error(Errc::timeout);
  }
  return outcome->wait();
}

}  // namespace barrel
#pragma GCC visibility pop
