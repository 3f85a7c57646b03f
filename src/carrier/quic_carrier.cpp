#include "carrier/quic_carrier.hpp"

#include <algorithm>
#include <utility>

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
    : context_(std::move(config), owner, random, metrics, log) {
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
  const std::uint64_t id = ++last_id_;
  auto link = std::make_unique<QuicLink>(context_, id, target);
  auto connection = endpoint_->connect(where, link->events(), now);
  if (!connection) {
    link->abandon();
    return std::move(connection).error();
  }
  link->set_connection(**connection);
  Link* started = link.get();
  links_.emplace(id, std::move(link));
  context_.count("dist.dials");
  return started;
}

quic::ConnectionEvents* QuicCarrier::on_accept(quic::Connection& connection) {
  if (context_.pending_accepted >= context_.config.pending_accepted_max) {
    context_.count("auth.pending_limit");
    return nullptr;
  }
  const std::uint64_t id = ++last_id_;
  auto link = std::make_unique<QuicLink>(context_, id, std::nullopt);
  link->set_connection(connection);
  quic::ConnectionEvents* events = &link->events();
  links_.emplace(id, std::move(link));
  context_.count("dist.accepted");
  return events;
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
  if (const auto timeout = endpoint_->next_timeout(); timeout && *timeout <= now)
    endpoint_->handle_timeout(now);
  endpoint_->flush(now);
  remove_dead();
}

std::optional<Instant> QuicCarrier::next_timeout() const {
  std::optional<Instant> next = endpoint_->next_timeout();
  if (!context_.timers.empty()) {
    const Instant first = context_.timers.begin()->first;
    if (!next || first < *next) next = first;
  }
  return next;
}

void QuicCarrier::remove_dead() {
  for (const std::uint64_t id : std::exchange(context_.dead, {})) links_.erase(id);
}

void QuicCarrier::set_accepting(bool accepting) {
  endpoint_->set_accepting(accepting);
}

std::vector<Link*> QuicCarrier::links() const {
  std::vector<Link*> alive;
  for (const auto& [id, link] : links_) {
    if (link->phase() != Phase::down) alive.push_back(link.get());
  }
  return alive;
}

Link* QuicCarrier::find(std::uint64_t id) const {
  const auto found = links_.find(id);
  return found != links_.end() && found->second->phase() != Phase::down ? found->second.get() : nullptr;
}

std::size_t QuicCarrier::unacknowledged_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [id, link] : links_) bytes += link->unacknowledged_bytes();
  return bytes;
}

void QuicCarrier::close_all(std::string_view why, Instant now) {
  for (Link* link : links()) link->close(why, now);
}

}  // namespace barrel::carrier
