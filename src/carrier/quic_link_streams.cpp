// What a link carries once it is up, and who may open which stream.
#include <algorithm>
#include <utility>

#include "barrel/base/assert.hpp"
#include "carrier/link_context.hpp"
#include "carrier/quic_link.hpp"

namespace barrel::carrier {
namespace {

/// Asked of the outbound queue at once. A guess: a few times the initial congestion window.
constexpr std::size_t take_bytes = 256U << 10;
/// Messages of the largest size that a peer may leave unfinished on its streams, as for ReassemblyLimits.
constexpr std::size_t unfinished_frames_max = 4;
/// What it may leave at least: a peer that spreads its messages over all its streams has one begun on each
/// when frame_bytes_max is set to its least, 64 KiB, and half of that floor is a guess for what comes on top.
constexpr std::size_t unfinished_bytes_min = std::size_t{4} << 20;
static_assert(unfinished_bytes_min >= 2 * data_stream_count * (std::size_t{64} << 10));

}  // namespace

bool QuicLink::may_open(quic::StreamId stream) const {
  if (phase_ == Phase::up) return true;
  if (stream == auth_stream(!is_client())) return true;
  if (quic::is_unidirectional(stream)) return false;
  // An acceptor is up as soon as it has sent the last message of the handshake, which a dialer may get late.
  if (phase_ == Phase::handshaking) return dialed() || stream == control_stream;
  return phase_ == Phase::introducing || phase_ == Phase::pinning;
}

void QuicLink::on_stream_opened(quic::Connection&, quic::StreamId stream) {
  if (may_open(stream)) return;
  if (phase_ == Phase::down) {  // and what we said last is on its way
    deadline_.reset();
    reschedule();
    return drop_connection();
  }
  const bool stranger = phase_ == Phase::connecting || phase_ == Phase::authenticating;
  context_.count("auth.failed.early_stream");
  end(DownReason::protocol_error,
      other_end() + " used stream " + std::to_string(stream) +
          (stranger ? " before it was authenticated" : " before the link was up"));
}

void QuicLink::on_stream_data(quic::Connection& connection, quic::StreamId stream, BytesView bytes,
                              bool fin) {
  if (phase_ == Phase::down) return connection.consume(stream, bytes.size());
  const StreamClass kind = classify(stream);
  if (kind == StreamClass::unidirectional) {
    connection.consume(stream, bytes.size());
    // The first one is the peer's authentication stream; nobody uses another.
    if (stream == auth_stream(!is_client()) && phase_ == Phase::authenticating)
      return on_auth_stream(bytes, fin);
    return context_.metrics.counter("dist.one_way_bytes_dropped").add(bytes.size());
  }
  switch (kind) {
    case StreamClass::control: connection.consume(stream, bytes.size()); return on_control_stream(bytes, fin);
    case StreamClass::data: return on_data_stream(stream, bytes, fin);
    case StreamClass::user: connection.consume(stream, bytes.size()); return refuse_user_stream(stream);
    case StreamClass::unidirectional: return;
  }
}

void QuicLink::on_data_stream(quic::StreamId stream, BytesView bytes, bool fin) {
  auto& incoming = incoming_[data_stream_index(stream)];
  if (!incoming)
    incoming = std::make_unique<Incoming>(stream, context_.config.frame_bytes_max, receive_pool_);
  incoming->ended = incoming->ended || fin;
  if (phase_ != Phase::up) return keep_early(*incoming, bytes);
  read_messages(*incoming, bytes);
  if (alive()) connection_->consume(stream, bytes.size());
}

void QuicLink::keep_early(Incoming& incoming, BytesView bytes) {
  early_bytes_ += bytes.size();
  context_.held.early_bytes += bytes.size();
  if (early_bytes_ > context_.config.early_bytes_max) {
    context_.count("dist.early_data_limit");
    return end(DownReason::protocol_error, other_end() + " sent too much before the link was up");
  }
  incoming.early.insert(incoming.early.end(), bytes.begin(), bytes.end());
}

void QuicLink::replay_early() {
  context_.held.early_bytes -= std::exchange(early_bytes_, 0);
  for (auto& incoming : incoming_) {
    if (!incoming || incoming->early.empty()) continue;
    const Bytes early = std::exchange(incoming->early, {});
    const quic::StreamId stream = incoming->stream;
    read_messages(*incoming, early);
    if (!alive()) return;
    connection_->consume(stream, early.size());
  }
}

void QuicLink::read_messages(Incoming& incoming, BytesView bytes) {
  incoming.reader.feed(bytes);
  for (;;) {
    switch (incoming.reader.next()) {
      case dist::FrameReader::Step::need_more:
        count_ticks(incoming);
        if (incoming.ended && incoming.reader.buffered() != 0)
          return end(DownReason::protocol_error, other_end() + " ended a stream within a message");
        return count_unfinished(incoming);
      case dist::FrameReader::Step::too_large:
        context_.count("dist.frame_too_large");
        return end(DownReason::protocol_error, other_end() + " sent a message over the limit of " +
                                                   std::to_string(context_.config.frame_bytes_max) +
                                                   " bytes");
      case dist::FrameReader::Step::frame:
        deliver(incoming.reader.frame(), incoming.reader.owner(), lane_of(incoming.stream), incoming.stream);
        if (!alive()) return;  // and the reader is gone
        break;
    }
  }
}

void QuicLink::count_ticks(Incoming& incoming) {
  const std::uint64_t ticks = incoming.reader.ticks();
  const std::uint64_t new_ticks = ticks - std::exchange(incoming.ticks_counted, ticks);
  if (new_ticks != 0) context_.metrics.counter("dist.ticks").add(new_ticks);
}

void QuicLink::count_unfinished(Incoming& incoming) {
  const std::size_t now = incoming.reader.buffered();
  unfinished_bytes_ += now - std::exchange(incoming.unfinished, now);
  hold_unfinished(unfinished_bytes_);
  const std::size_t bytes_max =
      std::max(unfinished_frames_max * context_.config.frame_bytes_max, unfinished_bytes_min);
  if (unfinished_bytes_ <= bytes_max) return;
  context_.count("dist.unfinished_over_limit");
  end(DownReason::protocol_error, other_end() + " left more than " + std::to_string(bytes_max) +
                                      " bytes of messages unfinished on its streams");
}

dist::Lane QuicLink::lane_of(quic::StreamId stream) const {
  const bool overlay = peer_.dialect == dist::Dialect::barrel && stream == overlay_stream(!is_client());
  return overlay ? dist::Lane::overlay : dist::Lane::messages;
}

void QuicLink::refuse_user_stream(quic::StreamId stream) {
  if (!refused_streams_.insert(stream).second) return;
  context_.count("dist.user_stream_refused");
  connection_->reset_stream(stream, user_stream_refused);
  // erlang_quic itself never sends STOP_SENDING here, and a reset is all that its streams layer expects.
  if (peer_.dialect == dist::Dialect::barrel) connection_->stop_sending(stream, user_stream_refused);
}

void QuicLink::on_stream_reset(quic::Connection&, quic::StreamId stream, std::uint64_t) {
  if (phase_ == Phase::down) return;
  const StreamClass kind = classify(stream);
  if (kind == StreamClass::unidirectional) {
    if (phase_ != Phase::authenticating || stream != auth_stream(!is_client())) return;
    auth::Effects effects;
    auth_->peer_finished(effects);
    perform(std::move(effects));
  } else if (kind == StreamClass::data) {
    end(DownReason::protocol_error, other_end() + " abandoned a stream of messages");
  } else if (kind == StreamClass::control && phase_ != Phase::up) {
    end(DownReason::closed_by_peer, other_end() + " abandoned stream 0 before the link was up");
  } else if (kind == StreamClass::user) {
    refuse_user_stream(stream);
  }
}

void QuicLink::on_stop_sending(quic::Connection&, quic::StreamId stream) {
  if (phase_ == Phase::down) return;
  const StreamClass kind = classify(stream);
  if (kind != StreamClass::data && !(kind == StreamClass::control && phase_ != Phase::up)) return;
  end(DownReason::closed_by_peer, other_end() + " reads our messages no more");
}

void QuicLink::on_stream_closed(quic::Connection&, quic::StreamId stream) {
  refused_streams_.erase(stream);
}

void QuicLink::open_lanes() {
  const std::array wanted = {messages_stream(is_client()), overlay_stream(is_client())};
  for (std::size_t lane = 0; lane < dist::lane_count; ++lane) {
    const auto stream = connection_->open_bidirectional();
    if (!stream || *stream != wanted[lane]) {
      return end(DownReason::protocol_error, other_end() + " lets us open no stream for messages");
    }
    outgoing_[lane].stream = *stream;
  }
  connection_->set_priority(outgoing_[static_cast<std::size_t>(dist::Lane::overlay)].stream,
                            quic::StreamPriority::control);
}

void QuicLink::flush(Instant now) {
  context_.now = std::max(context_.now, now);
  if (phase_ != Phase::up || outbound_ == nullptr) return;
  pump(dist::Lane::overlay);
  pump(dist::Lane::messages);
}

void QuicLink::pump(dist::Lane which) {
  if (outbound_ == nullptr) return;
  Outgoing& lane = outgoing_[static_cast<std::size_t>(which)];
  lane.behind = true;
  while (!lane.refused.empty()) {
    if (!send_block(lane, lane.refused.front())) return;
    lane.refused.pop_front();
  }
  while (alive() && connection_->unsent(lane.stream) <= context_.config.unsent_bytes_target) {
    auto blocks = outbound_->take(which, take_bytes);
    if (blocks.empty()) {
      lane.behind = false;
      return;
    }
    for (SharedBytes& block : blocks) {
      if (!lane.refused.empty() || !send_block(lane, block)) lane.refused.push_back(std::move(block));
      if (!alive()) return;
    }
    if (!lane.refused.empty()) return;
  }
}

void QuicLink::credit(quic::StreamId stream, std::uint64_t offset) {
  for (std::size_t index = 0; index < dist::lane_count; ++index) {
    Outgoing& lane = outgoing_[index];
    if (lane.stream != stream || offset <= lane.acknowledged || outbound_ == nullptr) continue;
    outbound_->acknowledged(static_cast<dist::Lane>(index),
                            offset - std::exchange(lane.acknowledged, offset));
  }
}

void QuicLink::pump_behind(quic::StreamId stream) {
  for (std::size_t lane = 0; lane < dist::lane_count; ++lane) {
    if (outgoing_[lane].stream == stream && outgoing_[lane].behind) pump(static_cast<dist::Lane>(lane));
  }
  tell_drained();
}

bool QuicLink::send_block(Outgoing& lane, const SharedBytes& block) {
  const auto sent = connection_->send(lane.stream, block);
  if (sent) return true;
  if (sent.error().code == Errc::busy) {
    context_.count("dist.transport_full");  // goes on when the peer has acknowledged some of it
  } else {
    end(DownReason::closed_by_peer, other_end() + " reads our messages no more: " + sent.error().message());
  }
  return false;
}

void QuicLink::on_stream_writable(quic::Connection&, quic::StreamId stream) {
  if (phase_ == Phase::up) pump_behind(stream);
}

}  // namespace barrel::carrier
