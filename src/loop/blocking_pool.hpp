#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "loop/loop.hpp"

namespace barrel::loop {

/// A few threads for what blocks. Threads start when there is work for them. Thread-safe.
class BlockingPool {
 public:
  /// `post` hands a task back to the loop, from any thread.
  BlockingPool(std::function<void(Task)> post, std::size_t threads_max, std::size_t queue_max)
      : post_(std::move(post)), threads_max_(threads_max), queue_max_(queue_max) {}
  /// Drops what waits and joins the threads, which finish what they are at.
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// Runs `work` on a thread, then posts `done`. False, and nothing runs, when queue_max tasks wait already.
  [[nodiscard]] bool run(Task work, Task done);

 private:
  struct Item {
    Task work;
    Task done;
  };
  void serve();

  std::function<void(Task)> post_;
  std::size_t threads_max_;
  std::size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> queue_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace barrel::loop
