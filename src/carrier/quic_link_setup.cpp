// How a link comes up: authentication, distribution handshake, capability terms.
#include <algorithm>
#include <utility>

#include "barrel/base/assert.hpp"
#include "carrier/link_context.hpp"
#include "carrier/quic_link.hpp"

namespace barrel::carrier {
namespace {

constexpr std::string_view alpn_barrel = "barrel/1";

/// Between the acknowledgement of a status and the challenge: an Erlang dialer then takes them as two
/// messages even if its own scheduling is slow.
constexpr Duration status_gap = std::chrono::milliseconds(5);

constexpr std::size_t introduction_header_bytes = 2;

}  // namespace

void QuicLink::on_connected(quic::Connection& connection) {
  if (phase_ != Phase::connecting) return;
  // An Erlang listener that does not know our protocols selects none, and means erlang-dist.
  speak(connection.alpn() == alpn_barrel ? dist::Dialect::barrel : dist::Dialect::erlang);
  start_auth();
}

void QuicLink::start_auth() {
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
  ++context_.held.authenticating;
  auth::Effects effects;
  auth_->start({context_.now, context_.owner.system_now()}, effects);
  if (phase_ == Phase::authenticating && !auth_->done()) set_deadline(auth_->deadline());
  perform(std::move(effects));
}

void QuicLink::perform(auth::Effects effects) {
  for (auth::Effect& effect : effects) {
    if (!alive()) return;
    if (auto* send = std::get_if<auth::Send>(&effect)) {
      send_auth(std::move(send->bytes), false);
    } else if (std::holds_alternative<auth::Finish>(effect)) {
      send_auth({}, true);
    } else if (const auto* done = std::get_if<auth::Authenticated>(&effect)) {
      name_ = done->peer;
      peer_.key = done->key;
      count_auth(true);
      context_.owner.on_authenticated(*this, done->peer, done->key);
      if (alive()) start_dist_handshake();
    } else if (const auto* failed = std::get_if<auth::Failed>(&effect)) {
      on_auth_failed(*failed);
    }
  }
}

void QuicLink::send_auth(Bytes bytes, bool fin) {
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

void QuicLink::on_auth_stream(BytesView bytes, bool fin) {
  auth::Effects effects;
  auth_->receive(bytes, {context_.now, context_.owner.system_now()}, effects);
  if (fin && !auth_->done()) auth_->peer_finished(effects);
  perform(std::move(effects));
}

void QuicLink::count_auth(bool succeeded) {
  if (!auth_started_) return;
  const std::string attributes = std::string("{role=") + (dialed() ? "outgoing" : "incoming") +
                                 ",outcome=" + (succeeded ? "ok" : "fail") + "}";
  context_.count("barrel_p2p.dist.auth.attempts" + attributes);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(context_.now - *auth_started_);
  context_.metrics.histogram("barrel_p2p.dist.auth.duration_ms" + attributes)
      .record(static_cast<std::uint64_t>(took.count()));
  auth_started_.reset();
  --context_.held.authenticating;
}

void QuicLink::on_auth_failed(const auth::Failed& failed) {
  context_.count("auth.failed." + std::string(to_string(failed.failure.reason)));
  end(DownReason::auth_failed, explain(failed.failure, context_.config.self), failed.failure.fail_frame_sent,
      failed.failure);
}

void QuicLink::start_dist_handshake() {
  if (dialed()) {
    const auto stream = connection_->open_bidirectional();
    if (!stream || *stream != control_stream) {
      return end(DownReason::protocol_error,
                 other_end() + " lets us open no stream for the distribution handshake");
    }
  }
  const bool framed = peer_.dialect == dist::Dialect::barrel;
  start_handshake(framed ? dist::Framing::length16 : dist::Framing::none);
}

void QuicLink::send_control(Bytes bytes) {
  const auto sent = connection_->send(control_stream, SharedBytes(std::move(bytes)));
  if (!sent) {
    return end(DownReason::closed_by_peer,
               other_end() + " does not read stream 0: " + sent.error().message());
  }
  control_sent_ = *sent;
}

void QuicLink::on_control_stream(BytesView bytes, bool fin) {
  if (phase_ == Phase::handshaking) {
    receive_handshake(bytes);
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

void QuicLink::on_handshake_complete(const dist::HandshakeComplete&) {
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

void QuicLink::on_introduction(BytesView bytes) {
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
    if (capabilities->features_left_out > 0) context_.count("dist.features_left_out");
    peer_.capabilities = *std::move(capabilities);
    introduction_ = {};
    return come_up();
  }
}

void QuicLink::come_up() {
  phase_ = Phase::pinning;
  const Pinned outcome = context_.owner.pin(*this, peer_.name, peer_.key);
  if (outcome != Pinned::later) pinned(outcome == Pinned::yes, context_.now);
}

void QuicLink::pinned(bool is_stored, Instant now) {
  if (phase_ != Phase::pinning) return;
  context_.now = std::max(context_.now, now);
  if (is_stored) return begin();
  context_.count("auth.failed.pin");
  end(DownReason::key_mismatch, "the key of " + std::string(peer_.name.text()) +
                                    " is not pinned: another one was while it connected, or the disk failed");
}

void QuicLink::begin() {
  open_lanes();
  if (!alive()) return;
  connection_->admit();
  go_up(context_.config.liveness);
  if (alive()) replay_early();
}

void QuicLink::on_stream_acknowledged(quic::Connection&, quic::StreamId stream, std::uint64_t offset) {
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
