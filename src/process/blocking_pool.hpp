#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace barrel::detail {

/// Threads for work that blocks, made on demand and kept. Thread-safe.
class BlockingPool {
 public:
  using Job = std::function<void()>;

  /// With `inline_jobs` a job runs at once on the caller's thread: for the deterministic runtime.
  BlockingPool(unsigned threads_max, std::uint32_t jobs_max, bool inline_jobs)
      : threads_max_(threads_max), jobs_max_(jobs_max), inline_jobs_(inline_jobs) {}
  ~BlockingPool() { stop(); }

  /// False: too many jobs wait already.
  [[nodiscard]] bool submit(Job job);
  /// Drops the jobs that wait, finishes those that run, joins.
  void stop();

 private:
  void work();

  const unsigned threads_max_;
  const std::uint32_t jobs_max_;
  const bool inline_jobs_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::vector<std::jthread> threads_;
  unsigned idle_ = 0;
  bool stopping_ = false;
};

}  // namespace barrel::detail
