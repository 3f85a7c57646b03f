#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "barrel/base/time.hpp"
#include "barrel/process/address.hpp"
#include "barrel/process/alias.hpp"
#include "barrel/process/blocking.hpp"
#include "barrel/process/body.hpp"
#include "barrel/process/call.hpp"
#include "barrel/process/events.hpp"
#include "barrel/process/exit.hpp"
#include "barrel/process/monitor.hpp"
#include "barrel/process/receive.hpp"
#include "barrel/process/remote_spawn.hpp"
#include "barrel/process/send.hpp"
#include "barrel/process/task.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

using namespace std::chrono_literals;  // so that time limits read as 5s wherever processes are written

class Node;
class Runtime;
class Self;

/// Names a timer of Self::send_after.
struct TimerRef {
  std::uint64_t id = 0;
  Instant due{};
};

namespace detail {
[[nodiscard]] Pid pid_of(const Process& process) noexcept;
[[nodiscard]] Runtime& runtime_of(const Process& process) noexcept;
[[nodiscard]] Sender sender_of(Process& process) noexcept;
[[nodiscard]] Ref make_ref(Process& process);
[[nodiscard]] Node& node_of_process(const Process& process);
[[nodiscard]] SystemTime system_now(const Process& process);
void link_process(Process& process, const Pid& other);
void unlink_process(Process& process, const Pid& other);
void set_trap_exits(Process& process, bool on);
void exit_process(Process& process, const Pid& target, Term reason);
[[nodiscard]] Result<void> register_process(Process& process, Atom name);
/// The name it has had for the longest time.
[[nodiscard]] std::optional<Atom> registered_name(const Process& process);
[[nodiscard]] bool unregister_name(Process& process, Atom name);
[[nodiscard]] std::optional<Pid> whereis(Runtime& runtime, Atom name);
[[nodiscard]] TimerRef start_timer(const Sender& sender, Duration delay, Address to,
                                   std::function<void(const Sender&, const Address&)> fire);
[[nodiscard]] bool cancel_timer(Runtime& runtime, const TimerRef& timer);
void set_monitor_node(Process& process, NodeName node, bool on);
std::vector<NodeName> set_monitor_nodes(Process& process, bool on);
[[nodiscard]] Pid group_leader(const Process& process) noexcept;
void set_group_leader(Process& process, const Pid& leader, const Pid& target);

template <class Server, class... As>
Task<Result<Pid>> start_server(Self self, bool link, As... args);  // defined in barrel/otp/gen_server.hpp

/// Waits until the channel to a node is within its budget.
class [[nodiscard]] Drained final : public Wait {
 public:
  Drained(Process& process, NodeName node);
  Drained(Process& process, NodeName node, Duration limit);
  /// Errc::timeout only with a limit.
  Result<void> await_resume() const;

 private:
  [[nodiscard]] static bool is_drained(Wait& wait);

  NodeName node_;
};
}  // namespace detail

/// What a process may do: the first parameter of every body. A cheap value; valid only inside its process, on
/// which thread that ever runs. Verbs that wait give awaitables; a process is parked, woken, and ended only
/// where it waits.
class Self {
 public:
  /// How long call waits unless told otherwise; OTP's default.
  static constexpr Duration call_limit = std::chrono::seconds(5);

  explicit Self(detail::Process& process) noexcept : process_(&process) {}

  [[nodiscard]] Pid pid() const noexcept { return detail::pid_of(*process_); }
  /// The node this runtime belongs to. Asserts that there is one.
  [[nodiscard]] Node& node() const { return detail::node_of_process(*process_); }
  [[nodiscard]] Runtime& runtime() const noexcept { return detail::runtime_of(*process_); }
  /// Wall-clock time; virtual in simulation.
  [[nodiscard]] SystemTime now() const { return detail::system_now(*process_); }
  /// A reference that no other call ever gives.
  [[nodiscard]] Ref make_ref() const { return detail::make_ref(*process_); }

  // -- messages

