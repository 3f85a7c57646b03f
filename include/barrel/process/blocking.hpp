#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "barrel/process/wait.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel::detail {

/// Work for the blocking pool. Outlives the process that waits for it, if that ends first.
class BlockingJob {
 public:
  virtual ~BlockingJob() = default;
  /// On a pool thread.
  virtual void run() noexcept = 0;

  std::atomic<bool> done{false};
};

class BlockingWait : public Wait {
 protected:
  BlockingWait(Process& process, std::shared_ptr<BlockingJob> job);

 private:
  friend struct Process;
  static bool is_done(Wait& wait);

  std::shared_ptr<BlockingJob> job_;
};

/// The awaiter of self.blocking(work).
template <class F>
class [[nodiscard]] Blocking final : public BlockingWait {
 public:
  using Value = std::invoke_result_t<F&>;

  Blocking(Process& process, F work) : Blocking(process, std::make_shared<Job>(std::move(work))) {}

  Value await_resume() {
    if (typed_job_->exception) std::rethrow_exception(typed_job_->exception);
    if constexpr (!std::is_void_v<Value>) return std::move(*typed_job_->value);
  }

 private:
  struct Job final : BlockingJob {
    explicit Job(F callable) : work(std::move(callable)) {}
    void run() noexcept override {
      try {
        if constexpr (std::is_void_v<Value>) work();
        else value.emplace(work());
      } catch (...) {
        exception = std::current_exception();
      }
    }
    F work;
    std::optional<std::conditional_t<std::is_void_v<Value>, std::monostate, Value>> value;
    std::exception_ptr exception;
  };

  Blocking(Process& process, std::shared_ptr<Job> job)
      : BlockingWait(process, job), typed_job_(std::move(job)) {}

  std::shared_ptr<Job> typed_job_;
};

}  // namespace barrel::detail
#pragma GCC visibility pop
