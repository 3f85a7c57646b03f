#include "carrier/link_table.hpp"

#include <utility>

namespace barrel::carrier {

void LinkTable::run_due() {
  // A link that sets a new timer for this very moment gets its turn in the next round.
  std::vector<std::uint64_t> due;
  for (const auto& [at, id] : context_.timers) {
    if (at > context_.now) break;
    due.push_back(id);
  }
  for (const std::uint64_t id : due) {
    const auto link = links_.find(id);
    if (link != links_.end()) link->second->on_timer();
  }
}

void LinkTable::remove_dead() {
  for (const std::uint64_t id : std::exchange(context_.dead, {})) links_.erase(id);
}

std::optional<Instant> LinkTable::next_timer() const {
  if (context_.timers.empty()) return std::nullopt;
  return context_.timers.begin()->first;
}

std::vector<Link*> LinkTable::alive() const {
  std::vector<Link*> alive;
  for (const auto& [id, link] : links_) {
    if (link->phase() != Phase::down) alive.push_back(link.get());
  }
  return alive;
}

Link* LinkTable::find(std::uint64_t id) const {
  const auto found = links_.find(id);
  return found != links_.end() && found->second->phase() != Phase::down ? found->second.get() : nullptr;
}

std::size_t LinkTable::unacknowledged_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [id, link] : links_) bytes += link->unacknowledged_bytes();
  return bytes;
}

void LinkTable::close_all(std::string_view why, Instant now) {
  for (Link* link : alive()) link->close(why, now);
}

}  // namespace barrel::carrier
