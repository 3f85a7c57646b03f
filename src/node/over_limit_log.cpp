#include "node/over_limit_log.hpp"

#include <string>
#include <utility>

namespace barrel::node {

void OverLimitLog::dropped(NodeName peer, const Error& why, Instant now) {
  std::uint64_t count = 0;
  {
    const std::scoped_lock lock(mutex_);
    const auto [told, is_first] = told_.try_emplace(peer);
    ++told->second.since;
    if (!is_first && now - told->second.at < pause) return;
    count = std::exchange(told->second.since, 0);
    told->second.at = now;
  }
  log_.warning(
      text_,
      {{"node", std::string(peer.text())}, {"limit", why.message()}, {"messages", std::to_string(count)}});
}

}  // namespace barrel::node
