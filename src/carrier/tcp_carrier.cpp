#include "carrier/tcp_carrier.hpp"

#include <algorithm>
#include <utility>

namespace barrel::carrier {

TcpCarrier::TcpCarrier(LinkConfig config, TcpConfig tcp, StreamDialer& dialer, const Clock& clock,
                       LinkOwner& owner, Random random, Metrics& metrics, Log log)
    : context_(std::move(config), owner, random, metrics, log), tcp_{std::move(tcp), dialer, clock} {
  context_.now = clock.now();
}

TcpCarrier::~TcpCarrier() = default;

Result<std::unique_ptr<TcpCarrier>> TcpCarrier::make(LinkConfig config, TcpConfig tcp, StreamDialer& dialer,
                                                     const Clock& clock, LinkOwner& owner, Random random,
                                                     Metrics& metrics, Log log) {
  if (config.setup_timeout <= Duration::zero() || tcp.ticktime < std::chrono::milliseconds(4)) {
    return Error{Errc::invalid_argument, "the times of a TCP link must be positive"};
  }
  return std::unique_ptr<TcpCarrier>(
      new TcpCarrier(std::move(config), std::move(tcp), dialer, clock, owner, random, metrics, log));
}

Result<Link*> TcpCarrier::dial(NodeName target, const TcpDial& where, Instant now) {
  context_.now = std::max(context_.now, now);
  const std::uint64_t id = ++last_id_;
  auto link = std::make_unique<TcpLink>(context_, tcp_, id, target);
  if (!link->dial(where)) {
    link->abandon();
    return Error{Errc::busy, "no more sockets"};
  }
  Link* started = link.get();
  links_.emplace(id, std::move(link));
  context_.count("dist.dials");
  return started;
}

void TcpCarrier::accept(std::unique_ptr<ByteStream> stream, Instant now) {
  context_.now = std::max(context_.now, now);
  if (!accepting_) return;
  if (context_.pending_accepted >= tcp_.config.pending_accepted_max ||
      pending_from(stream->remote_address()) >= tcp_.config.pending_per_address_max) {
    context_.count("tcp.pending_limit");
    return;
  }
  const std::uint64_t id = ++last_id_;
  TcpLink& link =
      *links_.emplace(id, std::make_unique<TcpLink>(context_, tcp_, id, std::nullopt)).first->second;
  context_.count("dist.accepted");
  link.accept(std::move(stream));
}

std::size_t TcpCarrier::pending_from(const SocketAddress& address) const {
  return static_cast<std::size_t>(std::ranges::count_if(links_, [&](const auto& entry) {
    const TcpLink& link = *entry.second;
    return !link.dialed() && link.phase() != Phase::up && link.phase() != Phase::down &&
           std::ranges::equal(link.remote_address().ip(), address.ip());
  }));
}

void TcpCarrier::turn(Instant now) {
  context_.now = std::max(context_.now, now);
  // A link that sets a new timer for this very moment gets its turn in the next round.
  std::vector<std::uint64_t> due;
  for (const auto& [at, id] : context_.timers) {
    if (at > now) break;
    due.push_back(id);
  }
  for (const std::uint64_t id : due) {
    const auto link = links_.find(id);
    if (link != links_.end()) link->second->on_timer();
  }
  for (const std::uint64_t id : std::exchange(context_.dead, {})) links_.erase(id);
}

std::optional<Instant> TcpCarrier::next_timeout() const {
  if (context_.timers.empty()) return std::nullopt;
  return context_.timers.begin()->first;
}

std::vector<Link*> TcpCarrier::links() const {
  std::vector<Link*> alive;
  for (const auto& [id, link] : links_) {
    if (link->phase() != Phase::down) alive.push_back(link.get());
  }
  return alive;
}

void TcpCarrier::close_all(std::string_view why, Instant now) {
  for (Link* link : links()) link->close(why, now);
}

}  // namespace barrel::carrier
