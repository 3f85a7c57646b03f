// The client of Erlang's I/O protocol: printing through the group leader.
#include <string>
#include <utility>

#include "barrel/process/matching.hpp"
#include "barrel/process/self.hpp"

namespace barrel {

namespace {

/// {io_request, From, ReplyAs, Request}
struct IoRequest {
  static constexpr std::string_view tag = "io_request";
  Pid from;
  Ref reply_as;
  Term request;
};

/// {io_reply, ReplyAs, Reply}
struct IoReply {
  static constexpr std::string_view tag = "io_reply";
  Ref reply_as;
  Term reply;
};

/// Waits for the reply to one request, or for the end of the process that owes it; both carry the monitor's
/// reference.
class IoAnswer final : public detail::MessageWait {
 public:
  IoAnswer(detail::Process& process, const Ref& ref) : MessageWait(process, &match), ref_(ref) {}

  Result<void> await_resume() {
    rethrow_if_failed();
    const detail::EnvelopePtr message(std::exchange(message_, nullptr));
    if (message->type == &detail::TypeInfo<IoReply>::type) {
      const Term& reply = static_cast<const detail::TypedMessage<IoReply>&>(*message).value.reply;
      if (reply.is_atom("ok")) return {};
      return Error(Errc::rejected, reply.is_tagged("error", 2) ? reply.elements()[1] : reply);
    }
    const Term& reason = static_cast<const detail::TypedMessage<Down>&>(*message).value.reason;
    return Error(reason.is_atom("noconnection") ? Errc::no_connection : Errc::no_process, reason);
  }

 private:
  static detail::Match match(detail::MessageWait& wait, detail::Envelope*& envelope) {
    const auto& me = static_cast<const IoAnswer&>(wait);
    const detail::Match found = detail::match_as<IoReply>(*me.process_, envelope);
    if (found == detail::Match::yes) {
      const auto& reply = static_cast<const detail::TypedMessage<IoReply>&>(*envelope).value;
      return reply.reply_as == me.ref_ ? detail::Match::yes : detail::Match::no;
    }
    if (found != detail::Match::no) return found;
    if (envelope->type != &detail::TypeInfo<Down>::type) return detail::Match::no;
    const auto& down = static_cast<const detail::TypedMessage<Down>&>(*envelope).value;
    return down.ref == me.ref_ ? detail::Match::yes : detail::Match::no;
  }

  Ref ref_;
};

Task<Result<void>> print_text(Self self, std::string text) {
  const Pid leader = self.group_leader();
  if (leader.id == 0) co_return Error(Errc::no_process, noproc());
  const Monitor monitor = self.monitor(leader);
  const Ref ref = monitor.ref();
  self.send(leader, IoRequest{self.pid(), ref, Term::tuple_of(Atom("put_chars"), Atom("unicode"), text)});
  co_return co_await IoAnswer(self.process(), ref);
}

}  // namespace

Task<Result<void>> Self::print(std::string text) const {
  return print_text(*this, std::move(text));
}

}  // namespace barrel
