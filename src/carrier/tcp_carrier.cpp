#include "carrier/tcp_carrier.hpp"

#include <algorithm>
#include <utility>

namespace barrel::carrier {

TcpCarrier::TcpCarrier(LinkConfig config, TcpConfig tcp, StreamDialer& dialer, const Clock& clock,
                       LinkOwner& owner, Random random, Metrics& metrics, Log log)
    : context_(std::move(config), owner, random, metrics, log),
      tcp_{std::move(tcp), dialer, clock},
      connections_(metrics.gauge("tcp.connections")),
      half_open_(metrics.gauge("tcp.half_open")),
      unfinished_bytes_(metrics.gauge("tcp.unfinished_bytes")) {
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
  auto link = std::make_unique<TcpLink>(context_, tcp_, links_.next_id(), target);
  if (!link->dial(where)) {
    link->abandon();
    return Error{Errc::busy, "no more sockets"};
  }
  context_.count("dist.dials");
  return &links_.add(std::move(link));
}

void TcpCarrier::accept(std::unique_ptr<ByteStream> stream, Instant now) {
  context_.now = std::max(context_.now, now);
  if (!accepting_) return context_.count("tcp.not_accepting");
  if (context_.pending_accepted >= tcp_.config.pending_accepted_max ||
      pending_from(stream->remote_address()) >= tcp_.config.pending_per_address_max) {
    context_.count("tcp.pending_limit");
    return;
  }
  if (accepted() >= tcp_.config.accepted_max) {
    context_.count("tcp.links_limit");
    return;
  }
  TcpLink& link = links_.add(std::make_unique<TcpLink>(context_, tcp_, links_.next_id(), std::nullopt));
  context_.count("dist.accepted");
  link.accept(std::move(stream));
}

std::size_t TcpCarrier::accepted() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(links_.alive(), [](const Link* link) { return !link->dialed(); }));
}

std::size_t TcpCarrier::pending_from(const SocketAddress& address) const {
  return static_cast<std::size_t>(std::ranges::count_if(links_.alive(), [&](const Link* link) {
    return !link->dialed() && link->phase() != Phase::up &&
           std::ranges::equal(link->remote_address().ip(), address.ip());
  }));
}

void TcpCarrier::turn(Instant now) {
  context_.now = std::max(context_.now, now);
  links_.run_due();
  links_.remove_dead();
  connections_.set(links_.size());
  half_open_.set(context_.pending_accepted);
  unfinished_bytes_.set(context_.held.unfinished_bytes);
}

}  // namespace barrel::carrier
