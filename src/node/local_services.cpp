#include "node/local_services.hpp"

namespace barrel::node {

Result<void> LocalServices::claim(const Term& name, const Pid& pid) {
  const std::scoped_lock lock(mutex_);
  const auto [holder, fresh] = holders_.try_emplace(name, pid);
  if (fresh) names_.emplace(pid, name);
  if (holder->second != pid) return Error(Errc::already_registered);
  return {};
}

bool LocalServices::release(const Term& name, const Pid& pid) {
  const std::scoped_lock lock(mutex_);
  const auto holder = holders_.find(name);
  if (holder == holders_.end() || holder->second != pid) return false;
  holders_.erase(holder);
  const auto [first, last] = names_.equal_range(pid);
  for (auto entry = first; entry != last; ++entry) {
    if (entry->second != name) continue;
    names_.erase(entry);
    break;
  }
  return true;
}

std::vector<Term> LocalServices::release_all(const Pid& pid) {
  const std::scoped_lock lock(mutex_);
  std::vector<Term> names;
  const auto [first, last] = names_.equal_range(pid);
  for (auto entry = first; entry != last; ++entry) {
    holders_.erase(entry->second);
    names.push_back(std::move(entry->second));
  }
  names_.erase(first, last);
  return names;
}

std::optional<Pid> LocalServices::find(const Term& name) const {
  const std::scoped_lock lock(mutex_);
  const auto holder = holders_.find(name);
  if (holder == holders_.end()) return std::nullopt;
  return holder->second;
}

}  // namespace barrel::node
