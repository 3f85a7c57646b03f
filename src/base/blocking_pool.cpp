#include "base/blocking_pool.hpp"

#include <utility>

namespace barrel {

bool BlockingPool::submit(Job job) {
  if (threads_max_ == 0) {
    job();
    return true;
  }
  const std::scoped_lock lock(mutex_);
  if (stopping_ || jobs_.size() >= jobs_max_) return false;
  jobs_.push_back(std::move(job));
  waiting_.set(jobs_.size());
  if (idle_ < jobs_.size() && threads_.size() < threads_max_) {
    threads_.emplace_back([this] { work(); });
    ++running_;
  } else changed_.notify_one();
  return true;
}

void BlockingPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (stopping_) break;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    waiting_.set(jobs_.size());
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
  --running_;
  ended_.notify_all();
}

bool BlockingPool::stop(Duration limit) {
  std::vector<std::jthread> threads;
  std::deque<Job> dropped;
  std::unique_lock lock(mutex_);
  stopping_ = true;
  threads.swap(threads_);
  dropped.swap(jobs_);
  waiting_.set(0);
  changed_.notify_all();
  const bool all_ended = ended_.wait_for(lock, limit, [this] { return running_ == 0; });
  lock.unlock();
  if (!all_ended) {
    for (std::jthread& thread : threads) thread.detach();
  }
  return all_ended;
}

}  // namespace barrel
