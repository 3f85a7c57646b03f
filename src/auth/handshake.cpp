#include "auth/handshake.hpp"

#include <fmt/format.h>

#include <utility>

#include "barrel/base/assert.hpp"

namespace barrel::auth {

namespace {

// The peer's number is any 64-bit one, so that a difference of signed numbers could overflow.
std::uint64_t distance(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : b - a;
}

std::uint64_t wall_ms(SystemTime time) {
  const std::int64_t ms = unix_ms(time);
  return ms < 0 ? 0 : static_cast<std::uint64_t>(ms);
}

std::string_view name_of(const Message& message) {
  static constexpr std::string_view names[] = {"HELLO", "CHALLENGE", "RESPONSE", "OK", "FAIL"};
  return names[message.index()];
}

}  // namespace

Handshake::Handshake(HandshakeSetup setup) : setup_(std::move(setup)) {
  BARREL_ASSERT(setup_.trust != nullptr);
  BARREL_ASSERT(setup_.role == Role::server || setup_.dialed.has_value());
}

void Handshake::start(Moment now, Effects& out) {
  if (state_ != State::idle) return;
  started_at_ = now.monotonic;
  if (!setup_.binding) return fail(FailureReason::no_certificate, {}, out);
  state_ = State::hello;
  if (setup_.role == Role::client) {
    Bytes bytes;
    send_hello(bytes);
    out.emplace_back(Send{std::move(bytes)});
  }
}

void Handshake::receive(BytesView bytes, Moment now, Effects& out) {
  if (state_ == State::idle) return;
  expire(now, out);
  while (!done()) {
    switch (frames_.feed(bytes)) {
      case FrameReader::Step::need_more: return;
      case FrameReader::Step::too_long:
        return fail(FailureReason::malformed_frame, fmt::format("longer than {} bytes", message_bytes_max),
                    out);
      case FrameReader::Step::frame: handle(frames_.message(), now, out); break;
    }
  }
}

void Handshake::peer_finished(Effects& out) {
  if (state_ != State::idle && !done()) fail(FailureReason::closed, {}, out);
}

void Handshake::expire(Moment now, Effects& out) {
  if (state_ != State::idle && !done() && now.monotonic >= deadline()) fail(FailureReason::timeout, {}, out);
}

void Handshake::handle(BytesView bytes, Moment now, Effects& out) {
  const Decoded decoded = decode_message(bytes);
  if (const Failure* failure = decoded.failure()) return fail(failure->reason, failure->detail, out);
  const Message& message = *decoded.message();

  if (const auto* refusal = std::get_if<Fail>(&message); refusal && setup_.role == Role::client) {
    return fail(FailureReason::rejected_by_peer, refusal->reason, out);
  }
  if (const auto* hello = std::get_if<Hello>(&message); hello && state_ == State::hello) {
    return on_hello(*hello, now, out);
  }
  if (const auto* challenge = std::get_if<Challenge>(&message); challenge && state_ == State::challenge) {
    return on_challenge(*challenge, now, out);
  }
  if (const auto* response = std::get_if<Response>(&message); response && state_ == State::response) {
    return on_response(*response, now, out);
  }
  if (std::holds_alternative<Ok>(message)) {
    if (state_ == State::ok) return succeed(out);
    if (setup_.role == Role::client) return fail(FailureReason::unexpected_ok, {}, out);
  }
  fail(FailureReason::unexpected_message, std::string(name_of(message)), out);
}

void Handshake::on_hello(const Hello& hello, Moment now, Effects& out) {
  peer_ = hello;
  if (hello.name == setup_.self.text()) return fail(FailureReason::own_name, {}, out);
  if (setup_.role == Role::client && hello.name != setup_.dialed->text()) {
    return fail(FailureReason::name_mismatch, std::string(setup_.dialed->text()), out);
  }
  switch (setup_.trust(hello.name, hello.key)) {
    case TrustDecision::accept_known: break;
    case TrustDecision::accept_new: is_new_key_ = true; break;
    case TrustDecision::key_mismatch: return refuse(FailureReason::key_mismatch, "key_mismatch", out);
    case TrustDecision::untrusted_key: return refuse(FailureReason::untrusted_key, "untrusted_key", out);
  }
  Bytes bytes;
  if (setup_.role == Role::server) send_hello(bytes);
  send_challenge(bytes, now);
  out.emplace_back(Send{std::move(bytes)});
  state_ = State::challenge;
}

void Handshake::on_challenge(const Challenge& challenge, Moment now, Effects& out) {
  const auto limit = static_cast<std::uint64_t>(
      2 * std::chrono::duration_cast<std::chrono::milliseconds>(setup_.timestamp_window).count());
  const std::uint64_t skew = distance(challenge.timestamp_ms, wall_ms(now.wall));
  if (skew > limit) {
    return fail(FailureReason::clock_skew, fmt::format("{} ms apart, at most {} allowed", skew, limit), out);
  }
  const Bytes payload = signed_payload(challenge, setup_.identity.public_key(), *setup_.binding);
  Bytes bytes;
  encode_frame(bytes, Response{setup_.identity.sign(payload)});
  out.emplace_back(Send{std::move(bytes)});
  state_ = State::response;
}

void Handshake::on_response(const Response& response, Moment now, Effects& out) {
  // Both are one to the peer: a bad signature.
  if (now.monotonic - challenged_at_ > setup_.timestamp_window) {
    return refuse(FailureReason::response_late, "signature_invalid", out);
  }
  const Bytes payload = signed_payload(own_challenge_, peer_.key, *setup_.binding);
  if (!verify(peer_.key, payload, response.signature)) {
    return refuse(FailureReason::signature_invalid, "signature_invalid", out);
  }
  if (setup_.role == Role::client) {
    state_ = State::ok;
    return;
  }
  succeed(out);
}

void Handshake::send_hello(Bytes& bytes) const {
  encode_frame(bytes, Hello{std::string(setup_.self.text()), setup_.identity.public_key()});
}

void Handshake::send_challenge(Bytes& bytes, Moment now) {
  own_challenge_ = {setup_.nonce, wall_ms(now.wall)};
  challenged_at_ = now.monotonic;
  encode_frame(bytes, own_challenge_);
}

void Handshake::succeed(Effects& out) {
  if (setup_.role == Role::server) {
    Bytes bytes;
    encode_frame(bytes, Ok{});
    out.emplace_back(Send{std::move(bytes)});
  }
  state_ = State::done;
  out.emplace_back(Finish{});
  out.emplace_back(Authenticated{peer_.name, peer_.key, is_new_key_});
}

void Handshake::refuse(FailureReason reason, std::string_view wire_reason, Effects& out) {
  const bool is_server = setup_.role == Role::server;
  if (is_server) {
    Bytes bytes;
    encode_frame(bytes, Fail{std::string(wire_reason)});
    out.emplace_back(Send{std::move(bytes)});
    out.emplace_back(Finish{});
  }
  fail(reason, {}, out, is_server);
}

void Handshake::fail(FailureReason reason, std::string detail, Effects& out, bool fail_frame_sent) {
  Failure failure;
  failure.reason = reason;
  failure.fail_frame_sent = fail_frame_sent;
  failure.claimed_name = peer_.name;
  if (!peer_.name.empty()) failure.presented_key = peer_.key;
  failure.detail = std::move(detail);
  state_ = State::done;
  out.emplace_back(Failed{std::move(failure)});
}

}  // namespace barrel::auth
