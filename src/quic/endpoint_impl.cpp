#include "quic/endpoint_impl.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "barrel/base/assert.hpp"

namespace barrel::quic {
namespace {

constexpr std::size_t token_key_bytes = 32;
/// RFC 9000 §14: every path must carry this.
constexpr std::size_t udp_payload_least = 1'200;
/// While the sink is blocked nothing can be written, however overdue; timers still run this often.
constexpr Duration blocked_poll = std::chrono::milliseconds(5);
/// How long a closed connection answers late packets at most, should its round trip time be absurd.
constexpr Duration linger_max = std::chrono::seconds(10);

Error unusable(std::string_view what) {
  return {Errc::invalid_argument, Term::binary(as_bytes(what))};
}

}  // namespace

Result<std::unique_ptr<Endpoint>> Endpoint::make(EndpointConfig config, DatagramSink& sink,
                                                 EndpointEvents& events, Metrics& metrics, Log log) {
  if (config.token_key.empty()) {
    config.token_key.resize(token_key_bytes);
    random_secret(config.token_key);
  }
  if (config.token_key.size() != token_key_bytes) return unusable("token_key");
  if (config.alpn.empty()) return unusable("alpn");
  for (const auto& protocol : config.alpn) {
    if (protocol.empty() || protocol.size() > 255) return unusable("alpn");
  }
  if (config.udp_payload_bytes_max < udp_payload_least ||
      config.udp_payload_bytes_max > PacketTrain::bytes_max) {
    return unusable("udp_payload_bytes_max");
  }
  if (config.active_connection_ids_max < 2) return unusable("active_connection_ids_max");
  auto tls = TlsContext::make(config.certificate_pem, config.private_key_pem);
  if (!tls) return std::move(tls).error();
  std::unique_ptr<Endpoint> endpoint =
      std::make_unique<EndpointImpl>(std::move(config), std::move(*tls), sink, events, metrics, log);
  return endpoint;
}

EndpointImpl::EndpointImpl(EndpointConfig config, std::unique_ptr<TlsContext> tls, DatagramSink& sink,
                           EndpointEvents& events, Metrics& metrics, Log log)
    : config_(std::move(config)),
      tls_(std::move(tls)),
      events_(&events),
      counters_(metrics),
      log_(log),
      train_(sink, config_.udp_payload_bytes_max),
      stateless_(config_.stateless_per_second_max) {}

EndpointImpl::~EndpointImpl() {
  counters_.connections.subtract(connections_.size());
  counters_.half_open.subtract(half_open_.total());
  // While the routes that they remove still exist.
  connections_.clear();
}

std::size_t EndpointImpl::TokenHash::operator()(const ResetToken& token) const noexcept {
  // Chosen by peers, at most active_connection_ids_max for each connection: collisions only hurt who makes
  // them.
  std::size_t hash = 0;
  std::memcpy(&hash, token.data(), sizeof hash);
  return hash;
}

Result<Connection*> EndpointImpl::connect(const Dial& dial, ConnectionEvents& events, Instant now) {
  if (!dial.remote.is_valid() || dial.remote.port() == 0 || dial.remote.is_wildcard())
    return unusable("remote");
  if (!dial.local.is_valid()) return unusable("local");
  if (connections_.size() >= config_.connections_max) {
    counters_.connections_limit.add();
    return Error{Errc::limit_exceeded, Term::binary(as_bytes("connections_max"))};
  }
  auto made = ConnectionImpl::dial(*this, next_id_++, dial, events, now);
  if (!made) return std::move(made).error();
  ConnectionImpl* connection = made->get();
  adopt(std::move(*made));
  counters_.dialled.add();
  last_now_ = std::max(last_now_, now);
  mark_dirty(*connection);
  return static_cast<Connection*>(connection);
}

void EndpointImpl::add_reset_token(const ResetToken& token, ConnectionImpl& connection) {
  reset_tokens_[token] = &connection;
  connection.reset_tokens.push_back(token);
}

void EndpointImpl::remove_reset_token(const ResetToken& token, ConnectionImpl& connection) {
  reset_tokens_.erase(token);
  std::erase(connection.reset_tokens, token);
}

Connection* EndpointImpl::find(ConnectionId id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

void EndpointImpl::adopt(std::unique_ptr<ConnectionImpl> connection) {
  const auto id = connection->id();
  connections_.emplace(id, std::move(connection));
  counters_.connections.add();
}

void EndpointImpl::mark_dirty(ConnectionImpl& connection) {
  // While it is being made it is not ours yet; who makes it marks it.
  if (connection.dirty || !connections_.contains(connection.id())) return;
  connection.dirty = true;
  dirty_.push_back(&connection);
}

ConnectionEvents* EndpointImpl::handshake_done(ConnectionImpl& connection) {
  leave_half_open(connection);
  return events_->on_accept(connection);
}

void EndpointImpl::leave_half_open(ConnectionImpl& connection) {
  if (!connection.counted_half_open) return;
  half_open_.remove(connection.id(), *connection.counted_half_open, connection.address_proven());
  connection.counted_half_open.reset();
  counters_.half_open.subtract();
}

void EndpointImpl::close_all(std::uint64_t code, std::string_view text) {
  for (auto& [id, connection] : connections_) connection->close(code, text);
}

void EndpointImpl::refused(const SocketAddress& remote, Instant now) {
  last_now_ = std::max(last_now_, now);
  for (auto& [id, connection] : connections_) {
    if (connection->remote_address() == remote) connection->on_refused(now);
  }
}

void EndpointImpl::writable(Instant now) {
  last_now_ = std::max(last_now_, now);
  train_.set_writable();
  // Whoever was cut short has no timer that says so.
  for (auto& [id, connection] : connections_) mark_dirty(*connection);
}

void EndpointImpl::handle_timeout(Instant now) {
  last_now_ = std::max(last_now_, now);
  while (!timers_.empty() && timers_.begin()->first <= now) {
    ConnectionImpl& connection = *timers_.begin()->second;
    unschedule(connection);
    const auto expiry = connection.expiry();
    if (expiry && *expiry <= now) connection.handle_expiry(now);
    else schedule(connection);
  }
  forget_closing(now);
}

void EndpointImpl::flush(Instant now) {
  last_now_ = std::max(last_now_, now);
  // What owners do in their events waits for the next flush.
  const auto dirty = std::exchange(dirty_, {});
  for (ConnectionImpl* connection : dirty) connection->dirty = false;
  for (ConnectionImpl* connection : dirty) {
    if (connection->write(train_, now)) mark_dirty(*connection);
    if (connection->ended()) bury(*connection, now);
    else schedule(*connection);
  }
  train_.flush();
  count_sent();
}

void EndpointImpl::count_sent() {
  const auto sent = train_.take_sent();
  if (sent.packets == 0) return;
  counters_.packets_sent.add(sent.packets);
  counters_.trains_sent.add(sent.trains);
  counters_.bytes_sent.add(sent.bytes);
}

std::optional<Instant> EndpointImpl::next_timeout() const {
  std::optional<Instant> next;
  if (!timers_.empty()) next = timers_.begin()->first;
  if (!closing_.empty() && (!next || closing_.front()->until < *next)) next = closing_.front()->until;
  if (train_.blocked()) {
    if (next) next = std::max(*next, last_now_ + blocked_poll);
    return next;
  }
  return dirty_.empty() ? next : last_now_;
}

void EndpointImpl::schedule(ConnectionImpl& connection) {
  const auto expiry = connection.expiry();
  // A timer that comes too early is looked at again when it comes, which is cheaper than moving it all the
  // time.
  if (!expiry || (connection.timer_at && *connection.timer_at <= *expiry)) return;
  if (connection.timer_at) {
    auto node = timers_.extract({*connection.timer_at, &connection});
    node.value().first = *expiry;
    timers_.insert(std::move(node));
  } else {
    timers_.emplace(*expiry, &connection);
  }
  connection.timer_at = expiry;
}

void EndpointImpl::unschedule(ConnectionImpl& connection) {
  if (!connection.timer_at) return;
  timers_.erase({*connection.timer_at, &connection});
  connection.timer_at.reset();
}

/// Removes every way that leads to the connection, but not the routes of the ids that it issued.
void EndpointImpl::forget(ConnectionImpl& connection) {
  unschedule(connection);
  leave_half_open(connection);
  if (connection.initial_route) initial_routes_.erase(*connection.initial_route);
  for (const auto& token : connection.reset_tokens) reset_tokens_.erase(token);
  if (connection.dirty) std::erase(dirty_, &connection);
}

void EndpointImpl::bury(ConnectionImpl& connection, Instant now) {
  auto farewell = connection.finish(now);
  forget(connection);
  if (!farewell.packet.empty()) {
    train_.send_single(farewell.packet, farewell.local, farewell.remote);
  }
  auto closing = std::make_shared<Closing>();
  closing->until = now + std::min(farewell.linger, linger_max);
  closing->farewell = std::move(farewell);
  for (const auto id : closing->farewell.routes) routes_[id] = {nullptr, closing};
  closing_.push_back(std::move(closing));
  if (closing_.size() > config_.closing_max) counters_.closing_limit.add();
  forget_closing(now);

  connection.deliver_closed();
  counters_.closed.add();
  connections_.erase(connection.id());
  counters_.connections.subtract();
}

void EndpointImpl::forget_closing(Instant now) {
  while (!closing_.empty() && (closing_.front()->until <= now || closing_.size() > config_.closing_max)) {
    for (const auto id : closing_.front()->farewell.routes) {
      const auto found = routes_.find(id);
      if (found != routes_.end() && found->second.connection == nullptr) routes_.erase(found);
    }
    closing_.pop_front();
  }
}

}  // namespace barrel::quic
