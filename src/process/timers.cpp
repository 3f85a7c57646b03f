#include "process/timers.hpp"

namespace barrel::detail {

bool Timers::insert(Key key, What what) {
  const auto place = timers_.emplace(key, std::move(what)).first;
  return place == timers_.begin();
}

Timers::Started Timers::start(Instant due, What what) {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t id = next_id_++;
  return {id, insert({due, false, id}, std::move(what))};
}

bool Timers::start_wake_up(Instant due, WakeUp process) {
  const std::scoped_lock lock(mutex_);
  return insert(wake_up_key(due, process), process);
}

bool Timers::cancel(Instant due, std::uint64_t id) {
  What cancelled;  // destroyed after the lock is given back: it may own anything
  const std::scoped_lock lock(mutex_);
  const auto found = timers_.find({due, false, id});
  if (found == timers_.end()) return false;
  cancelled = std::move(found->second);
  timers_.erase(found);
  return true;
}

void Timers::cancel_wake_up(Instant due, WakeUp process) {
  const std::scoped_lock lock(mutex_);
  timers_.erase(wake_up_key(due, process));
}

std::optional<Instant> Timers::next() const {
  const std::scoped_lock lock(mutex_);
  if (timers_.empty()) return std::nullopt;
  return std::get<Instant>(timers_.begin()->first);
}

std::size_t Timers::size() const {
  const std::scoped_lock lock(mutex_);
  return timers_.size();
}

std::optional<Timers::Due> Timers::take(Instant now) {
  const std::scoped_lock lock(mutex_);
  if (timers_.empty() || std::get<Instant>(timers_.begin()->first) > now) return std::nullopt;
  auto node = timers_.extract(timers_.begin());
  return Due{std::get<Instant>(node.key()), std::move(node.mapped())};
}

}  // namespace barrel::detail