  /// Sends; never fails and never blocks: a message to nobody is dropped. Messages to one receiver keep their
  /// order.
  template <class M>
  void send(const Pid& to, M&& message) const {
    detail::send_to_pid(sender(), to, std::forward<M>(message));
  }
  template <class M>
  void send(const Address& to, M&& message) const {
    detail::send_to(sender(), to, std::forward<M>(message));
  }
  /// To the process that has the alias, on whatever node; dropped once the alias has ended.
  template <class M>
  void send(const Ref& alias, M&& message) const {
    detail::send_to_one(sender(), alias, std::forward<M>(message));
  }
  /// Sends only if it can be taken now. Errors: busy, the channel is full; no_connection; limit_exceeded, it
  /// is longer than that node accepts; no_process, a local receiver is dead or its mailbox is full.
  template <class M>
  [[nodiscard]] Result<void> try_send(const Address& to, M&& message) const {
    const auto target = detail::resolve(sender(), to);
    if (!target) return target.error();
    return detail::try_send_to(sender(), *target, std::forward<M>(message));
  }
  /// gen_server:cast/2: the message comes to handle_cast.
  template <class M>
  void cast(const Address& to, M&& message) const {
    detail::check_sendable<M>();
    using Kept = detail::MessageOf<M>;
    detail::send_to(sender(), to, detail::Cast<Kept>{Kept(std::forward<M>(message))});
  }

  /// gen_server:call/3: sends the request at once; co_await the result for the ReplyOf<Request>. Errors:
  /// Errc::timeout after `limit`, Errc::no_process when nobody is there, Errc::no_connection when the node
  /// was lost, Errc::limit_exceeded when the request is longer or deeper than that node accepts, Errc::exited
  /// with the exit reason when it ended before it answered, Errc::malformed when the reply has another shape.
  /// call<Reply>(...) is for requests that do not name their reply.
  template <class Reply = void, class Request>
  [[nodiscard]] auto call(const Address& to, Request&& request, Duration limit = call_limit) const {
    static_assert(
        !detail::owning_temporary<Request&&>,
        "name the message before the call: GCC 12 destroys an owning temporary in a co_await twice. Write "
        "`const Request request{...}; co_await self.call(to, request);`");
    using R = typename detail::ReplyChoice<std::decay_t<Request>, Reply>::type;
    return detail::PendingReply<R>(*process_, to, std::forward<Request>(request), limit);
  }
  /// The same, said as gen_server:send_request/2: keep it, do something else, then receive_response.
  template <class Reply = void, class Request>
  [[nodiscard]] auto send_request(const Address& to, Request&& request, Duration limit = call_limit) const {
    return call<Reply>(to, std::forward<Request>(request), limit);
  }
  template <class R>
  [[nodiscard]] detail::Response<R> receive_response(detail::PendingReply<R>& request) const noexcept {
    return detail::Response<R>(request);
  }

  /// Waits for the first message, in order of arrival, that is one of the types (the first that fits); the
  /// others stay. One type gives that type, several a variant. List Term last for "anything else". What a
  /// type's own from_term or to_term throws is thrown here, and the message is dropped (counter
  /// process.messages_failed); an Error from from_term only means that it is no such message.
  template <class... Ts>
  [[nodiscard]] auto receive() const {
    return detail::Receive<false, Ts...>(*process_);
  }
  /// The same with a time limit: always a variant, with Timeout as its last alternative. A limit of 0 only
  /// looks.
  template <class... Ts>
  [[nodiscard]] auto receive(Duration limit) const {
    return detail::Receive<true, Ts...>(*process_, limit);
  }
  /// Waits for the first A of which `predicate(a)` is true. What it throws is thrown here, and the
  /// message is dropped as in receive().
  template <class A, class Predicate>
  [[nodiscard]] auto receive_if(Predicate&& predicate) const {
    check_callable<Predicate>();
    return detail::ReceiveIf<false, A, std::decay_t<Predicate>>(*process_,
                                                                std::forward<Predicate>(predicate));
  }
  template <class A, class Predicate>
  [[nodiscard]] auto receive_if(Predicate&& predicate, Duration limit) const {
    check_callable<Predicate>();
    return detail::ReceiveIf<true, A, std::decay_t<Predicate>>(*process_, std::forward<Predicate>(predicate),
                                                               limit);
  }

