#include "sim/network.hpp"

#include <algorithm>
#include <vector>

namespace barrel::sim {

Duration Network::delay() {
  Duration total(random_.between(options_.latency_min.count(), options_.latency_max.count()));
  Duration wait = options_.retransmit_after;
  while (random_.chance(options_.loss_per_million)) {
    total += wait;
    wait *= 2;
  }
  return total;
}

bool Network::running(std::size_t node) const {
  const auto found = running_.find(node);
  return found != running_.end() && found->second;
}

bool Network::reachable(std::size_t from, std::size_t to) const {
  return running(to) && (!side_ || side_(from) == side_(to));
}

void Network::partition(std::function<bool(std::size_t)> side) {
  side_ = std::move(side);
  if (!side_) return;
  for (const auto& [pair, link] : links_) {
    if (side_(pair.first) != side_(pair.second)) mute(pair);
  }
}

Network::Link* Network::current(const Pair& pair, std::uint64_t id) {
  const auto found = links_.find(pair);
  return found != links_.end() && found->second.id == id ? &found->second : nullptr;
}

bool Network::linked(std::size_t a, std::size_t b) const {
  const auto found = links_.find(pair_of(a, b));
  return found != links_.end() && found->second.open[0] && found->second.open[1] && !found->second.mute;
}

void Network::dial(std::size_t from, std::size_t to) {
  const Pair pair = pair_of(from, to);
  if (linked(from, to) || dialing_.contains(pair)) return;
  dialing_.emplace(pair, true);
  // A handshake is three ways.
  queue_.after(delay() + delay() + delay(), [this, from, to] { establish(from, to); });
}

void Network::establish(std::size_t from, std::size_t to) {
  const Pair pair = pair_of(from, to);
  if (!running(from)) {
    dialing_.erase(pair);
    return;
  }
  if (!reachable(from, to)) {
    queue_.after(options_.dial_timeout, [this, pair, from, to] {
      dialing_.erase(pair);
      if (running(from)) handlers_.dial_failed(from, to);
    });
    return;
  }
  dialing_.erase(pair);
  if (linked(from, to)) return;
  Link link;
  link.id = next_id_++;
  links_.insert_or_assign(pair, link);
  const std::uint64_t id = link.id;
  queue_.after(delay(), [this, pair, id, to] { open_end(pair, id, to, false); });
  open_end(pair, id, from, true);
  plan_failure(pair, id);
}

void Network::open_end(const Pair& pair, std::uint64_t id, std::size_t node, bool dialed) {
  Link* link = current(pair, id);
  if (link == nullptr || !running(node)) return;
  link->open[end_of(node, pair)] = true;
  handlers_.link_up(node, node == pair.first ? pair.second : pair.first, dialed);
}

void Network::send(std::size_t from, std::size_t to, const Delivery& deliver) {
  const Pair pair = pair_of(from, to);
  const auto found = links_.find(pair);
  if (found == links_.end() || !found->second.open[end_of(from, pair)]) return;
  ++messages_;
  Link& link = found->second;
  const std::size_t far = end_of(to, pair);
  link.last_arrival[far] = std::max(link.last_arrival[far], queue_.now() + delay());
  const int copies = random_.chance(options_.duplicates_per_million) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    queue_.at(link.last_arrival[far], [this, pair, to, id = link.id, deliver] {
      Link* open = current(pair, id);
      if (open == nullptr || open->mute || !running(to)) return;
      // The far end of a young link may not have opened yet: its first messages wait for that.
      if (open->open[end_of(to, pair)]) deliver();
      else
        queue_.after(options_.latency_max, [this, pair, to, id, deliver] {
          Link* later = current(pair, id);
          if (later != nullptr && !later->mute && later->open[end_of(to, pair)]) deliver();
        });
    });
  }
}

void Network::end(const Pair& pair, std::uint64_t id, std::size_t node, bool lost) {
  Link* link = current(pair, id);
  if (link == nullptr || !link->open[end_of(node, pair)] || !running(node)) return;
  link->open[end_of(node, pair)] = false;
  link->mute = true;
  handlers_.link_down(node, node == pair.first ? pair.second : pair.first, lost);
}

void Network::close(std::size_t a, std::size_t b) {
  const Pair pair = pair_of(a, b);
  const auto found = links_.find(pair);
  if (found == links_.end()) return;
  const std::uint64_t id = found->second.id;
  queue_.after(delay(), [this, pair, id, b] { end(pair, id, b, false); });
  end(pair, id, a, false);
}

void Network::mute(const Pair& pair) {
  const auto found = links_.find(pair);
  if (found == links_.end() || found->second.mute) return;
  found->second.mute = true;
  const std::uint64_t id = found->second.id;
  for (const std::size_t node : {pair.first, pair.second}) {
    // Silence began with the last packet before this moment.
    const Duration silent_for(random_.between(0, options_.ping_interval.count()));
    const std::size_t peer = node == pair.first ? pair.second : pair.first;
    queue_.after(options_.suspect_after - silent_for, [this, pair, id, node, peer] {
      Link* link = current(pair, id);
      if (link != nullptr && link->open[end_of(node, pair)] && running(node))
        handlers_.link_suspect(node, peer);
    });
    queue_.after(options_.lost_after - silent_for, [this, pair, id, node] { end(pair, id, node, true); });
  }
}

void Network::go_mute(std::size_t a, std::size_t b) {
  mute(pair_of(a, b));
}

void Network::plan_failure(const Pair& pair, std::uint64_t id) {
  queue_.after(std::chrono::seconds(1), [this, pair, id] {
    const Link* link = current(pair, id);
    if (link == nullptr || link->mute || !failing_) return;
    if (random_.chance(options_.failures_per_million_seconds)) mute(pair);
    else plan_failure(pair, id);
  });
}

void Network::node_crashed(std::size_t node, bool noticed) {
  running_[node] = false;
  std::vector<Pair> of_node;
  for (const auto& [pair, link] : links_) {
    if (pair.first == node || pair.second == node) of_node.push_back(pair);
  }
  for (const Pair& pair : of_node) {
    const std::size_t peer = pair.first == node ? pair.second : pair.first;
    Link& link = links_.at(pair);
    link.open[end_of(node, pair)] = false;
    const std::uint64_t id = link.id;
    if (noticed && !link.mute) {
      link.mute = true;
      queue_.after(delay(), [this, pair, id, peer] { end(pair, id, peer, true); });
    } else {
      mute(pair);
    }
  }
}

}  // namespace barrel::sim
