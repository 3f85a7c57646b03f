#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "barrel/base/metrics.hpp"
#include "barrel/base/time.hpp"

namespace barrel {

/// Threads for work that blocks, made on demand and kept. Thread-safe.
class BlockingPool {
 public:
  using Job = std::move_only_function<void()>;

  /// With `threads_max` 0 a job runs at once on the caller's thread. `waiting` says how many jobs wait.
  BlockingPool(std::size_t threads_max, std::size_t jobs_max, Gauge& waiting)
      : threads_max_(threads_max), jobs_max_(jobs_max), waiting_(waiting) {}
  ~BlockingPool() { (void)stop(std::chrono::hours(24 * 365)); }
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// False: too many jobs wait already.
  [[nodiscard]] bool submit(Job job);
  /// Drops the jobs that wait, finishes those that run, joins. False when some job still runs after `limit`:
  /// its thread goes on with this object, which must then stay.
  [[nodiscard]] bool stop(Duration limit);

 private:
  void work();

  const std::size_t threads_max_;
  const std::size_t jobs_max_;
  Gauge& waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable ended_;
  std::deque<Job> jobs_;
  std::vector<std::jthread> threads_;
  std::size_t idle_ = 0;
  std::size_t running_ = 0;  ///< Threads that have not ended.
  bool stopping_ = false;
};

}  // namespace barrel
