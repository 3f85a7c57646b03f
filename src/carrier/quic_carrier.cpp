#include "carrier/quic_carrier.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "quic/neighbourhood.hpp"

namespace barrel::carrier {
namespace {

std::optional<Error> check(const LinkConfig& config, const quic::EndpointConfig& endpoint) {
  const Liveness& liveness = config.liveness;
  const bool ordered = liveness.ping_after > Duration::zero() &&
                       liveness.ping_after < liveness.suspect_after &&
                       liveness.suspect_after < liveness.down_after;
  if (!ordered)
    return Error{Errc::invalid_argument, "liveness needs 0 < ping_after < suspect_after < down_after"};
  if (config.auth_timeout <= Duration::zero() || config.setup_timeout <= Duration::zero()) {
    return Error{Errc::invalid_argument, "the timeouts of a link must be positive"};
  }
  if (config.unsent_bytes_target < endpoint.send_high_water) {
    return Error{Errc::invalid_argument, "unsent_bytes_target must not be below send_high_water"};
  }
  return std::nullopt;
}

}  // namespace

QuicCarrier::QuicCarrier(LinkConfig config, LinkOwner& owner, Random random, Metrics& metrics, Log log)
    : context_(std::move(config), owner, random, metrics, log),
      unfinished_bytes_(metrics.gauge("dist.unfinished_bytes")),
      early_bytes_(metrics.gauge("dist.early_bytes")),
      authenticating_(metrics.gauge("auth.authenticating")),
      pending_(metrics.gauge("auth.pending")) {
  context_.config.capabilities.frame_bytes_max = context_.config.frame_bytes_max;
}

QuicCarrier::~QuicCarrier() = default;

Result<std::unique_ptr<QuicCarrier>> QuicCarrier::make(LinkConfig config, quic::EndpointConfig endpoint,
                                                       DatagramSink& sink, LinkOwner& owner, Random random,
                                                       Metrics& metrics, Log log) {
  if (auto error = check(config, endpoint)) return *std::move(error);
  std::unique_ptr<QuicCarrier> carrier(new QuicCarrier(std::move(config), owner, random, metrics, log));
  auto made = quic::Endpoint::make(std::move(endpoint), sink, *carrier, metrics, log);
  if (!made) return std::move(made).error();
  carrier->endpoint_ = *std::move(made);
  if (const BytesView certificate = carrier->endpoint_->certificate(); !certificate.empty()) {
    auto binding = auth::channel_binding(certificate);
    if (!binding) return std::move(binding).error();
    carrier->context_.own_binding = *binding;
  }
  return carrier;
}

Result<Link*> QuicCarrier::dial(NodeName target, quic::Dial where, Instant now) {
  context_.now = std::max(context_.now, now);
  if (!where.deadline) where.deadline = context_.config.setup_timeout;
  auto link = std::make_unique<QuicLink>(context_, links_.next_id(), target);
  auto connection = endpoint_->connect(where, link->events(), now);
  if (!connection) {
    link->abandon();
    return std::move(connection).error();
  }
  link->set_connection(**connection);
  context_.count("dist.dials");
  return &links_.add(std::move(link));
}

/// One host cannot lock the others out: whoever has most gives way, those first that have not authenticated.
void QuicCarrier::close_pending() {
  std::unordered_map<SocketAddress, std::vector<Link*>> pending;  // oldest first
  for (Link* link : links_.alive()) {
    if (link->dialed() || link->phase() == Phase::up) continue;
    pending[quic::neighbourhood(link->remote_address())].push_back(link);
  }
  const auto later = [](const auto& a, const auto& b) {
    if (a.second.size() != b.second.size()) return a.second.size() < b.second.size();
    return a.second.front()->id() > b.second.front()->id();
  };
  const auto most = std::max_element(pending.begin(), pending.end(), later);
  if (most == pending.end()) return;
  const std::vector<Link*>& links = most->second;
  const auto stranger = std::find_if(links.begin(), links.end(), [](const Link* link) {
    return link->phase() == Phase::connecting || link->phase() == Phase::authenticating;
  });
  Link& closed = stranger != links.end() ? **stranger : *links.front();
  closed.close("gives way: too many connections are being set up", context_.now);
}

quic::ConnectionEvents* QuicCarrier::on_accept(quic::Connection& connection) {
  if (context_.pending_accepted >= context_.config.pending_accepted_max) {
    context_.count("auth.pending_limit");
    close_pending();
  }
  QuicLink& link = links_.add(std::make_unique<QuicLink>(context_, links_.next_id(), std::nullopt));
  link.set_connection(connection);
  context_.count("dist.accepted");
  return &link.events();
}

void QuicCarrier::receive(const DatagramTrain& train, Instant now) {
  context_.now = std::max(context_.now, now);
  endpoint_->receive(train, now);
}

void QuicCarrier::refused(const SocketAddress& remote, Instant now) {
  context_.now = std::max(context_.now, now);
  endpoint_->refused(remote, now);
}

void QuicCarrier::writable(Instant now) {
  context_.now = std::max(context_.now, now);
  endpoint_->writable(now);
}

void QuicCarrier::turn(Instant now) {
  context_.now = std::max(context_.now, now);
  links_.run_due();
  if (const auto timeout = endpoint_->next_timeout(); timeout && *timeout <= now)
    endpoint_->handle_timeout(now);
  endpoint_->flush(now);
  links_.remove_dead();
  unfinished_bytes_.set(context_.held.unfinished_bytes);
  early_bytes_.set(context_.held.early_bytes);
  authenticating_.set(context_.held.authenticating);
  pending_.set(context_.pending_accepted);
}

std::optional<Instant> QuicCarrier::next_timeout() const {
  const auto transport = endpoint_->next_timeout();
  const auto links = links_.next_timer();
  return transport && links ? std::min(*transport, *links) : transport ? transport : links;
}

void QuicCarrier::set_accepting(bool accepting) {
  endpoint_->set_accepting(accepting);
}

}  // namespace barrel::carrier
