#include "sim/nodes/datagram_network.hpp"

#include <algorithm>

namespace barrel::sim {

namespace {
/// How much the time of one datagram differs from the next one's.
constexpr Duration jitter_max = std::chrono::microseconds(50);
/// How long one that is held up waits, beside the latency once more.
constexpr Duration held_up_max = std::chrono::milliseconds(5);
}  // namespace

void DatagramNetwork::attach(const SocketAddress& address, DatagramReceiver& machine) {
  by_address_.emplace(address, machines_.size());
  machines_.emplace_back(address, &machine);
}

bool DatagramNetwork::passes(std::size_t from, std::size_t to) {
  if (!reaches(from, to)) return false;
  if (const auto loss = loss_per_million(from, to); loss > 0 && random_.chance(loss)) return false;
  return !random_.chance(weather_.loss_per_million);
}

DatagramNetwork::Path& DatagramNetwork::path(std::size_t from, std::size_t to) {
  const auto known = paths_.find({from, to});
  if (known != paths_.end()) return known->second;
  const Duration latency(random_.between(weather_.latency_min.count(), weather_.latency_max.count()));
  paths_.emplace(std::pair(to, from), Path{latency, {}});
  return paths_.emplace(std::pair(from, to), Path{latency, {}}).first->second;
}

void DatagramNetwork::send(std::size_t from, const SocketAddress& to, BytesView datagram) {
  ++sent_;
  trace_.add(queue_.now());
  trace_.add(from << 32U | datagram.size());
  const auto known = by_address_.find(to);
  if (known == by_address_.end() || !passes(from, known->second)) {
    ++lost_;
    return;
  }
  const auto bytes = std::make_shared<const Bytes>(datagram.begin(), datagram.end());
  deliver(from, known->second, bytes);
  if (random_.chance(weather_.duplicates_per_million)) deliver(from, known->second, bytes);
}

void DatagramNetwork::deliver(std::size_t from, std::size_t to,
                              const std::shared_ptr<const Bytes>& datagram) {
  Path& way = path(from, to);
  Instant when = queue_.now() + way.latency + Duration(random_.between(0, jitter_max.count()));
  if (random_.chance(weather_.reordered_per_million)) {
    when += Duration(random_.between(0, (way.latency + held_up_max).count()));
  } else {
    when = std::max(when, way.last_arrival);
    way.last_arrival = when;
  }
  queue_.at(when, [this, from, to, datagram] {
    DatagramReceiver& machine = *machines_[to].second;
    if (machine.listens()) return machine.arrived(machines_[from].first, datagram);
    if (!machine.refuses()) return;
    queue_.after(path(to, from).latency,
                 [this, from, to] { machines_[from].second->refused(machines_[to].first); });
  });
}

}  // namespace barrel::sim
