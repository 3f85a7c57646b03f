#include "carrier/link.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "barrel/base/assert.hpp"
#include "carrier/link_context.hpp"
#include "dist/plain_forms.hpp"

namespace barrel::carrier {
namespace {

DownReason down_reason(dist::HandshakeFailure failure) {
  switch (failure) {
    case dist::HandshakeFailure::refused:
    case dist::HandshakeFailure::not_allowed: return DownReason::refused;
    case dist::HandshakeFailure::refused_by_us: return DownReason::closed_by_us;
    case dist::HandshakeFailure::malformed:
    case dist::HandshakeFailure::wrong_name:
    case dist::HandshakeFailure::missing_flags:
    case dist::HandshakeFailure::wrong_cookie:
    case dist::HandshakeFailure::reflected:
    case dist::HandshakeFailure::too_many_names:
    case dist::HandshakeFailure::abandoned: return DownReason::handshake_failed;
  }
  return DownReason::handshake_failed;
}

}  // namespace

std::string in_seconds(Duration duration) {
  std::string text = std::to_string(std::chrono::duration<double>(duration).count());
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " s";
}

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::connecting: return "connecting";
    case Phase::authenticating: return "authenticating";
    case Phase::handshaking: return "handshaking";
    case Phase::introducing: return "introducing";
    case Phase::pinning: return "pinning";
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

Link::Link(LinkContext& context, std::uint64_t id, std::optional<NodeName> target, Carries carries)
    : context_(context), id_(id), target_(target), carries_(carries), name_(target ? target->text() : "") {
  if (dialed()) {
    setup_deadline_ = context.now + context.config.setup_timeout;
  } else {
    ++context.pending_accepted;
  }
}

Link::~Link() {
  context_.held.unfinished_bytes -= held_unfinished_;
}

dist::DialPhase Link::dial_phase() const {
  if (!dialed() || phase_ == Phase::up || phase_ == Phase::down) return dist::DialPhase::none;
  return name_sent_ ? dist::DialPhase::name_sent : dist::DialPhase::before_name;
}

std::string_view Link::protocol() const {
  switch (carries_) {
    case Carries::quic: return peer_.dialect == dist::Dialect::barrel ? "barrel/1" : "erlang-dist";
    case Carries::tcp: return "erlang-tcp";
    case Carries::tls: return "erlang-tls";
  }
  return "unknown";
}

void Link::speak(dist::Dialect dialect) {
  peer_.dialect = dialect;
  // Erlang itself knows no limit.
  if (dialect == dist::Dialect::erlang)
    peer_.capabilities.frame_bytes_max = std::numeric_limits<std::uint32_t>::max();
}

void Link::attach(dist::Outbound& outbound, Instant now) {
  if (phase_ == Phase::down) return;
  outbound_ = &outbound;
  outbound_->lower_frame_limit(peer_.capabilities.frame_bytes_max);
  outbound_->use({.envelope = dist::envelope_of(peer_.flags),
                  .atom_cache = dist::has_atom_cache(peer_.flags),
                  .fragments = dist::has_fragments(peer_.flags),
                  .in_parts = !dist::PlainForms::needed(peer_.flags)});
  flush(now);
}

void Link::close(std::string_view why, Instant now) {
  context_.now = std::max(context_.now, now);
  end(DownReason::closed_by_us, std::string(why));
}

void Link::end(DownReason reason, std::string text, bool linger, std::optional<auth::Failure> auth) {
  if (phase_ == Phase::down) return;
  if (!dialed() && phase_ != Phase::up) --context_.pending_accepted;
  before_end();
  phase_ = Phase::down;
  context_.count("dist.down." + std::string(to_string(reason)));
  outbound_ = nullptr;
  setup_deadline_.reset();
  deadline_.reset();
  release(linger);
  reschedule();
  context_.owner.on_down(*this, Down{reason, std::move(text), std::move(auth)});
}

std::string Link::other_end() const {
  const std::string text = name_.empty() ? "a peer" : name_;
  return text + " at " + remote_address().to_string();
}

// --- The distribution handshake

dist::Flags Link::offered() const {
  if (peer_.dialect == dist::Dialect::barrel) return dist::offered_flags;
  return carries_ == Carries::quic ? dist::offered_to_erlang : dist::offered_over_tcp;
}

void Link::start_handshake(dist::Framing framing) {
  phase_ = Phase::handshaking;
  dist::HandshakeSetup setup;
  setup.role = dialed() ? dist::Role::initiator : dist::Role::acceptor;
  setup.framing = framing;
  setup.flags = offered();
  setup.self = context_.config.self;
  setup.peer = name_;
  setup.creation = context_.config.creation;
  setup.cookie = context_.config.cookie;
  setup.plain_peers = carries_ != Carries::quic;
  setup.open_challenges = &context_.owner.open_challenges();
  setup.admits_new_name = [this] { return context_.owner.admits_new_name(proves_name()); };
  handshake_.emplace(std::move(setup), context_.random.split());
  set_deadline(context_.now + context_.config.setup_timeout);
  dist::HandshakeEffects effects;
  handshake_->start(effects);
  name_sent_ = dialed();
  perform(std::move(effects));
}

void Link::receive_handshake(BytesView bytes) {
  dist::HandshakeEffects effects;
  handshake_->receive(bytes, effects);
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
      await_delivery();
    } else if (const auto* ask = std::get_if<dist::AskVerdict>(&effect)) {
      ask_owner(*ask);
    } else if (const auto* complete = std::get_if<dist::HandshakeComplete>(&effect)) {
      peer_.name = complete->peer;
      peer_.creation = complete->creation;
      peer_.flags = complete->flags;
      on_handshake_complete(*complete);
    } else if (const auto* failed = std::get_if<dist::HandshakeFailed>(&effect)) {
      on_handshake_failed(*failed, status_sent);
    }
  }
}

