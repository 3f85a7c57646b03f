#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace barrel::node {

/// A shared value that one thread replaces and others read. Thread-safe; the lock is held for the copy of a
/// pointer. (std::atomic<std::shared_ptr> of libstdc++ 12 unlocks with relaxed order after a load, which is a
/// data race.)
template <class T>
class Published {
 public:
  explicit Published(std::shared_ptr<T> value) : value_(std::move(value)) {}

  [[nodiscard]] std::shared_ptr<T> load() const {
    const std::scoped_lock lock(mutex_);
    return value_;
  }
  void store(std::shared_ptr<T> value) { (void)exchange(std::move(value)); }
  /// The former value, which is not destroyed under the lock.
  std::shared_ptr<T> exchange(std::shared_ptr<T> value) {
    const std::scoped_lock lock(mutex_);
    return std::exchange(value_, std::move(value));
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<T> value_;
};

}  // namespace barrel::node
