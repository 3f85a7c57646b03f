#pragma once

#include <optional>

#include "barrel/process/answer.hpp"
#include "barrel/process/self.hpp"

#pragma GCC visibility push(default)  // exported by the shared library

/// How a server answers the requests of Erlang's sys module, {system, From, Request}: as an OTP gen_server
/// does, as far as there is something to answer with. suspend and resume, get_status and terminate work;
/// get_state tells Server::state(), or undefined; replace_state and change_code need code of Erlang, and fail
/// as they do with a module that lacks it; of the debugging facilities none can be switched on.
namespace barrel::detail {

/// A server to the sys module.
struct SysServer {
  Self self;
  Pid parent;
  /// It hears only the sys module and the end of its parent.
  bool suspended = false;
};

/// Answers `request`; may suspend the server, and may end it. `state`: what the server tells of itself.
void answer_sys(SysServer& server, const Term& request, const std::optional<Term>& state, Caller caller);

/// Waits for what a suspended server still hears; everything else stays in the queue.
class [[nodiscard]] ReceiveSuspended final : public MessageWait {
 public:
  explicit ReceiveSuspended(const SysServer& server) noexcept
      : MessageWait(server.self.process(), &match), parent_(server.parent) {}
  EnvelopePtr await_resume() {
    rethrow_if_failed();
    return EnvelopePtr(std::exchange(message_, nullptr));
  }

 private:
  static Match match(MessageWait& wait, Envelope*& envelope);

  Pid parent_;
};

}  // namespace barrel::detail
#pragma GCC visibility pop