void Link::ask_owner(const dist::AskVerdict& ask) {
  name_ = ask.peer;
  if (!admitted(ask.peer)) return;
  const dist::Verdict verdict = context_.owner.on_incoming(*this, ask.peer, ask.creation);
  if (!alive()) return;
  context_.count("dist.incoming." + std::string(to_string(verdict)));
  dist::HandshakeEffects effects;
  handshake_->answer(verdict, effects);
  perform(std::move(effects));
}

bool Link::admitted(std::string_view peer) {
  if (proves_name() || context_.owner.admits_unproven(peer)) return true;
  context_.count("tcp.downgrade_refused");
  end(DownReason::auth_failed,
      other_end() +
          " has proved its key in another connection, and cannot over TCP: somebody may use its name; if the "
          "node has moved to TCP, delete its pin");
  return false;
}

void Link::on_handshake_failed(const dist::HandshakeFailed& failed, bool status_sent) {
  context_.count("dist.handshake_failed." + std::string(to_string(failed.reason)));
  end(down_reason(failed.reason), failed.text, status_sent);
}

void Link::go_up(const Liveness& liveness) {
  if (!dialed()) --context_.pending_accepted;
  phase_ = Phase::up;
  was_up_ = true;
  deadline_.reset();
  setup_deadline_.reset();
  silence_.emplace(liveness, context_.now);
  EtfLimits limits = context_.config.etf_limits;
  limits.atom_quota = context_.owner.atom_quota(peer_.name);
  message_reader_.emplace(
      dist::envelope_of(peer_.flags),
      dist::MessageParser(context_.config.self, peer_.name, std::move(limits)),
      dist::ReassemblyLimits::of(context_.config.frame_bytes_max, context_.config.unfinished_bytes_max),
      context_.metrics, dist::has_atom_cache(peer_.flags), receive_pool_);
  reschedule();
  context_.count("dist.up");
  context_.owner.on_up(*this);
}

// --- Messages

void Link::deliver(BytesView frame, const std::shared_ptr<dist::Room>& own, dist::Lane lane,
                   std::uint64_t stream) {
  auto message = message_reader_->read(frame, own, stream);
  if (message) {
    if (*message) context_.owner.on_message(*this, **message, lane);
    return;  // or a fragment, of a message that is not complete
  }
  switch (message.error().code) {
    case Errc::protocol_violation:
      // Not the peer's word to give; the peer itself may only pass on what it was told.
      context_.count("dist.foreign_sender_dropped");
      return;
    case Errc::limit_exceeded: context_.count("dist.message_over_limit_dropped"); return;
    case Errc::busy:  // counted by the reader; nothing is wrong with the messages
      return end(DownReason::protocol_error,
                 other_end() + " sends too much at once: " + message.error().message());
    default:
      context_.count("dist.message_malformed");
      return end(DownReason::protocol_error,
                 other_end() + " sent a message that cannot be read: " + message.error().message());
  }
}

void Link::hold_unfinished(std::size_t frame_bytes) {
  const std::size_t now = frame_bytes + (message_reader_ ? message_reader_->reassembler().buffered() : 0);
  context_.held.unfinished_bytes += now - std::exchange(held_unfinished_, now);
}

void Link::tell_drained() {
  for (std::size_t lane = 0; lane < dist::lane_count; ++lane) {
    const auto which = static_cast<dist::Lane>(lane);
    if (phase_ == Phase::up && outbound_ != nullptr && outbound_->poll_drained(which)) {
      context_.owner.on_drained(*this, which);
    }
  }
}

// --- Time

void Link::set_deadline(Instant deadline) {
  deadline_ = deadline;
  reschedule();
}

std::optional<Instant> Link::next_timer() const {
  if (phase_ == Phase::up) return silence_ ? std::optional(silence_->next()) : std::nullopt;
  if (deadline_ && setup_deadline_) return std::min(*deadline_, *setup_deadline_);
  return deadline_ ? deadline_ : setup_deadline_;
}

void Link::reschedule() {
  const std::optional<Instant> next = next_timer();
  if (next == scheduled_) return;
  if (scheduled_) context_.timers.erase({*scheduled_, id_});
  scheduled_ = next;
  if (scheduled_) context_.timers.emplace(*scheduled_, id_);
}

void Link::unschedule() {
  if (scheduled_) context_.timers.erase({*std::exchange(scheduled_, std::nullopt), id_});
}

bool Link::expire_setup() {
  const Instant now = context_.now;
  const bool late = (deadline_ && now >= *deadline_) || (setup_deadline_ && now >= *setup_deadline_);
  if (!late) return false;
  const std::string limit = in_seconds(context_.config.setup_timeout);
  if (phase_ == Phase::connecting) {
    end(DownReason::unreachable, "no answer from " + other_end() + " within " + limit);
    return true;
  }
  const std::string waited = phase_ == Phase::handshaking   ? std::string(handshake_->waiting_for())
                             : phase_ == Phase::introducing ? std::string("its capability term")
                             : phase_ == Phase::pinning     ? std::string("the disk that stores its key")
                                                            : std::string("its authentication");
  end(DownReason::timeout, other_end() + " was not connected within " + limit + "; we waited for " + waited);
  return true;
}

}  // namespace barrel::carrier
