#include "node/log_sink.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <string_view>
#include <utility>

namespace barrel::node {

namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
    case LogLevel::off: return spdlog::level::off;
  }
  return spdlog::level::off;
}

void append_escaped(std::string& out, std::string_view text, bool in_quotes) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') out += "\\n";
    else if (byte < 0x20 || byte == 0x7f) out += fmt::format("\\x{:02x}", byte);
    else if (in_quotes && (c == '"' || c == '\\')) (out += '\\') += c;
    else out += c;
  }
}

bool needs_quotes(std::string_view value) {
  return value.empty() || value.find_first_of(" \t\n\"\\=") != std::string_view::npos;
}

class SpdlogSink final : public LogSink {
 public:
  SpdlogSink(spdlog::sink_ptr sink, LogLevel level, Counter& lines_lost)
      : logger_("barrel", std::move(sink)), level_(level), lines_lost_(lines_lost) {
    logger_.set_level(level_of(level));
    logger_.flush_on(spdlog::level::debug);
    logger_.set_error_handler([this](const std::string&) { count_lost(); });
    logger_.set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %l %v",
                                                                      spdlog::pattern_time_type::utc));
  }

  [[nodiscard]] bool enabled(LogLevel level) const override {
    return level != LogLevel::off && level >= level_;
  }

  void write(LogLevel level, std::string_view component, std::string_view text,
             std::span<const LogField> fields) override {
    if (!enabled(level)) return;
    try {
      if (const std::uint64_t lost = lost_.exchange(0, std::memory_order_relaxed); lost > 0) {
        logger_.log(spdlog::level::err, "log: lines could not be written count={}", lost);
        // That line may have been lost as well; the handler has then counted one, for the ones it stood for.
        if (lost_.load(std::memory_order_relaxed) > 0) lost_.fetch_add(lost, std::memory_order_relaxed);
      }
      logger_.log(level_of(level), "{}: {}", component, format_log_text(text, fields));
    } catch (const std::exception&) {
      count_lost();
    }
  }

 private:
  void count_lost() {
    lines_lost_.add();
    lost_.fetch_add(1, std::memory_order_relaxed);
  }

  spdlog::logger logger_;
  LogLevel level_;
  Counter& lines_lost_;
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace

std::string format_log_text(std::string_view text, std::span<const LogField> fields) {
  std::string out;
  append_escaped(out, text, false);
  for (const LogField& field : fields) {
    (out += ' ').append(field.key) += '=';
    const bool quotes = needs_quotes(field.value);
    if (quotes) out += '"';
    append_escaped(out, field.value, quotes);
    if (quotes) out += '"';
  }
  return out;
}

Result<std::unique_ptr<LogSink>> make_log_sink(const NodeConfig::Logging& config, Metrics& metrics) {
  try {
    spdlog::sink_ptr sink;
    if (config.file.empty()) sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    else sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(config.file.string());
    return std::unique_ptr<LogSink>(
        std::make_unique<SpdlogSink>(std::move(sink), config.level, metrics.counter("log.lines_lost")));
  } catch (const std::exception& error) {
    return Error{Errc::io, Term(fmt::format(
                               "cannot open the log file {}: {}; set log_file to a file that this user may "
                               "write, or leave it out to log to standard error",
                               config.file.string(), error.what()))};
  }
}

}  // namespace barrel::node
