#include "dist/handshake.hpp"

#include <algorithm>
#include <utility>

#include "barrel/base/assert.hpp"

namespace barrel::dist {
namespace {

/// A name a peer sent, safe to print: it may be any bytes.
std::string printable(std::string_view text) {
  std::string out(text.substr(0, handshake_name_bytes_max));
  std::ranges::replace_if(out, [](char c) { return c < 0x21 || c > 0x7e; }, '?');
  return out;
}

constexpr std::size_t header_bytes(Framing framing) {
  switch (framing) {
    case Framing::none: return 0;
    case Framing::length16: return 2;
    case Framing::length32: return 4;
  }
  return 0;
}

}  // namespace

std::string_view to_string(HandshakeFailure failure) {
  switch (failure) {
    case HandshakeFailure::malformed: return "malformed";
    case HandshakeFailure::wrong_name: return "wrong_name";
    case HandshakeFailure::missing_flags: return "missing_flags";
    case HandshakeFailure::wrong_cookie: return "wrong_cookie";
    case HandshakeFailure::reflected: return "reflected";
    case HandshakeFailure::refused: return "refused";
    case HandshakeFailure::not_allowed: return "not_allowed";
    case HandshakeFailure::too_many_names: return "too_many_names";
    case HandshakeFailure::abandoned: return "abandoned";
    case HandshakeFailure::refused_by_us: return "refused_by_us";
  }
  return "unknown";
}

Handshake::Handshake(HandshakeSetup setup, Random random)
    : setup_(std::move(setup)),
      own_challenge_(static_cast<std::uint32_t>(random.next())),
      random_(random.split()) {
  BARREL_ASSERT(setup_.role == Role::acceptor || !setup_.peer.empty());
  if (setup_.open_challenges != nullptr) open_ = {*setup_.open_challenges, own_challenge_};
}

void Handshake::start(HandshakeEffects& out) {
  BARREL_ASSERT(state_ == State::idle);
  if (setup_.role == Role::acceptor) {
    state_ = State::name;
    return;
  }
  send(encode(NameMessage{setup_.flags, setup_.creation, std::string(setup_.self.text())}), out);
  state_ = State::status;
}

void Handshake::receive(BytesView bytes, HandshakeEffects& out) {
  if (done()) return;
  if (buffer_.size() + bytes.size() > buffered_bytes_max) {
    fail(HandshakeFailure::malformed, peer_text() + " sent more bytes than a handshake has", out);
    return;
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  while (step(out)) {}
}

bool Handshake::step(HandshakeEffects& out) {
  if (done()) return false;
  const std::size_t header = header_bytes(setup_.framing);
  const bool framed = header != 0;
  std::size_t consumed = 0;
  BytesView message(buffer_);
  if (framed) {
    if (buffer_.size() < header) return false;
    std::size_t length = 0;
    for (std::size_t i = 0; i < header; ++i) length = length << 8 | buffer_[i];
    if (length > buffered_bytes_max - header) {
      fail(HandshakeFailure::malformed, peer_text() + " announced a longer message than any of the handshake",
           out);
      return false;
    }
    if (buffer_.size() < header + length) return false;
    message = message.subspan(header, length);
    consumed = header;
  } else {
    // Zeros are a tick that came early: no message starts with one.
    while (consumed < buffer_.size() && buffer_[consumed] == 0) ++consumed;
    message = message.subspan(consumed);
  }
  const bool tick = framed && message.empty();
  std::size_t taken = 0;
  const bool went_on = tick || step_message(message, framed, taken, out);
  if (framed && !went_on) consumed = 0;
  consumed = std::min(consumed + taken, buffer_.size());  // a failure has emptied the buffer
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(consumed));
  return went_on;
}

bool Handshake::step_message(BytesView bytes, bool framed, std::size_t& taken, HandshakeEffects& out) {
  const std::optional<std::size_t> whole = framed ? std::optional(bytes.size()) : std::nullopt;
  switch (state_) {
    case State::name: return take(parse_name(bytes), whole, taken, out);
    case State::status:
    case State::confirmation: return take(parse_status(bytes, framed), whole, taken, out);
    case State::challenge: return take(parse_challenge(bytes), whole, taken, out);
    case State::reply: return take(parse_reply(bytes), whole, taken, out);
    case State::ack: return take(parse_ack(bytes), whole, taken, out);
    case State::idle:
    case State::verdict:
    case State::delivery:
    case State::done: return false;
  }
  return false;
}

template <class M>
bool Handshake::take(const ParseOutcome<M>& outcome, std::optional<std::size_t> whole, std::size_t& taken,
                     HandshakeEffects& out) {
  const auto reject = [&](std::string_view what) {
    fail(HandshakeFailure::malformed,
         "in the distribution handshake with " + peer_text() + ": " + std::string(what), out);
    return false;
  };
  if (const auto* malformed = std::get_if<Malformed>(&outcome)) return reject(malformed->what);
  const auto* parsed = std::get_if<Parsed<M>>(&outcome);
  if (parsed == nullptr) return whole ? reject("a truncated message") : false;
  // Behind a name Erlang's protocol leaves room for what later versions may say.
  constexpr bool may_grow = std::is_same_v<M, NameMessage> || std::is_same_v<M, ChallengeMessage>;
  if (whole && !may_grow && parsed->bytes != *whole) return reject("bytes behind the message in its frame");
  taken = whole.value_or(parsed->bytes);
  on(parsed->message, out);
  return true;
}

void Handshake::on(const NameMessage& message, HandshakeEffects& out) {
  if ((message.flags & flag::name_me) != 0) {
    if (!name_peer(message.name, out)) return;
    if (!accept_peer(claimed_name_, peer_creation_, message.flags, out)) return;
  } else if (!accept_peer(message.name, message.creation, message.flags, out)) {
    return;
  }
  state_ = State::verdict;
  out.emplace_back(AskVerdict{claimed_name_, peer_creation_});
}

bool Handshake::name_peer(const std::string& host, HandshakeEffects& out) {
  const auto refuse = [&](std::string text) {
    fail(HandshakeFailure::wrong_name, std::move(text), out);
    return false;
  };
  if (!setup_.peer.empty()) return refuse(setup_.peer + " has a name and asks for another one");
  // As OTP's: 13 characters, which no two nodes get by chance.
  constexpr std::size_t name_bytes = 13;
  constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string name;
  while (name.size() < name_bytes) name += digits[random_.below(digits.size())];
  name += '@' + host;
  if (!NodeName::valid(name)) return refuse("\"" + printable(host) + "\" is no host for a node's name");
  claimed_name_ = std::move(name);
  // From 4 on, as every creation.
  peer_creation_ = static_cast<std::uint32_t>(random_.next()) | 4;
  names_peer_ = true;
  return true;
}

void Handshake::answer(Verdict verdict, HandshakeEffects& out) {
  if (state_ != State::verdict) return;
  switch (verdict) {
    case Verdict::accept:
    case Verdict::accept_drop_dial: accept(Status::ok, out); break;
    case Verdict::accept_simultaneous: accept(Status::ok_simultaneous, out); break;
    case Verdict::accept_replacing:
      send(encode(StatusMessage{.status = Status::alive}), out);
      state_ = State::confirmation;
      break;
    case Verdict::refuse:
      if (setup_.framing != Framing::none) send(encode(StatusMessage{.status = Status::nok}), out);
      [[fallthrough]];
    case Verdict::refuse_silently:
      fail(HandshakeFailure::refused_by_us, "our own dial to " + peer_text() + " goes on instead", out);
      break;
  }
  while (step(out)) {}
}

void Handshake::accept(Status status, HandshakeEffects& out) {
  if (names_peer_) send(encode(StatusMessage{Status::named, claimed_name_, peer_creation_}), out);
  else send(encode(StatusMessage{.status = status}), out);
  if (setup_.framing == Framing::none) {
    state_ = State::delivery;
    out.emplace_back(AwaitDelivery{});
  } else {
    send_challenge(out);
  }
}

void Handshake::delivered(HandshakeEffects& out) {
  if (state_ != State::delivery) return;
  send_challenge(out);
  while (step(out)) {}
}

void Handshake::on(const StatusMessage& message, HandshakeEffects& out) {
  if (state_ == State::confirmation) {
    on_confirmation(message.status, out);
    return;
  }
  switch (message.status) {
    case Status::ok:
    case Status::ok_simultaneous: state_ = State::challenge; break;
    case Status::alive:
      // The peer still has a connection to us that we have lost; this dial is meant.
      send(encode(StatusMessage{.status = Status::yes}), out);
      state_ = State::challenge;
      break;
    case Status::nok:
      fail(HandshakeFailure::refused,
           peer_text() + " is dialing us at the same time and keeps its own connection", out);
      break;
    case Status::not_allowed:
      fail(HandshakeFailure::not_allowed,
           peer_text() +
               " does not allow this node to connect (missing capabilities, or it admits others only)",
           out);
      break;
    case Status::named:
    case Status::yes:
    case Status::no:
      fail(HandshakeFailure::malformed, peer_text() + " confirmed a connection that it did not dial", out);
      break;
  }
}

void Handshake::on_confirmation(Status status, HandshakeEffects& out) {
  if (status == Status::yes) {
    send_challenge(out);
  } else if (status == Status::no) {
    fail(HandshakeFailure::abandoned, peer_text() + " has given up its dial in favour of the live connection",
         out);
  } else {
    fail(HandshakeFailure::malformed, peer_text() + " answered \"alive\" with neither \"true\" nor \"false\"",
         out);
  }
}

void Handshake::on(const ChallengeMessage& message, HandshakeEffects& out) {
  if (!accept_peer(message.name, message.creation, message.flags, out)) return;
  if (is_reflected(message.challenge, out)) return;
  send(encode(ReplyMessage{own_challenge_, cookie_digest(setup_.cookie, message.challenge)}), out);
  state_ = State::ack;
}

void Handshake::on(const ReplyMessage& message, HandshakeEffects& out) {
  if (!equal(message.digest, cookie_digest(setup_.cookie, own_challenge_))) {
    fail(HandshakeFailure::wrong_cookie,
         peer_text() + " has another cookie than this node: set dist_cookie to the same value on both", out);
    return;
  }
  complete(AckMessage{cookie_digest(setup_.cookie, message.challenge)}, out);
}

void Handshake::on(const AckMessage& message, HandshakeEffects& out) {
  if (!equal(message.digest, cookie_digest(setup_.cookie, own_challenge_))) {
    fail(HandshakeFailure::wrong_cookie,
         peer_text() + " has another cookie than this node: set dist_cookie to the same value on both", out);
    return;
  }
  complete({}, out);
}

bool Handshake::is_reflected(std::uint32_t challenge, HandshakeEffects& out) {
  if (setup_.open_challenges == nullptr || !setup_.open_challenges->contains(challenge)) return false;
  fail(HandshakeFailure::reflected,
       peer_text() + " gives us a challenge of our own: it does not know the cookie, and wants us to answer",
       out);
  return true;
}

bool Handshake::accept_peer(std::string_view name, std::uint32_t creation, Flags flags,
                            HandshakeEffects& out) {
  if (!setup_.peer.empty() && name != setup_.peer) {
    const std::string_view claim = setup_.role == Role::initiator ? "was dialed" : "authenticated itself";
    fail(HandshakeFailure::wrong_name,
         "a node that " + std::string(claim) + " as " + setup_.peer + " calls itself " + printable(name) +
             " in the distribution handshake",
         out);
    return false;
  }
  if (name == setup_.self.text()) {
    fail(HandshakeFailure::wrong_name, "the peer has our own name, " + std::string(name), out);
    return false;
  }
  if (!NodeName::valid(name)) {
    fail(HandshakeFailure::wrong_name, "\"" + printable(name) + "\" is no valid node name", out);
    return false;
  }
  claimed_name_ = name;
  peer_creation_ = creation;
  const Flags demanded = demanded_flags(flags, setup_.plain_peers);
  if (const std::string missing = missing_flag_names(flags, demanded); !missing.empty()) {
    if (setup_.role == Role::acceptor) send(encode(StatusMessage{.status = Status::not_allowed}), out);
    fail(HandshakeFailure::missing_flags,
         peer_text() + " lacks capabilities that every node since OTP 25 offers: " + missing, out);
    return false;
  }
  negotiated_ = setup_.flags & expand_digest(flags);
  return true;
}

void Handshake::send(const Bytes& message, HandshakeEffects& out) {
  SendBytes effect;
  ByteWriter writer(effect.bytes);
  if (setup_.framing == Framing::length16) writer.u16(static_cast<std::uint16_t>(message.size()));
  if (setup_.framing == Framing::length32) writer.u32(static_cast<std::uint32_t>(message.size()));
  writer.bytes(message);
  out.emplace_back(std::move(effect));
}

void Handshake::send_challenge(HandshakeEffects& out) {
  // A peer without a name takes the one that it got only from who says that it gives names.
  const Flags flags = setup_.flags | (names_peer_ ? flag::name_me : 0);
  send(encode(ChallengeMessage{flags, own_challenge_, setup_.creation, std::string(setup_.self.text())}),
       out);
  state_ = State::reply;
}

void Handshake::complete(const std::optional<AckMessage>& ack, HandshakeEffects& out) {
  if (setup_.admits_new_name && !Atom::find(claimed_name_) && !setup_.admits_new_name()) {
    return fail(HandshakeFailure::too_many_names,
                peer_text() + " is one new node too many; see the limits on new names in docs/security.md",
                out);
  }
  const auto peer = NodeName::parse(claimed_name_);
  if (!peer) return fail(HandshakeFailure::wrong_name, "there is no room for another atom", out);
  if (ack) send(encode(*ack), out);
  state_ = State::done;
  open_ = {};
  out.emplace_back(HandshakeComplete{*peer, peer_creation_, negotiated_});
}

void Handshake::fail(HandshakeFailure reason, std::string text, HandshakeEffects& out) {
  state_ = State::done;
  open_ = {};
  buffer_.clear();
  out.emplace_back(HandshakeFailed{reason, std::move(text)});
}

std::string Handshake::peer_text() const {
  if (!claimed_name_.empty()) return claimed_name_;
  return setup_.peer.empty() ? "a peer" : setup_.peer;
}

std::string_view Handshake::waiting_for() const {
  switch (state_) {
    case State::idle: return "the handshake's start";
    case State::name: return "the peer's name";
    case State::verdict: return "our own decision";
    case State::confirmation: return "the peer's confirmation that it means its dial";
    case State::delivery: return "the acknowledgement of our status";
    case State::status: return "the peer's status";
    case State::challenge: return "the peer's challenge";
    case State::reply: return "the peer's answer to our challenge";
    case State::ack: return "the peer's acknowledgement";
    case State::done: return "nothing";
  }
  return "nothing";
}

}  // namespace barrel::dist