  /// Sends `message` after `delay`, unless cancelled.
  template <class M>
  TimerRef send_after(Duration delay, const Address& to, M&& message) const {
    detail::check_sendable<M>();
    using Kept = detail::MessageOf<M>;
    auto kept = std::make_shared<Kept>(std::forward<M>(message));
    return detail::start_timer(sender(), delay, to,
                               [kept](const detail::Sender& from, const Address& target) {
                                 detail::send_to(from, target, std::move(*kept));
                               });
  }
  /// True: it had not fired and never will.
  bool cancel(const TimerRef& timer) const { return detail::cancel_timer(runtime(), timer); }

  // -- other processes

  /// Watches a pid, a local name, a name on another node or a via name. If nobody is there a Down with noproc
  /// comes.
  [[nodiscard]] Monitor monitor(const Address& target) const { return Monitor(*process_, target); }
  /// The same, and the monitor's reference is an alias of this process: monitor/3 with {alias, Ends}.
  [[nodiscard]] Monitor monitor(const Address& target, MonitorAlias alias) const {
    return {*process_, target, detail::end_of(alias)};
  }
  /// erlang:alias/1: a reference that others, on any node, can send messages to, until it ends.
  [[nodiscard]] Ref alias(AliasEnds ends = AliasEnds::explicit_unalias) const {
    return detail::make_alias(*process_, detail::end_of(ends));
  }
  /// erlang:unalias/1: from now on nothing comes through it. False when it is no active alias of this
  /// process.
  bool unalias(const Ref& alias) const { return detail::end_alias(*process_, alias); }
  /// When either ends abnormally the other gets its exit signal. Linking twice is linking once; a dead
  /// process answers with an exit signal noproc.
  void link(const Pid& other) const { detail::link_process(*process_, other); }
  /// After it no exit signal of that link comes.
  void unlink(const Pid& other) const { detail::unlink_process(*process_, other); }
  /// Exit signals become Exit messages, except kill.
  void trap_exits(bool on) const { detail::set_trap_exits(*process_, on); }
  /// erlang:exit/2. The reason kill() cannot be trapped. For the process itself: at its next suspension.
  void exit(const Pid& target, Term reason) const {
    detail::exit_process(*process_, target, std::move(reason));
  }
  void kill(const Pid& target) const { detail::exit_process(*process_, target, barrel::kill()); }

  /// Starts a process: a function or captureless lambda Task<>(Self, parameters...) and its arguments. When
  /// the limit on processes is hit the pid is that of a dead process.
  template <class F, class... As>
  Pid spawn(F&& body, As&&... args) const {
    return spawn_body(false, detail::body_pointer(std::forward<F>(body)), std::forward<As>(args)...);
  }
  template <class F, class... As>
  Pid spawn_link(F&& body, As&&... args) const {
    return spawn_body(true, detail::body_pointer(std::forward<F>(body)), std::forward<As>(args)...);
  }
  // -- functions of other nodes

  /// Starts a process on `node` that runs module:function(arguments...): erlang:spawn/4. A Barrel node has
  /// the functions that it exposes (Functions). co_await gives its pid. Errors: Errc::no_connection,
  /// Errc::limit_exceeded, Errc::unsupported when the node starts none, Errc::timeout after call_limit; then
  /// the process may have been started. A function that does not exist is no error: the process ends with
  /// {undef, [...]}.
  template <class... As>
  [[nodiscard]] detail::SpawnOn spawn_on(NodeName node, std::string_view module, std::string_view function,
                                         As&&... arguments) const {
    return {*process_, order<As...>(node, module, function, false, false, arguments...), call_limit};
  }
  /// spawn_link/4: linked from its first moment. After a timeout it is told to exit with `abandoned`.
  template <class... As>
  [[nodiscard]] detail::SpawnOn spawn_link_on(NodeName node, std::string_view module,
                                              std::string_view function, As&&... arguments) const {
    return {*process_, order<As...>(node, module, function, true, false, arguments...), call_limit};
  }
  /// spawn_monitor/4: co_await gives a SpawnedProcess, which holds the monitor.
  template <class... As>
  [[nodiscard]] detail::SpawnMonitorOn spawn_monitor_on(NodeName node, std::string_view module,
                                                        std::string_view function, As&&... arguments) const {
    return {*process_, order<As...>(node, module, function, false, true, arguments...), call_limit};
  }
  /// Calls module:function(arguments...) on `node` (erpc:call/5) and waits for its result as an R. Errors:
  /// Errc::not_found with {error, undef, Stack} when it has no such function; Errc::exited with
  /// {error, Reason, Stack}, {exit, Reason} or {throw, Value} when the function failed, {exit, {signal,
  /// Reason}} when its process was ended; Errc::malformed when the result is no R; Errc::no_connection;
  /// Errc::timeout, after which the function runs on; those of spawn_on.
  template <class R, class... As>
  [[nodiscard]] detail::PendingRpc<R> rpc(NodeName node, std::string_view module, std::string_view function,
                                          As&&... arguments) const {
    return {*process_, order<As...>(node, module, function, false, false, arguments...), call_limit};
  }
  template <class R, class... As>
  [[nodiscard]] detail::PendingRpc<R> rpc(NodeName node, Duration limit, std::string_view module,
                                          std::string_view function, As&&... arguments) const {
    return {*process_, order<As...>(node, module, function, false, false, arguments...), limit};
  }
  /// erpc:cast/4: calls it and hears nothing of it.
  template <class... As>
  void rpc_cast(NodeName node, std::string_view module, std::string_view function,
                const As&... arguments) const {
    detail::cast_function(*process_, {node, module, function, detail::argument_list(arguments...)});
  }

