#pragma once

#include <exception>
#include <optional>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "barrel/otp/server_loop.hpp"
#include "barrel/process/self.hpp"

#pragma GCC visibility push(default)  // exported by the shared library

// clang-format off: it would fill the lines of the list

/// A server is any class with
///
///   using Calls = Messages<...>;  using Casts = Messages<...>;  using Infos = Messages<...>;
///   Server(Self self, ...)                     init/1: barrel::exit(reason) makes start_link return it
///   Task<> init()                              optional: the part of init that has to wait
///   Reply handle_call(const Request&)          or Task<Reply>,
///                                              or void handle_call(const Request&, ReplyTo<Request>)
///   void handle_cast(const Message&)           or Task<>
///   void handle_info(const Message&)           or Task<>
///   void terminate(const Term& reason)         optional; or Task<>
///   Term state() const                         optional: what sys:get_state/1 tells
///
/// which self.start_link<Server>(args...) runs as a process, linked to its starter. It handles one message at
/// a time; a handler that is a coroutine holds the others back while it waits. Term, last in a list, takes
/// what nothing else took. Without it an unknown cast or info is logged and counted (otp.unknown_messages),
/// and an unknown call ends the server with {unknown_call, Request}. A class member of the process is
/// destroyed with it, in the process.
///
/// terminate runs before the destructor on every way out but kill: barrel::exit or an exception in a handler,
/// the end of the parent, an exit signal. `Task<> terminate(const Term&)` may wait, but does not run when an
/// exit signal ends a server that does not trap exits.
///
/// Suspended by Erlang's sys module, it handles nothing until it is resumed; see sys.hpp.
// clang-format on
namespace barrel::detail {

void report_terminate_failed(Self self, const std::exception_ptr& exception);
/// Logs the end of a server, which is a `type`, for an abnormal reason.
void report_server_crash(Self self, const std::type_info& type, const Term& reason);
[[nodiscard]] Term reason_of(const std::exception_ptr& exception);

template <class S>
inline constexpr bool has_terminate = requires(S& s, const Term& reason) { s.terminate(reason); };
template <class S>
inline constexpr bool has_waiting_terminate = requires(S& s, const Term& reason) {
  { s.terminate(reason) } -> std::same_as<Task<>>;
};

/// Calls terminate when the process's frames are unwound by an exit signal.
template <class S>
class Terminator {
 public:
  Terminator(Self self, S& server) : self_(self), server_(server) {}
  Terminator(const Terminator&) = delete;
  Terminator& operator=(const Terminator&) = delete;
  ~Terminator() {
    if constexpr (has_terminate<S> && !has_waiting_terminate<S>) {
      if (done_) return;
      const Term reason = exit_reason(self_.process());
      if (reason.is_atom("killed")) return;
      try {
        server_.terminate(reason);
      } catch (...) {
        report_terminate_failed(self_, std::current_exception());
      }
    }
  }
  void disarm() noexcept { done_ = true; }

 private:
  Self self_;
  S& server_;
  bool done_ = false;
};

template <class S>
Task<> serve(Self self, S& server, Pid parent) {
  ServerDispatch<S> dispatch(self, server, parent);
  for (;;) {
    EnvelopePtr message = co_await ReceiveAny(self.process());
    auto work = dispatch.handle(std::move(message));
    if (work) co_await std::move(*work);
    while (dispatch.sys().suspended) {
      EnvelopePtr allowed = co_await ReceiveSuspended(dispatch.sys());
      (void)dispatch.handle(std::move(allowed));
    }
  }
}

template <class S, class... As>
Task<> server_main(Self self, Pid parent, As... args) {
  std::optional<S> server;
  try {
    server.emplace(self, std::move(args)...);
    if constexpr (requires { server->init(); }) co_await server->init();
  } catch (...) {
    self.unlink(parent);  // the starter learns it as an error, not as an exit signal
    throw;
  }
  Terminator<S> terminator(self, *server);
  std::exception_ptr failure;
  try {
    co_await serve(self, *server, parent);
  } catch (...) {
    failure = std::current_exception();
  }
  terminator.disarm();
  const Term reason = reason_of(failure);
  report_server_crash(self, typeid(S), reason);
  if constexpr (has_waiting_terminate<S>) co_await server->terminate(reason);
  else if constexpr (has_terminate<S>) server->terminate(reason);
  barrel::exit(reason);
}

template <class Server, class... As>
Task<Result<Pid>> start_server(Self self, bool link, As... args) {
  static_assert(std::is_constructible_v<Server, Self, As&&...>,
                "start_link's arguments do not fit the server's constructor, whose first parameter is Self");
  // Without a parent it ends, and terminates, with what asks it to from outside all processes: the shutdown.
  const Pid parent = link ? self.pid() : nobody_of(self.runtime());
  HeldProcess held = hold_process(self.runtime(), link ? &self.process() : nullptr, link,
                                  &server_main<Server, As...>, parent, std::move(args)...);
  if (!held) co_return why_not_started(self.runtime());
  const Pid pid = held.pid();
  const StartServer start{};
  auto request = self.call(pid, start, Duration::max());
  held.release();  // it finds the request, however soon it ends
  auto started = co_await request;
  if (!started) co_return std::move(started).error();
  co_return pid;
}

}  // namespace barrel::detail
#pragma GCC visibility pop
