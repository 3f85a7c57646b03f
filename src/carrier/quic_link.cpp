#include "carrier/quic_link.hpp"

#include <algorithm>
#include <utility>

#include "barrel/base/assert.hpp"
#include "carrier/link_context.hpp"

namespace barrel::carrier {
namespace {

/// How long a refusal (a FAIL frame, a status) may take to reach the peer before the connection is closed on
/// it.
constexpr Duration farewell_timeout = std::chrono::seconds(1);

}  // namespace

QuicLink::QuicLink(LinkContext& context, std::uint64_t id, std::optional<NodeName> target)
    : Link(context, id, target, Carries::quic) {
  if (!dialed()) deadline_ = context.now + context.config.auth_timeout;
  last_heard_ = context.now;
  reschedule();
}

QuicLink::~QuicLink() {
  context_.held.early_bytes -= early_bytes_;
  if (auth_started_) --context_.held.authenticating;
}

void QuicLink::set_connection(quic::Connection& connection) {
  connection_ = &connection;
  last_address_ = connection.remote_address();
}

void QuicLink::abandon() {
  setup_deadline_.reset();
  reschedule();
}

Instant QuicLink::last_heard() const {
  return connection_ != nullptr ? connection_->last_received() : last_heard_;
}

const SocketAddress& QuicLink::remote_address() const {
  return connection_ != nullptr ? connection_->remote_address() : last_address_;
}

std::size_t QuicLink::unacknowledged_bytes() const {
  return connection_ != nullptr ? connection_->buffered() : 0;
}

void QuicLink::release(bool linger) {
  delivered_at_.reset();
  if (linger && connection_ != nullptr && !all_setup_acknowledged()) {
    deadline_ = context_.now + farewell_timeout;
  } else {
    drop_connection();
  }
}

void QuicLink::drop_connection() {
  if (connection_ != nullptr) {
    last_address_ = connection_->remote_address();
    last_heard_ = connection_->last_received();
    quic::Connection& connection = *std::exchange(connection_, nullptr);
    connection.close(0);
    connection.detach();
  }
  context_.dead.push_back(id_);
}

bool QuicLink::all_setup_acknowledged() const {
  if (auth_stream_ && connection_->acknowledged(*auth_stream_) < auth_sent_) return false;
  return control_sent_ == 0 || connection_->acknowledged(control_stream) >= control_sent_;
}

void QuicLink::on_closed(quic::Connection& connection, const quic::CloseReason& reason) {
  last_address_ = connection.remote_address();
  last_heard_ = connection.last_received();
  connection_ = nullptr;
  if (phase_ == Phase::down) {
    deadline_.reset();
    reschedule();
    context_.dead.push_back(id_);
    return;
  }
  Down down = explain_close(reason);
  end(down.reason, std::move(down.text), false, std::move(down.auth));
}

Down QuicLink::explain_close(const quic::CloseReason& reason) const {
  const std::string who = other_end();
  std::string how = std::string(to_string(reason.kind));
  if (reason.kind == quic::CloseKind::transport) how += " error " + std::to_string(reason.code);
  if (!reason.text.empty()) how += " (" + reason.text + ")";
  const bool by_peer = reason.by_peer && reason.kind == quic::CloseKind::application;
  switch (phase_) {
    case Phase::connecting:
      if (reason.kind == quic::CloseKind::handshake_timeout) {
        return {DownReason::unreachable, "no answer from " + who, {}};
      }
      return {DownReason::unreachable, "cannot reach " + who + ": " + how, {}};
    case Phase::authenticating:
      if (!by_peer) break;
      return {
          DownReason::closed_by_peer,
          who +
              " closed the connection during authentication: it may not trust our key, or the clocks differ",
          {}};
    case Phase::handshaking:
      if (!by_peer) break;
      if (handshake_->cookie_in_doubt()) {
        return {DownReason::handshake_failed,
                who +
                    " closed the connection on our answer to its challenge: most likely it has another "
                    "cookie; set " +
                    "dist_cookie to the same value on both",
                {}};
      }
      return {DownReason::closed_by_peer,
              who + " closed the connection while we waited for " + std::string(handshake_->waiting_for()),
              {}};
    case Phase::introducing:
    case Phase::pinning:
    case Phase::up:
    case Phase::down: break;
  }
  if (reason.kind == quic::CloseKind::idle_timeout) return {DownReason::silent, who + " was silent", {}};
  return {DownReason::closed_by_peer, who + " closed the connection: " + how, {}};
}

std::optional<Instant> QuicLink::next_timer() const {
  const std::optional<Instant> next = Link::next_timer();
  if (phase_ == Phase::up || !delivered_at_) return next;
  return next ? std::min(*next, *delivered_at_) : *delivered_at_;
}

void QuicLink::on_timer() {
  unschedule();
  const Instant now = context_.now;
  if (phase_ == Phase::down) {
    if (deadline_ && now >= *deadline_ && connection_ != nullptr) {
      deadline_.reset();
      drop_connection();
    }
  } else if (phase_ == Phase::up) {
    check_silence();
  } else if (delivered_at_ && now >= *delivered_at_) {
    delivered_at_.reset();
    dist::HandshakeEffects effects;
    handshake_->delivered(effects);
    perform(std::move(effects));
  } else if (phase_ == Phase::authenticating && now >= auth_->deadline()) {
    auth::Effects effects;
    auth_->expire({now, context_.owner.system_now()}, effects);
    perform(std::move(effects));
  } else {
    expire_setup();
  }
  reschedule();
}

void QuicLink::check_silence() {
  tell_drained();  // for what was acknowledged while nothing was in flight on our streams
  if (!alive()) return;
  switch (silence_->look(connection_->last_received(), context_.now)) {
    case Silence::Step::none: break;
    case Silence::Step::probe: connection_->probe(); break;
    case Silence::Step::suspect:
      connection_->probe();
      context_.count("dist.suspected");
      context_.owner.on_suspect(*this);
      break;
    case Silence::Step::alive: context_.owner.on_alive(*this); break;
    case Silence::Step::down:
      end(DownReason::silent,
          other_end() + " was silent for " + in_seconds(context_.config.liveness.down_after));
      break;
  }
}

}  // namespace barrel::carrier
