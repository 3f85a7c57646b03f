#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "barrel/node/subscription.hpp"
#include "barrel/process/runtime.hpp"

namespace barrel::node {

/// The processes that want to hear of something. Thread-safe; handles may outlive it.
class Subscribers {
 public:
  [[nodiscard]] Subscription add(const Pid& subscriber) {
    const std::scoped_lock lock(list_->mutex);
    const std::uint64_t id = ++list_->last_id;
    list_->pids.emplace(id, subscriber);
    return Subscription([list = std::weak_ptr(list_), id] {
      if (const auto alive = list.lock()) {
        const std::scoped_lock guard(alive->mutex);
        alive->pids.erase(id);
      }
    });
  }

  template <class Event>
  void emit(Runtime& runtime, const Event& event) const {
    std::vector<Pid> receivers;
    {
      const std::scoped_lock lock(list_->mutex);
      receivers.reserve(list_->pids.size());
      for (const auto& [id, pid] : list_->pids) receivers.push_back(pid);
    }
    // Local processes: a send to them cannot fail in a way that matters here.
    for (const Pid& pid : receivers) (void)runtime.send(pid, event);
  }

 private:
  struct List {
    std::mutex mutex;
    std::uint64_t last_id = 0;
    std::map<std::uint64_t, Pid> pids;
  };
  std::shared_ptr<List> list_ = std::make_shared<List>();
};

}  // namespace barrel::node
