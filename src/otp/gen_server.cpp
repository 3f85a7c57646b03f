#include "barrel/otp/gen_server.hpp"

#include "barrel/process/matching.hpp"
#include "barrel/process/runtime.hpp"
#include "barrel/term/term_size.hpp"
#include "base/type_name.hpp"
#include "term/short_text.hpp"

namespace barrel::detail {

namespace {

/// Who sends them may be anybody: the log must not grow with what they write, nor much with how often.
constexpr std::size_t logged_bytes_max = 200;
constexpr std::uint64_t logged_first = 100;
constexpr std::uint64_t logged_every = 1'000;

std::string shortened(const Term& message, NodeName local) {
  if (estimate_bytes(message, logged_bytes_max) > logged_bytes_max) return "(too long to show)";
  return to_string(message, local);
}

}  // namespace

void report_unknown(Self self, const char* kind, const Term& message) {
  Runtime& runtime = self.runtime();
  Counter& counter = runtime.metrics().counter("otp.unknown_messages");
  counter.add();
  if (counter.value() > logged_first && counter.value() % logged_every != 0) return;
  runtime.log().warning("a server has no handler for a message",
                        {{"pid", to_string(self.pid(), runtime.node_name())},
                         {"kind", kind},
                         {"message", shortened(message, runtime.node_name())}});
}

void exit_unknown_call(const Term& request) {
  barrel::exit(Term::tuple_of(Atom("unknown_call"), request));
}

GenMessage parse_gen_message(const Term& term) {
  GenMessage message;
  if (term.is_tagged("$gen_cast", 2)) {
    message.kind = GenMessage::Kind::cast;
    message.content = term.elements()[1];
  } else if (term.is_tagged("$gen_call", 3)) {
    message.from = parse_call_from(term.elements()[1]);
    if (message.from) {
      message.kind = GenMessage::Kind::call;
      message.content = term.elements()[2];
    }
  } else if (term.is_tagged("system", 3)) {
    message.from = parse_call_from(term.elements()[1]);
    if (message.from) {
      message.kind = GenMessage::Kind::system;
      message.content = term.elements()[2];
    }
  }
  return message;
}

bool as_term_message(Process& process, EnvelopePtr& message) {
  Envelope* envelope = message.release();
  const Match match = match_as<Term>(process, envelope);
  message.reset(envelope);
  return match == Match::yes;
}

Term reason_of(const std::exception_ptr& exception) {
  bool is_crash = false;
  return exit_reason_of(exception, is_crash);
}

void report_terminate_failed(Self self, const std::exception_ptr& exception) {
  self.runtime().log().error("a server's terminate failed",
                             {{"pid", to_string(self.pid(), self.runtime().node_name())},
                              {"reason", short_text(reason_of(exception), self.runtime().node_name())}});
}

void report_server_crash(Self self, const std::type_info& type, const Term& reason) {
  if (!is_abnormal(reason)) return;
  const auto name = registered_name(self.process());
  self.runtime().log().error("a server ends", {{"pid", to_string(self.pid(), self.runtime().node_name())},
                                               {"name", name ? std::string(name->text()) : "none"},
                                               {"type", type_name(type)},
                                               {"reason", short_text(reason, self.runtime().node_name())}});
}

}  // namespace barrel::detail
