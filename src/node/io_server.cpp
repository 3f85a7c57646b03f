#include "node/io_server.hpp"

#include <cstdio>
#include <exception>
#include <optional>
#include <utility>

#include "barrel/process/exit.hpp"
#include "barrel/term/term_text.hpp"
#include "node/rpc_server.hpp"
#include "term/io_format.hpp"
#include "term/short_text.hpp"

namespace barrel::node {

namespace {

void write_to_stdout(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

/// {io_request, From, ReplyAs, Request}
struct IoRequest {
  static constexpr std::string_view tag = "io_request";
  Pid from;
  Term reply_as;
  Term request;
};
struct IoReply {
  static constexpr std::string_view tag = "io_reply";
  Term reply_as;
  Term reply;
};

Term error(std::string_view why) {
  return Term::tuple_of(Atom("error"), Atom(why));
}

std::optional<TextEncoding> encoding_of(const Term& name) {
  if (name.is_atom("unicode") || name.is_atom("utf8")) return TextEncoding::unicode;
  if (name.is_atom("latin1")) return TextEncoding::latin1;
  return std::nullopt;
}

/// io_lib's functions that Erlang's io module lets the device compute.
std::optional<std::string> computed(const Term& module, const Term& function, const Term& arguments,
                                    NodeName self) {
  if (!module.is_atom("io_lib") || !arguments.is_proper_list()) return std::nullopt;
  const auto given = arguments.elements();
  const bool formats = function.is_atom("format") || function.is_atom("fwrite");
  if (formats && given.size() == 2) return io_format(given[0], given[1], self);
  if (function.is_atom("nl") && given.empty()) return "\n";
  if (given.empty()) return std::nullopt;
  if (function.is_atom("write")) return to_raw_string(given[0], self);
  if (function.is_atom("print")) return to_string(given[0], self);
  return std::nullopt;
}

IoAnswer printed(const std::optional<std::string>& text, std::string_view otherwise) {
  if (!text) return {{}, error(otherwise)};
  return {*text, Atom("ok")};
}

IoAnswer put_chars(std::span<const Term> parts, NodeName self) {
  if (parts.size() == 2) return printed(chardata_text(parts[1], TextEncoding::latin1), "put_chars");
  if (parts.size() == 4) return printed(computed(parts[1], parts[2], parts[3], self), "enotsup");
  const auto encoding = encoding_of(parts[1]);
  if (!encoding) return {{}, error("put_chars")};
  if (parts.size() == 3) return printed(chardata_text(parts[2], *encoding), "put_chars");
  if (parts.size() == 5) return printed(computed(parts[2], parts[3], parts[4], self), "enotsup");
  return {{}, error("request")};
}

void report_unwritten(Self self, const std::exception_ptr& failure) {
  bool is_crash = false;
  self.runtime().log().error(
      "what processes print could not be written",
      {{"why", short_text(detail::exit_reason_of(failure, is_crash), self.runtime().node_name())}});
}

IoAnswer several(const Term& requests, NodeName self) {
  IoAnswer all{{}, Atom("ok")};
  for (const Term& request : requests.elements()) {
    IoAnswer one = answer_io(request, self);
    all.too_long = one.too_long;
    if (all.text.size() + one.text.size() > formatted_bytes_max) {
      all.too_long = true;
      all.reply = error("put_chars");
      break;
    }
    all.text += one.text;
    all.reply = std::move(one.reply);
    if (all.reply.is_tagged("error", 2)) break;
  }
  return all;
}

}  // namespace

Output::Output() : write_(&write_to_stdout) {}

void Output::set(Write write) {
  const std::scoped_lock lock(mutex_);
  write_ = write ? std::move(write) : Write(&write_to_stdout);
}

void Output::write(std::string_view text) const {
  const std::scoped_lock lock(mutex_);
  write_(text);
}

IoAnswer answer_io(const Term& request, NodeName self) {
  const auto parts = request.elements();
  if (request.is_atom("getopts")) {
    return {{},
            Term::list(
                {Term::tuple_of(Atom("binary"), false), Term::tuple_of(Atom("encoding"), Atom("unicode"))})};
  }
  if (!request.is_tuple() || parts.empty()) return {{}, error("request")};
  if (parts[0].is_atom("put_chars") && parts.size() >= 2) return put_chars(parts, self);
  if (request.is_tagged("requests", 2) && parts[1].is_proper_list()) return several(parts[1], self);
  const std::string_view what = parts[0].atom_text();
  if (what.starts_with("get_") && what != "get_geometry" && what != "get_password") return {{}, Atom("eof")};
  return {{}, error("enotsup")};
}

/// In the name of the node: one peer that does not read must not hold up what all print. Nor does it make us
/// dial whom it names.
void reply_as_node(Self self, const Pid& to, const IoReply& reply) {
  const detail::Sender node{&self.runtime(), nullptr};
  if (detail::is_local(node, to)) return detail::send_to_pid(node, to, reply);
  (void)detail::deliver_remote(node, RemoteTarget(to), detail::Payload<IoReply>(reply), SendMode::answer);
}

Task<> io_server(Self self, std::shared_ptr<const Output> output) {
  const NodeName here = self.runtime().node_name();
  Counter& too_long = self.runtime().metrics().counter("node.io_texts_too_long");
  for (;;) {
    const auto message = co_await self.receive<IoRequest, Term>();
    const auto* request = std::get_if<IoRequest>(&message);
    if (request == nullptr) {
      ignored_counter(self).add();
      continue;
    }
    IoAnswer answer = answer_io(request->request, here);
    if (answer.too_long) too_long.add();
    if (!answer.text.empty()) {
      // The job shares both: it goes on when this process is ended, and when the node gives it up.
      auto text = std::make_shared<const std::string>(std::move(answer.text));
      auto work = [output, text] { output->write(*text); };
      // It lives on: every process has it as group leader, those that run keep this one.
      std::exception_ptr failure;
      try {
        co_await self.blocking(work);  // a terminal or a pipe may be slow
      } catch (...) {
        failure = std::current_exception();
      }
      if (failure) {
        report_unwritten(self, failure);
        answer.reply = error("put_chars");
      }
    }
    const IoReply reply{request->reply_as, answer.reply};
    reply_as_node(self, request->from, reply);
  }
}

}  // namespace barrel::node
