#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "barrel/process/runtime.hpp"

/// What the tests of processes share: a runtime of either kind, driven until a body has returned.
namespace barrel::test {

/// The machine's clock; each test program says where it comes from (real_clock.test.cpp).
[[nodiscard]] const Clock& real_clock();

/// Moves only when told to.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return Instant(Duration(now_.load())); }
  [[nodiscard]] SystemTime system_now() const override {
    return SystemTime(std::chrono::duration_cast<std::chrono::microseconds>(Duration(now_.load())));
  }
  void advance_to(Instant time) { now_.store(std::max(now_.load(), time.time_since_epoch().count())); }
  void advance(Duration time) { now_.fetch_add(time.count()); }

 private:
  std::atomic<Duration::rep> now_{1'000'000'000};
};

/// Keeps what was logged.
class LogLines final : public LogSink {
 public:
  [[nodiscard]] bool enabled(LogLevel) const override { return true; }
  void write(LogLevel, std::string_view, std::string_view text, std::span<const LogField> fields) override {
    std::string line(text);
    for (const LogField& field : fields) line += " " + std::string(field.key) + "=" + field.value;
    const std::scoped_lock lock(mutex_);
    lines_.push_back(std::move(line));
  }
  [[nodiscard]] bool contain(std::string_view part) const {
    const std::scoped_lock lock(mutex_);
    for (const std::string& line : lines_) {
      if (line.find(part) != std::string::npos) return true;
    }
    return false;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// A runtime and all it needs. With schedulers = RuntimeConfig::deterministic, run() moves the clock from
/// timer to timer.
class TestRuntime {
 public:
  explicit TestRuntime(unsigned schedulers, NodeName node = "test@127.0.0.1")
      : TestRuntime(with(schedulers, node)) {}
  explicit TestRuntime(const RuntimeConfig& config)
      : is_deterministic_(config.schedulers == RuntimeConfig::deterministic),
        runtime_(config, clock(), Log(log_, "test"), metrics_) {}

  [[nodiscard]] static RuntimeConfig with(unsigned schedulers, NodeName node = "test@127.0.0.1") {
    RuntimeConfig config;
    config.node = node;
    config.schedulers = schedulers;
    return config;
  }

  Runtime* operator->() { return &runtime_; }
  Runtime& operator*() { return runtime_; }
  [[nodiscard]] ManualClock& manual_clock() { return manual_clock_; }
  [[nodiscard]] const LogLines& log() const { return log_; }
  [[nodiscard]] std::uint64_t counter(std::string_view name) { return metrics_.counter(name).value(); }

  /// The body's value; fails the test when the process ends without one, or waits for nothing.
  template <class T, class... Ps, class... As>
  auto run(Task<T> (*body)(Self, Ps...), As&&... args) {
    using Value = typename detail::FlatResult<T>::type;
    if (!is_deterministic_) return runtime_.run(body, std::forward<As>(args)...);
    auto outcome = std::make_shared<std::optional<Value>>();
    runtime_.spawn(&keep<T, Value, Ps...>, outcome, body, std::forward<As>(args)...);
    settle([&] { return outcome->has_value(); });
    if (!outcome->has_value()) return Value(Error(Errc::timeout, Atom("deadlock")));
    return std::move(**outcome);
  }
  template <class F, class... As>
  auto run(F body, As&&... args) {
    return run(+body, std::forward<As>(args)...);
  }
  /// Deterministic only: runs and lets time pass until `done` or nothing is left to happen.
  template <class Done>
  void settle(Done&& done) {
    for (;;) {
      runtime_.run_until_idle();
      const auto next = runtime_.next_timer();
      if (done() || !next) return;
      manual_clock_.advance_to(*next);
    }
  }

 private:
  [[nodiscard]] const Clock& clock() const {
    return is_deterministic_ ? static_cast<const Clock&>(manual_clock_) : real_clock();
  }
  template <class T, class Value, class... Ps>
  static Task<> keep(Self self, std::shared_ptr<std::optional<Value>> outcome, Task<T> (*body)(Self, Ps...),
                     Ps... args) {
    class Completer {
     public:
      Completer(Self process, std::optional<Value>& value) : self_(process), value_(value) {}
      Completer(const Completer&) = delete;
      Completer& operator=(const Completer&) = delete;
      ~Completer() {
        if (!value_) value_.emplace(Error(Errc::exited, detail::exit_reason(self_.process())));
      }

     private:
      Self self_;
      std::optional<Value>& value_;
    };
    const Completer completer(self, *outcome);
    try {
      Task<T> task = body(self, std::move(args)...);
      if constexpr (std::is_void_v<T>) {
        co_await std::move(task);
        outcome->emplace();
      } else {
        outcome->emplace(co_await std::move(task));
      }
    } catch (...) {
      bool is_crash = false;
      outcome->emplace(Error(Errc::exited, detail::exit_reason_of(std::current_exception(), is_crash)));
      throw;
    }
  }

  bool is_deterministic_;
  ManualClock manual_clock_;
  LogLines log_;
  Metrics metrics_;
  Runtime runtime_;
};

/// Runs each test on the deterministic scheduler, on one thread and on three.
class EveryScheduler : public testing::TestWithParam<unsigned> {
 protected:
  TestRuntime runtime_{GetParam()};
};

inline std::string scheduler_name(const testing::TestParamInfo<unsigned>& info) {
  if (info.param == RuntimeConfig::deterministic) return "Deterministic";
  return std::to_string(info.param) + "Threads";
}

#define BARREL_ON_EVERY_SCHEDULER(suite)                                                                 \
  INSTANTIATE_TEST_SUITE_P(Each, suite, testing::Values(::barrel::RuntimeConfig::deterministic, 1U, 3U), \
                           ::barrel::test::scheduler_name)

}  // namespace barrel::test
