#include "node/local_services.hpp"

namespace barrel::node {

Result<std::uint64_t> LocalServices::claim(const Term& name, const Pid& pid) {
  const std::scoped_lock lock(mutex_);
  const auto [holder, fresh] = holders_.try_emplace(name, Holder{pid});
  if (fresh) {
    names_.emplace(pid, name);
    // Names that peers send to are looked for among those that code here has interned.
    if (name.is_atom()) (void)Atom::intern(name.atom_text());
  }
  if (holder->second.pid != pid) return Error(Errc::already_registered);
  return holder->second.claim = ++last_claim_;
}

bool LocalServices::holds(const Term& name, const Pid& pid, std::optional<std::uint64_t> claim) const {
  const std::scoped_lock lock(mutex_);
  const auto holder = holders_.find(name);
  return holder != holders_.end() && holder->second.is(pid, claim);
}

bool LocalServices::release(const Term& name, const Pid& pid, std::optional<std::uint64_t> claim) {
  const std::scoped_lock lock(mutex_);
  const auto holder = holders_.find(name);
  if (holder == holders_.end() || !holder->second.is(pid, claim)) return false;
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

void LocalServices::clear() {
  const std::scoped_lock lock(mutex_);
  holders_.clear();
  names_.clear();
}

std::optional<Pid> LocalServices::find(const Term& name) const {
  const std::scoped_lock lock(mutex_);
  const auto holder = holders_.find(name);
  if (holder == holders_.end()) return std::nullopt;
  return holder->second.pid;
}

}  // namespace barrel::node
