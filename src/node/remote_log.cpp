#include "node/remote_log.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "barrel/term/term_text.hpp"
#include "base/rate_limit.hpp"
#include "node/rpc_server.hpp"
#include "process/runtime_impl.hpp"
#include "term/io_format.hpp"

namespace barrel::node {

namespace {

struct Level {
  std::string_view name;
  LogLevel here;
};
constexpr std::array levels = {
    Level{"emergency", LogLevel::error}, Level{"alert", LogLevel::error},
    Level{"critical", LogLevel::error},  Level{"error", LogLevel::error},
    Level{"warning", LogLevel::warning}, Level{"notice", LogLevel::info},
    Level{"info", LogLevel::info},       Level{"debug", LogLevel::debug},
};

std::optional<LogLevel> level_of(const Term& name) {
  const auto* found = std::ranges::find(levels, name.atom_text(), &Level::name);
  if (!name.is_atom() || found == levels.end()) return std::nullopt;
  return found->here;
}

std::string formatted(const Term& format, const Term& arguments, NodeName self) {
  if (auto text = io_format(format, arguments, self)) return *std::move(text);
  return to_string(Term::tuple_of(format, arguments), self);
}

/// A report of error_logger's has its format and arguments inside.
std::string report_text(const Term& report, NodeName self) {
  if (report.is_map()) {
    const Term* format = report.find(Atom("format"));
    const Term* arguments = report.find(Atom("args"));
    if (format != nullptr && arguments != nullptr) return formatted(*format, *arguments, self);
    return to_string(report, self);
  }
  if (auto text = chardata_text(report, TextEncoding::unicode)) return *std::move(text);
  return to_string(report, self);
}

/// Without the line breaks at its end, and cut between two characters.
void shorten(std::string& text) {
  while (text.ends_with('\n')) text.pop_back();
  if (text.size() <= remote_log_text_bytes_max) return;
  std::size_t end = remote_log_text_bytes_max;
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U;
  };
  while (end > 0 && continues(end)) --end;
  text.resize(end);
  text += "...";
}

void write(const Log& log, const RemoteLogEvent& event, NodeName peer) {
  const std::string node(peer.text());
  switch (event.level) {
    case LogLevel::debug:
      return log.debug("an event of another node",
                       {{"node", node}, {"pid", event.pid}, {"event", event.text}});
    case LogLevel::info:
      return log.info("an event of another node",
                      {{"node", node}, {"pid", event.pid}, {"event", event.text}});
    case LogLevel::warning:
      return log.warning("an event of another node",
                         {{"node", node}, {"pid", event.pid}, {"event", event.text}});
    case LogLevel::error:
    case LogLevel::off:
      return log.error("an event of another node",
                       {{"node", node}, {"pid", event.pid}, {"event", event.text}});
  }
}

}  // namespace

std::optional<RemoteLogEvent> read_log_event(const Term& message, NodeName self) {
  const bool is_formatted = message.is_tagged("log", 5);
  if (!is_formatted && !message.is_tagged("log", 4)) return std::nullopt;
  const auto parts = message.elements();
  const auto level = level_of(parts[1]);
  if (!level) return std::nullopt;
  RemoteLogEvent event;
  event.level = *level;
  event.text = is_formatted ? formatted(parts[2], parts[3], self) : report_text(parts[2], self);
  shorten(event.text);
  const Term& metadata = parts.back();
  const Term* pid = metadata.is_map() ? metadata.find(Atom("pid")) : nullptr;
  if (pid != nullptr && pid->is_pid()) event.pid = to_string(*pid, self);
  return event;
}

bool is_logger_name(Atom name) {
  static const std::array names = {Atom("logger_proxy"), Atom("logger")};
  return std::ranges::find(names, name) != names.end();
}

Atom remote_log_name() {
  static const Atom name("barrel_remote_log");
  return name;
}

Task<> remote_log(Self self) {
  RateLimit lines(remote_log_lines_per_second);
  Counter& dropped = self.runtime().impl().metrics.counter("node.remote_log_events_dropped");
  const Log log = self.runtime().log().named("remote");
  for (;;) {
    auto next = co_await self.receive<KernelMessage, Term>();
    auto* message = std::get_if<KernelMessage>(&next);
    if (message == nullptr) continue;
    const bool is_small = message->bytes <= remote_log_event_bytes_max;
    if (!is_small || !lines.allow(self.runtime().clock().now())) {
      dropped.add();
      continue;
    }
    const Result<> decoded = message->decode(self.runtime().impl().counters.kernel_limit);
    if (!decoded) continue;
    if (const auto event = read_log_event(message->message, self.runtime().node_name()))
      write(log, *event, message->peer);
  }
}

}  // namespace barrel::node