  // -- where text goes

  /// The process that prints for this one: the one of its parent, or of the node that started it by a call.
  [[nodiscard]] Pid group_leader() const noexcept { return detail::group_leader(*process_); }
  /// erlang:group_leader/2, for a process of any node; for the calling one at once.
  void set_group_leader(const Pid& leader, const Pid& target) const {
    detail::set_group_leader(*process_, leader, target);
  }
  /// Prints UTF-8 text through the group leader, wherever that is (io:put_chars/1), and waits until it is
  /// done. Errors: Errc::no_process and no_connection when there is no group leader, Errc::rejected when it
  /// cannot.
  [[nodiscard]] Task<Result<void>> print(std::string text) const;

  /// Starts a GenServer or Supervisor, linked, and waits for its constructor. Needs <barrel/otp/...>.
  template <class Server, class... As>
  [[nodiscard]] Task<Result<Pid>> start_link(As&&... args) const {
    static_assert(
        (!detail::owning_temporary<As&&> && ...),
        "name the argument before start_link: GCC 12 destroys an owning temporary in a co_await twice");
    return detail::start_server<Server>(*this, true, std::decay_t<As>(std::forward<As>(args))...);
  }

  /// Errc::already_registered when another process holds the name. Ends with the process.
  [[nodiscard]] Result<void> register_name(Atom name) const {
    return detail::register_process(*process_, name);
  }
  /// False when this process does not hold the name.
  bool unregister_name(Atom name) const { return detail::unregister_name(*process_, name); }
  /// Who registered the name on this node, else who holds a service of that name here.
  [[nodiscard]] std::optional<Pid> whereis(Atom name) const { return detail::whereis(runtime(), name); }

  // -- nodes and threads

  /// From now on a NodeUp or NodeDown comes when `node` is connected or lost; connects it. When it cannot be
  /// reached a NodeDown comes.
  void monitor_node(NodeName node, bool on = true) const { detail::set_monitor_node(*process_, node, on); }
  /// net_kernel:monitor_nodes/1: from now on a NodeUp or NodeDown comes for every visible node that is
  /// connected or lost. Gives those that are connected now.
  std::vector<NodeName> monitor_nodes(bool on = true) const {
    return detail::set_monitor_nodes(*process_, on);
  }
  /// Waits until the channel to `node` is within its budget; at once when it is, or when there is none.
  [[nodiscard]] detail::Drained drained(NodeName node) const { return detail::Drained(*process_, node); }
  /// Runs `work` on the pool for blocking work and waits for what it returns or throws. It must not touch
  /// this process's state; it is finished even when the process ends first.
  template <class F>
  [[nodiscard]] auto blocking(F&& work) const {
    check_callable<F>();
    return detail::Blocking<std::decay_t<F>>(*process_, std::forward<F>(work));
  }
  /// Waits for that long; messages stay in the mailbox (timer:sleep/1).
  [[nodiscard]] detail::Sleep sleep(Duration time) const { return {*process_, time}; }
  /// Lets others run; for long computations.
  [[nodiscard]] detail::Yield yield() const { return detail::Yield(*process_); }

