#include "carrier/tcp_link.hpp"

#include <algorithm>
#include <utility>

#include "barrel/base/assert.hpp"
#include "carrier/link_context.hpp"
#include "tcp/epmd.hpp"

namespace barrel::carrier {
namespace {

/// Given to the handshake at once: what comes behind its last message is not for it.
constexpr std::size_t handshake_piece_bytes = 1024;

/// When a silent Erlang node is suspected: it lets us hear something four times in that time, unless it is
/// stopped, or the path is broken.
Liveness liveness_of(Duration ticktime) {
  return {.ping_after = ticktime / 4, .suspect_after = ticktime / 4 * 3, .down_after = ticktime};
}

}  // namespace

TcpLink::TcpLink(LinkContext& context, TcpContext& tcp, std::uint64_t id, std::optional<NodeName> target)
    : Link(context, id, target, tcp.config.tls ? Carries::tls : Carries::tcp),
      tcp_(tcp),
      last_heard_(context.now),
      reader_(context.config.frame_bytes_max, receive_pool_) {
  speak(dist::Dialect::erlang);
  if (!dialed()) deadline_ = context.now + context.config.setup_timeout;
  reschedule();
}

TcpLink::~TcpLink() = default;

// --- Setting up

bool TcpLink::dial(const TcpDial& where) {
  remote_ = where.remote;
  if (!where.epmd) return connect(where.remote);
  stage_ = Stage::asking;
  epmd_ = tcp_.dialer.dial(where.remote);
  if (epmd_ == nullptr) return false;
  epmd_->start(*this);
  return true;
}

bool TcpLink::connect(const SocketAddress& remote) {
  stage_ = Stage::connecting;
  remote_ = remote;
  stream_ = tcp_.dialer.dial(remote);
  if (stream_ == nullptr) return false;
  stream_->start(*this);
  return true;
}

void TcpLink::accept(std::unique_ptr<ByteStream> stream) {
  stream_ = std::move(stream);
  remote_ = stream_->remote_address();
  stream_->start(*this);
  begin();
}

void TcpLink::abandon() {
  setup_deadline_.reset();
  reschedule();
}

void TcpLink::on_connected() {
  touch();
  if (stage_ != Stage::asking) return begin();
  const Bytes question = tcp::encode_lookup(target_->name());
  const BytesView piece(question);
  // A new connection takes these few bytes at once; if not, the setup times out.
  (void)epmd_->write({&piece, 1});
}

std::string TcpLink::missing() const {
  if (stage_ != Stage::securing) return Link::missing();
  return other_end() + " gave no answer in TLS (does it run with -proto_dist inet_tls?)";
}

void TcpLink::on_epmd_answer(BytesView bytes) {
  epmd_answer_.insert(epmd_answer_.end(), bytes.begin(), bytes.end());
  const auto found = tcp::parse_found(epmd_answer_);
  const std::string epmd = "EPMD at " + remote_.to_string();
  if (!found) return end(DownReason::unreachable, epmd + ": " + found.error().message());
  if (!*found) return;
  epmd_->close();
  if (!(*found)->node) {
    return end(DownReason::unreachable, epmd + " knows no node " + std::string(target_->name()));
  }
  if (!connect(remote_.with_port((*found)->node->port))) {
    end(DownReason::unreachable, "no more sockets for " + other_end());
  }
}

/// The connection is there.
void TcpLink::begin() {
  if (tcp_.config.tls) {
    stage_ = Stage::securing;
    const std::string host = dialed() ? std::string(target_->host()) : std::string();
    tls_ = std::make_unique<tcp::TlsSession>(*tcp_.config.tls, !dialed(), host);
    tls_->start();
    pump();
    return;
  }
  stage_ = Stage::speaking;
  start_handshake(dist::Framing::length16);
}

void TcpLink::on_handshake_complete(const dist::HandshakeComplete&) {
  if (!admitted(name_)) return;
  if (dist::PlainForms::needed(peer_.flags)) plain_.emplace(peer_.flags);
  last_sent_ = context_.now;
  next_tick_ = context_.now + tick_interval();
  go_up(liveness_of(tcp_.config.ticktime));
}

void TcpLink::send_control(Bytes bytes) {
  if (tls_) tls_->write(bytes);
  else enqueue(SharedBytes(std::move(bytes)), {});
  pump();
}

// --- What arrives

std::span<std::uint8_t> TcpLink::room() {
  return tls_ ? std::span<std::uint8_t>() : reader_.room();
}

void TcpLink::on_placed(std::size_t count) {
  touch();
  last_heard_ = context_.now;
  reader_.placed(count);
  read_frames();
}

void TcpLink::on_bytes(BytesView bytes) {
  touch();
  last_heard_ = context_.now;
  if (stage_ == Stage::asking) return on_epmd_answer(bytes);
  if (tls_) return on_secured_bytes(bytes);
  on_plain_bytes(bytes);
}

void TcpLink::on_secured_bytes(BytesView bytes) {
  tls_->receive(bytes);
  if (stage_ == Stage::securing && tls_->established()) {
    stage_ = Stage::speaking;
    pump();
    if (connected()) start_handshake(dist::Framing::length32);
  }
  while (connected()) {
    const BytesView plain = tls_->read();
    if (plain.empty()) break;
    on_plain_bytes(plain);
  }
  if (!connected()) return;
  pump();
  if (!connected()) return;
  if (!tls_->failure().empty()) {
    context_.count("tcp.tls_failed");
    const DownReason reason = phase_ == Phase::up ? DownReason::protocol_error : DownReason::auth_failed;
    return end(reason, other_end() + ": " + tls_->failure());
  }
  if (tls_->ended()) on_closed("the other end has closed the connection");
}

void TcpLink::on_plain_bytes(BytesView bytes) {
  while (phase_ == Phase::handshaking && !bytes.empty()) {
    const BytesView part = bytes.first(std::min(bytes.size(), handshake_piece_bytes));
    bytes = bytes.subspan(part.size());
    receive_handshake(part);
    if (phase_ != Phase::up) continue;
    const Bytes early = handshake_->take_leftover();
    read_messages(early);
  }
  if (phase_ == Phase::up && !bytes.empty()) read_messages(bytes);
}

void TcpLink::read_messages(BytesView bytes) {
  reader_.feed(bytes);
  read_frames();
}

void TcpLink::read_frames() {
  for (;;) {
    switch (reader_.next()) {
      case dist::FrameReader::Step::need_more: return on_frames_read();
      case dist::FrameReader::Step::too_large:
        context_.count("dist.frame_too_large");
        return end(DownReason::protocol_error, other_end() + " sent a message over the limit of " +
                                                   std::to_string(context_.config.frame_bytes_max) +
                                                   " bytes");
      case dist::FrameReader::Step::frame:
        sizes_.add(reader_.frame().size());
        deliver(reader_.frame(), reader_.owner(), dist::Lane::messages);
        if (!alive()) return;
        break;
    }
  }
}

void TcpLink::on_frames_read() {
  hold_unfinished(reader_.buffered());
  count_ticks();
  if (sizes_.are_large()) stream_->widen();
}

void TcpLink::count_ticks() {
  const std::uint64_t new_ticks = reader_.ticks() - std::exchange(ticks_counted_, reader_.ticks());
  if (new_ticks != 0) context_.metrics.counter("dist.ticks").add(new_ticks);
}

void TcpLink::on_closed(const std::string& why) {
  touch();
  const std::string who = other_end();
  switch (phase_) {
    case Phase::connecting:
      if (stage_ == Stage::asking) {
        return end(DownReason::unreachable, "EPMD at " + remote_.to_string() + ": " + why);
      }
      return end(DownReason::unreachable, "cannot reach " + who + ": " + why);
    case Phase::handshaking:
      if (handshake_->cookie_in_doubt()) {
        return end(DownReason::handshake_failed,
                   who +
                       " closed the connection on our answer to its challenge: most likely it has another "
                       "cookie; set dist_cookie to the same value on both");
      }
      return end(DownReason::closed_by_peer,
                 who + " closed the connection while we waited for " +
                     std::string(handshake_->waiting_for()) +
                     (dialed() && !tls_ ? "; if it speaks TLS, set tcp_tls" : ""));
    case Phase::authenticating:
    case Phase::introducing:
    case Phase::pinning:
    case Phase::up:
    case Phase::down: break;
  }
  end(DownReason::closed_by_peer, who + ": " + why);
}

// --- The end, and time

void TcpLink::release(bool) {
  released_ = true;
  if (epmd_) epmd_->close();
  if (stream_) {
    if (tls_) tls_->finish();
    // What the system does not take at once is lost, and so is what waits in the outbound queue.
    if (tls_ && !blocked_) {
      enqueue(SharedBytes(tls_->take_output()), {});
      write_pieces();
    }
    stream_->close();
  }
  queue_.clear();
  queued_bytes_ = 0;
  context_.dead.push_back(id_);
}

std::optional<Instant> TcpLink::next_timer() const {
  const std::optional<Instant> next = Link::next_timer();
  if (phase_ != Phase::up) return next;
  return next ? std::min(*next, next_tick_) : next_tick_;
}

void TcpLink::on_timer() {
  unschedule();
  const Instant now = context_.now;
  if (phase_ == Phase::up) {
    if (now >= next_tick_) {
      next_tick_ = last_sent_ + tick_interval();
      if (now >= next_tick_) {
        next_tick_ = now + tick_interval();
        // What waits to be written is a sign of life too.
        if (queue_.empty()) send_control(Bytes(4, 0));
      }
    }
    if (phase_ == Phase::up) check_silence();
  } else if (phase_ != Phase::down) {
    expire_setup();
  }
  reschedule();
}

void TcpLink::check_silence() {
  if (context_.now < silence_->next()) return;
  switch (silence_->look(last_heard_, context_.now)) {
    case Silence::Step::none:
    case Silence::Step::probe: break;  // TCP has no PING: the peer speaks by itself
    case Silence::Step::suspect:
      context_.count("dist.suspected");
      context_.owner.on_suspect(*this);
      break;
    case Silence::Step::alive: context_.owner.on_alive(*this); break;
    case Silence::Step::down:
      end(DownReason::silent, other_end() + " was silent for " + in_seconds(tcp_.config.ticktime));
      break;
  }
}

}  // namespace barrel::carrier
