// How a link comes up: authentication, distribution handshake, capability terms.
#include <utility>

#include "barrel/base/assert.hpp"
#include "carrier/link.hpp"
#include "carrier/link_context.hpp"

namespace barrel::carrier {
namespace {

constexpr std::string_view alpn_barrel = "barrel/1";

/// Between the acknowledgement of a status and the challenge: an Erlang dialer then takes them as two
/// messages even if its own scheduling is slow (wire-quic-dist §1.5).
constexpr Duration status_gap = std::chrono::milliseconds(5);

constexpr std::size_t introduction_header_bytes = 2;

DownReason down_reason(dist::HandshakeFailure failure) {
  switch (failure) {
    case dist::HandshakeFailure::refused:
    case dist::HandshakeFailure::not_allowed: return DownReason::refused;
    case dist::HandshakeFailure::refused_by_us: return DownReason::closed_by_us;
    case dist::HandshakeFailure::malformed:
    case dist::HandshakeFailure::wrong_name:
    case dist::HandshakeFailure::missing_flags:
    case dist::HandshakeFailure::wrong_cookie:
    case dist::HandshakeFailure::abandoned: return DownReason::handshake_failed;
  }
  return DownReason::handshake_failed;
}

}  // namespace

void Link::on_connected(quic::Connection& connection) {
  if (phase_ != Phase::connecting) return;
  // An Erlang listener that does not know our protocols selects none, and means erlang-dist.
  peer_.dialect = connection.alpn() == alpn_barrel ? dist::Dialect::barrel : dist::Dialect::erlang;
  start_auth();
}

void Link::start_auth() {
  phase_ = Phase::authenticating;
  auth::HandshakeSetup setup{
      .role = dialed() ? auth::Role::client : auth::Role::server,
      .self = context_.config.self,
      .identity = context_.owner.identity(),
      .dialed = target_,
      .binding = context_.own_binding,
      .nonce = context_.owner.nonce(),
      .trust = [this](std::string_view name,
                      const PublicKey& key) { return context_.owner.check_trust(name, key); },
      .timestamp_window = context_.config.auth_timestamp_window,
      .handshake_timeout = context_.config.auth_timeout};
  if (dialed()) {
    auto binding = auth::channel_binding(connection_->peer_certificate());
    setup.binding = binding ? std::optional(*binding) : std::nullopt;
  }
  auth_.emplace(std::move(setup));
  auth_started_ = context_.now;
  auth::Effects effects;
  auth_->start({context_.now, context_.owner.system_now()}, effects);
  if (phase_ == Phase::authenticating && !auth_->done()) set_deadline(auth_->deadline());
  perform(std::move(effects));
}

void Link::perform(auth::Effects effects) {
  for (auth::Effect& effect : effects) {
    if (!alive()) return;
    if (auto* send = std::get_if<auth::Send>(&effect)) {
      send_auth(std::move(send->bytes), false);
    } else if (std::holds_alternative<auth::Finish>(effect)) {
      send_auth({}, true);
    } else if (const auto* done = std::get_if<auth::Authenticated>(&effect)) {
      name_ = done->peer;
      peer_.name = done->peer;
      peer_.key = done->key;
      count_auth(true);
      context_.owner.on_authenticated(*this, done->peer, done->key);
      if (alive()) start_handshake();
    } else if (const auto* failed = std::get_if<auth::Failed>(&effect)) {
      on_auth_failed(*failed);
    }
  }
}

void Link::send_auth(Bytes bytes, bool fin) {
  if (!auth_stream_) {
    auto stream = connection_->open_unidirectional();
    if (!stream || *stream != auth_stream(is_client())) {
      return end(DownReason::protocol_error, other_end() + " lets us open no stream for the authentication");
    }
    auth_stream_ = *stream;
    connection_->set_priority(*stream, quic::StreamPriority::control);
  }
  const auto sent = connection_->send(*auth_stream_, SharedBytes(std::move(bytes)), fin);
  if (!sent) {
    return end(DownReason::closed_by_peer,
               other_end() + " does not read the authentication: " + sent.error().message());
  }
  auth_sent_ = *sent;
}

void Link::on_auth_stream(BytesView bytes, bool fin) {
  auth::Effects effects;
  auth_->receive(bytes, {context_.now, context_.owner.system_now()}, effects);
  if (fin && !auth_->done()) auth_->peer_finished(effects);
  perform(std::move(effects));
}

void Link::count_auth(bool succeeded) {
  if (!auth_started_) return;
  const std::string attributes = std::string("{role=") + (dialed() ? "outgoing" : "incoming") +
                                 ",outcome=" + (succeeded ? "ok" : "fail") + "}";
  context_.count("barrel_p2p.dist.auth.attempts" + attributes);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(context_.now - *auth_started_);
  context_.metrics.histogram("barrel_p2p.dist.auth.duration_ms" + attributes)
      .record(static_cast<std::uint64_t>(took.count()));
  auth_started_.reset();
}

void Link::on_auth_failed(const auth::Failed& failed) {
  context_.count("auth.failed." + std::string(to_string(failed.failure.reason)));
  end(DownReason::auth_failed, explain(failed.failure, context_.config.self), failed.failure.fail_frame_sent,
      failed.failure);
}

void Link::start_handshake() {
  phase_ = Phase::handshaking;
  dist::HandshakeSetup setup;
  setup.role = dialed() ? dist::Role::initiator : dist::Role::acceptor;
  setup.framing = peer_.dialect == dist::Dialect::barrel ? dist::Framing::length16 : dist::Framing::none;
  setup.self = context_.config.self;
  setup.peer = peer_.name;
  setup.creation = context_.config.creation;
  setup.cookie = context_.config.cookie;
  handshake_.emplace(std::move(setup), context_.random.split());
  set_deadline(context_.now + context_.config.setup_timeout);
  if (dialed()) {
    const auto stream = connection_->open_bidirectional();
    if (!stream || *stream != control_stream) {
      return end(DownReason::protocol_error,
                 other_end() + " lets us open no stream for the distribution handshake");
    }
  }
  dist::HandshakeEffects effects;
  handshake_->start(effects);
  name_sent_ = dialed();
  perform(std::move(effects));
}

void Link::perform(dist::HandshakeEffects effects) {
  bool status_sent = false;
  for (dist::HandshakeEffect& effect : effects) {
    if (!alive()) return;
    if (auto* send = std::get_if<dist::SendBytes>(&effect)) {
      send_control(std::move(send->bytes));
      status_sent = true;
    } else if (std::holds_alternative<dist::AwaitDelivery>(effect)) {
      awaiting_delivery_ = true;
    } else if (const auto* ask = std::get_if<dist::AskVerdict>(&effect)) {
      ask_owner(*ask);
    } else if (const auto* complete = std::get_if<dist::HandshakeComplete>(&effect)) {
      on_handshake_complete(*complete);
    } else if (const auto* failed = std::get_if<dist::HandshakeFailed>(&effect)) {
      on_handshake_failed(*failed, status_sent);
    }
  }
}

void Link::ask_owner(const dist::AskVerdict& ask) {
  const dist::Verdict verdict = context_.owner.on_incoming(*this, ask.peer, ask.creation);
  if (!alive()) return;
  context_.count("dist.incoming." + std::string(to_string(verdict)));
  dist::HandshakeEffects effects;
  handshake_->answer(verdict, effects);
  perform(std::move(effects));
}

void Link::send_control(Bytes bytes) {
  const auto sent = connection_->send(control_stream, SharedBytes(std::move(bytes)));
  if (!sent) {
    return end(DownReason::closed_by_peer,
               other_end() + " does not read stream 0: " + sent.error().message());
  }
  control_sent_ = *sent;
}

void Link::on_control_stream(BytesView bytes, bool fin) {
  if (phase_ == Phase::handshaking) {
    dist::HandshakeEffects effects;
    handshake_->receive(bytes, effects);
    perform(std::move(effects));
  } else if (phase_ == Phase::introducing) {
    on_introduction(bytes);
  } else if (phase_ == Phase::up && !bytes.empty()) {
    context_.count(
        "dist.ticks");  // QUIC's own packets keep the link alive; what else comes here means nothing
  }
  if (fin && alive() && phase_ != Phase::up) {
    end(DownReason::closed_by_peer, other_end() + " ended stream 0 before the link was up");
  }
}

void Link::on_handshake_complete(const dist::HandshakeComplete& complete) {
  peer_.creation = complete.creation;
  peer_.flags = complete.flags;
  if (peer_.dialect == dist::Dialect::erlang) return come_up();

  phase_ = Phase::introducing;
  const Bytes term = dist::encode_capabilities(context_.config.capabilities);
  Bytes framed;
  ByteWriter writer(framed);
  writer.u16(static_cast<std::uint16_t>(term.size()));
  writer.bytes(term);
  send_control(std::move(framed));
  if (alive()) on_introduction(handshake_->take_leftover());
}

void Link::on_introduction(BytesView bytes) {
  introduction_.insert(introduction_.end(), bytes.begin(), bytes.end());
  while (introduction_.size() >= introduction_header_bytes) {
    const std::size_t length = std::size_t{introduction_[0]} << 8 | introduction_[1];
    const std::size_t whole = introduction_header_bytes + length;
    if (length > dist::Capabilities::bytes_max) {
      return end(DownReason::handshake_failed, other_end() + " sends too long a capability term");
    }
    if (introduction_.size() < whole) return;
    if (length == 0) {  // a tick
      introduction_.erase(introduction_.begin(), introduction_.begin() + static_cast<std::ptrdiff_t>(whole));
      continue;
    }
    auto capabilities =
        dist::decode_capabilities(BytesView(introduction_).subspan(introduction_header_bytes, length));
    if (!capabilities) {
      return end(DownReason::handshake_failed,
                 other_end() + " sends no valid capability term: " + capabilities.error().message());
    }
    peer_.capabilities = *std::move(capabilities);
    introduction_ = {};
    return come_up();
  }
}

void Link::on_handshake_failed(const dist::HandshakeFailed& failed, bool status_sent) {
  context_.count("dist.handshake_failed." + std::string(to_string(failed.reason)));
  end(down_reason(failed.reason), failed.text, status_sent);
}

void Link::come_up() {
  if (!context_.owner.pin(*this, peer_.name, peer_.key)) {
    context_.count("auth.failed.pin");
    return end(DownReason::key_mismatch,
               "another key of " + std::string(peer_.name.text()) + " was pinned while it connected");
  }
  if (!alive()) return;
  open_lanes();
  if (!alive()) return;
  if (!dialed()) --context_.pending_accepted;
  phase_ = Phase::up;
  was_up_ = true;
  deadline_.reset();
  setup_deadline_.reset();
  silence_.emplace(context_.config.liveness, context_.now);
  EtfLimits limits = context_.config.etf_limits;
  limits.atom_quota = context_.owner.atom_quota(peer_.name);
  parser_.emplace(context_.config.self, peer_.name, std::move(limits));
  reschedule();
  context_.count("dist.up");
  context_.owner.on_up(*this);
  if (alive()) replay_early();
}

void Link::on_stream_acknowledged(quic::Connection&, quic::StreamId stream, std::uint64_t offset) {
  if (phase_ == Phase::down) {
    if (deadline_ && all_setup_acknowledged()) {
      deadline_.reset();
      reschedule();
      drop_connection();
    }
    return;
  }
  if (awaiting_delivery_ && stream == control_stream &&
      connection_->acknowledged(control_stream) >= control_sent_) {
    awaiting_delivery_ = false;
    delivered_at_ = context_.now + status_gap;
    reschedule();
  }
  if (phase_ != Phase::up) return;
  credit(stream, offset);
  pump_behind(stream);
}

}  // namespace barrel::carrier