  /// For the layers above.
  [[nodiscard]] detail::Process& process() const noexcept { return *process_; }

 private:
  [[nodiscard]] detail::Sender sender() const noexcept { return detail::sender_of(*process_); }

  template <class F>
  static constexpr void check_callable() {
    static_assert(!detail::owning_callable_temporary<F&&>,
                  "name the callable first: GCC 12 destroys a capturing lambda in a co_await twice. Write "
                  "`auto work = [...] {...}; co_await self.blocking(work);`");
  }

  template <class... As>
  [[nodiscard]] static detail::SpawnOrder order(NodeName node, std::string_view module,
                                                std::string_view function, bool link, bool monitor,
                                                const std::remove_reference_t<As>&... arguments) {
    static_assert(
        (!detail::owning_temporary<As> && ...),
        "name the argument before the call: GCC 12 destroys an owning temporary in a co_await twice");
    return {node, module, function, detail::argument_list(arguments...), link, monitor};
  }

  template <class T, class... Ps, class... As>
  Pid spawn_body(bool link, Task<T> (*body)(Self, Ps...), As&&... args) const;

  detail::Process* process_;
};

namespace detail {
/// The pid of this node that no process has: whom exit signals from plain threads, and of stop(), are from.
[[nodiscard]] Pid nobody_of(Runtime& runtime) noexcept;

/// nobody_of; an exit signal noproc for `linked`, unless null.
[[nodiscard]] Pid refused_process(Runtime& runtime, Process* linked);

/// A process that lives, and has a mailbox, but runs only from the end of this object on: what is sent to it
/// meanwhile cannot come too late.
class HeldProcess {
 public:
  HeldProcess() noexcept = default;
  explicit HeldProcess(Process& process) noexcept : process_(&process), pid_(pid_of(process)) {}
  HeldProcess(HeldProcess&& other) noexcept
      : process_(std::exchange(other.process_, nullptr)), pid_(other.pid_) {}
  HeldProcess& operator=(HeldProcess&&) = delete;
  ~HeldProcess() { release(); }

  /// False when the limit on processes was hit.
  [[nodiscard]] explicit operator bool() const noexcept { return process_ != nullptr; }
  [[nodiscard]] const Pid& pid() const noexcept { return pid_; }
  /// Only when there is one, and before release().
  [[nodiscard]] Process& process() const noexcept { return *process_; }
  void release() noexcept {
    if (process_ != nullptr) release_process(*std::exchange(process_, nullptr));
  }

 private:
  Process* process_ = nullptr;
  Pid pid_{};
};

/// Starts `body` as a process that does not run yet.
template <class T, class... Ps, class... As>
[[nodiscard]] HeldProcess hold_process(Runtime& runtime, Process* parent, bool link,
                                       Task<T> (*body)(Self, Ps...), As&&... args) {
  check_body(body);
  static_assert(sizeof...(Ps) == sizeof...(As),
                "the arguments do not match the body's parameters after Self");
  Process* process = reserve_process(runtime);
  if (process == nullptr) return HeldProcess();
  try {
    start_process(*process, parent, make_root(body(Self(*process), std::forward<As>(args)...)), link);
  } catch (...) {
    abandon_process(*process);
    throw;
  }
  return HeldProcess(*process);
}

/// Makes it a part of the node: registers it, ends it after all others, and takes its end for no failure.
void make_system_process(const HeldProcess& held, Atom name);

/// Starts `body` as a process; a dead pid when the limit is hit.
template <class T, class... Ps, class... As>
Pid spawn_process(Runtime& runtime, Process* parent, bool link, Task<T> (*body)(Self, Ps...), As&&... args) {
  const HeldProcess held = hold_process(runtime, parent, link, body, std::forward<As>(args)...);
  return held ? held.pid() : refused_process(runtime, link ? parent : nullptr);
}
}  // namespace detail

template <class T, class... Ps, class... As>
Pid Self::spawn_body(bool link, Task<T> (*body)(Self, Ps...), As&&... args) const {
  return detail::spawn_process(runtime(), process_, link, body, std::forward<As>(args)...);
}

}  // namespace barrel
#pragma GCC visibility pop
