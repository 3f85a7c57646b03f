#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

enum class LogLevel : std::uint8_t { debug, info, warning, error, off };

/// One `key=value` of a structured log line.
struct LogField {
  std::string_view key;
  std::string value;
};

/// Where log lines go. Implementations are thread-safe and do not block on slow outputs.
class LogSink {
 public:
  virtual ~LogSink() = default;
  [[nodiscard]] virtual bool enabled(LogLevel level) const = 0;
  virtual void write(LogLevel level, std::string_view component, std::string_view text,
                     std::span<const LogField> fields) = 0;
};

/// What a component logs with: a sink and the component's name. Copies are cheap; the sink and the name
/// must outlive them. A default Log drops everything. Thread-safe.
class Log {
 public:
  Log() = default;
  Log(LogSink& sink, std::string_view component) : sink_(&sink), component_(component) {}

  using Fields = std::initializer_list<LogField>;
  void debug(std::string_view text, Fields fields = {}) const { write(LogLevel::debug, text, fields); }
  void info(std::string_view text, Fields fields = {}) const { write(LogLevel::info, text, fields); }
  void warning(std::string_view text, Fields fields = {}) const { write(LogLevel::warning, text, fields); }
  void error(std::string_view text, Fields fields = {}) const { write(LogLevel::error, text, fields); }

  [[nodiscard]] bool enabled(LogLevel level) const { return sink_ != nullptr && sink_->enabled(level); }
  /// The same sink under another name.
  [[nodiscard]] Log named(std::string_view component) const {
    Log other = *this;
    other.component_ = component;
    return other;
  }

 private:
  void write(LogLevel level, std::string_view text, Fields fields) const {
    if (enabled(level)) sink_->write(level, component_, text, {fields.begin(), fields.size()});
  }

  LogSink* sink_ = nullptr;
  std::string_view component_;
};

}  // namespace barrel
#pragma GCC visibility pop
