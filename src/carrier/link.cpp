#include "carrier/link.hpp"

#include <algorithm>
#include <utility>

#include "barrel/base/assert.hpp"
#include "carrier/link_context.hpp"

namespace barrel::carrier {
namespace {

/// How long a refusal (a FAIL frame, a status) may take to reach the peer before the connection is closed on
/// it.
constexpr Duration farewell_timeout = std::chrono::seconds(1);

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string in_seconds(Duration duration) {
  std::string text = std::to_string(seconds(duration));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " s";
}

}  // namespace

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::connecting: return "connecting";
    case Phase::authenticating: return "authenticating";
    case Phase::handshaking: return "handshaking";
    case Phase::introducing: return "introducing";
    case Phase::up: return "up";
    case Phase::down: return "down";
  }
  return "unknown";
}

std::string_view to_string(DownReason reason) {
  switch (reason) {
    case DownReason::closed_by_us: return "closed_by_us";
    case DownReason::closed_by_peer: return "closed_by_peer";
    case DownReason::unreachable: return "unreachable";
    case DownReason::silent: return "silent";
    case DownReason::auth_failed: return "auth_failed";
    case DownReason::handshake_failed: return "handshake_failed";
    case DownReason::refused: return "refused";
    case DownReason::timeout: return "timeout";
    case DownReason::protocol_error: return "protocol_error";
    case DownReason::key_mismatch: return "key_mismatch";
  }
  return "unknown";
}

std::shared_ptr<AtomQuota> LinkOwner::atom_quota(NodeName) {
  return std::make_shared<AtomQuota>();
}

Link::Link(LinkContext& context, std::uint64_t id, std::optional<NodeName> target)
    : context_(context), id_(id), target_(target), name_(target) {
  if (dialed()) {
    setup_deadline_ = context.now + context.config.setup_timeout;
  } else {
    ++context.pending_accepted;
    deadline_ = context.now + context.config.auth_timeout;
  }
  last_heard_ = context.now;
  reschedule();
}

Link::~Link() = default;

void Link::set_connection(quic::Connection& connection) {
  connection_ = &connection;
  last_address_ = connection.remote_address();
}

void Link::abandon() {
  setup_deadline_.reset();
  reschedule();
}

dist::DialPhase Link::dial_phase() const {
  if (!dialed() || phase_ == Phase::up || phase_ == Phase::down) return dist::DialPhase::none;
  return name_sent_ ? dist::DialPhase::name_sent : dist::DialPhase::before_name;
}

Instant Link::last_heard() const {
  return connection_ != nullptr ? connection_->last_received() : last_heard_;
}

const SocketAddress& Link::remote_address() const {
  return connection_ != nullptr ? connection_->remote_address() : last_address_;
}

std::size_t Link::unacknowledged_bytes() const {
  return connection_ != nullptr ? connection_->buffered() : 0;
}

void Link::close(std::string_view why, Instant now) {
  context_.now = std::max(context_.now, now);
  end(DownReason::closed_by_us, std::string(why));
}

void Link::end(DownReason reason, std::string text, bool linger, std::optional<auth::Failure> auth) {
  if (phase_ == Phase::down) return;
  if (!dialed() && phase_ != Phase::up) --context_.pending_accepted;
  count_auth(false);
  phase_ = Phase::down;
  context_.count("dist.down." + std::string(to_string(reason)));
  outbound_ = nullptr;
  setup_deadline_.reset();
  deadline_.reset();
  delivered_at_.reset();
  if (linger && connection_ != nullptr && !all_setup_acknowledged()) {
    deadline_ = context_.now + farewell_timeout;
  } else {
    drop_connection();
  }
  reschedule();
  context_.owner.on_down(*this, Down{reason, std::move(text), std::move(auth)});
}

void Link::drop_connection() {
  if (connection_ != nullptr) {
    last_address_ = connection_->remote_address();
    last_heard_ = connection_->last_received();
    quic::Connection& connection = *std::exchange(connection_, nullptr);
    connection.close(0);
    connection.detach();
  }
  context_.dead.push_back(id_);
}

bool Link::all_setup_acknowledged() const {
  if (auth_stream_ && connection_->acknowledged(*auth_stream_) < auth_sent_) return false;
  return control_sent_ == 0 || connection_->acknowledged(control_stream) >= control_sent_;
}

void Link::on_closed(quic::Connection& connection, const quic::CloseReason& reason) {
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

std::string Link::other_end() const {
  std::string text = name_ ? std::string(name_->text()) : std::string("a peer");
  return text + " at " + remote_address().to_string();
}

Down Link::explain_close(const quic::CloseReason& reason) const {
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
    case Phase::up:
    case Phase::down: break;
  }
  if (reason.kind == quic::CloseKind::idle_timeout) return {DownReason::silent, who + " was silent", {}};
  return {DownReason::closed_by_peer, who + " closed the connection: " + how, {}};
}

void Link::set_deadline(Instant deadline) {
  deadline_ = deadline;
  reschedule();
}

void Link::reschedule() {
  std::optional<Instant> next;
  const auto consider = [&next](const std::optional<Instant>& at) {
    if (at && (!next || *at < *next)) next = at;
  };
  if (phase_ == Phase::up) {
    if (silence_) next = silence_->next();
  } else {
    consider(deadline_);
    consider(setup_deadline_);
    consider(delivered_at_);
  }
  if (next == scheduled_) return;
  if (scheduled_) context_.timers.erase({*scheduled_, id_});
  scheduled_ = next;
  if (scheduled_) context_.timers.emplace(*scheduled_, id_);
}

void Link::on_timer() {
  if (scheduled_) context_.timers.erase({*std::exchange(scheduled_, std::nullopt), id_});
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
  } else if ((deadline_ && now >= *deadline_) || (setup_deadline_ && now >= *setup_deadline_)) {
    const std::string limit = in_seconds(context_.config.setup_timeout);
    if (phase_ == Phase::connecting) {
      end(DownReason::unreachable, "no answer from " + other_end() + " within " + limit);
    } else {
      std::string waited = phase_ == Phase::handshaking   ? std::string(handshake_->waiting_for())
                           : phase_ == Phase::introducing ? std::string("its capability term")
                                                          : std::string("its authentication");
      end(DownReason::timeout,
          other_end() + " was not connected within " + limit + "; we waited for " + waited);
    }
  }
  reschedule();
}

void Link::check_silence() {
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
