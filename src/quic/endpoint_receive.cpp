// How an EndpointImpl finds the connection of a datagram, and what it answers when there is none.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "quic/endpoint_impl.hpp"

namespace barrel::quic {
namespace {

constexpr std::uint8_t long_header_bit = 0x80;
/// RFC 9000 §14.1: a client pads its first packets to this; what is smaller is answered by nothing.
constexpr std::size_t initial_datagram_least = 1'200;
/// RFC 9000 §10.3.3: an answer must be smaller than what it answers, and at least 21 bytes; 5 of them and the
/// token make no reset recognisable to others.
constexpr std::size_t reset_least = 22;
constexpr std::size_t reset_most = 43;
constexpr std::size_t reset_random_bytes_max = reset_most - NGTCP2_STATELESS_RESET_TOKENLEN;
/// How long a Retry token is good: a client uses it at once, and a lost one gives it another (RFC 9000
/// §8.1.3).
constexpr ngtcp2_duration retry_token_life = 10 * NGTCP2_SECONDS;
/// A version that nobody speaks, so that clients stay used to unknown ones (RFC 9000 §15).
constexpr std::uint32_t greased_version = 0x1a2a3a4a;

ngtcp2_cid make_cid(BytesView bytes) {
  ngtcp2_cid cid;
  ngtcp2_cid_init(&cid, bytes.data(), bytes.size());
  return cid;
}

}  // namespace

void EndpointImpl::receive(const DatagramTrain& train, Instant now) {
  last_now_ = std::max(last_now_, now);
  counters_.bytes_received.add(train.bytes.size());
  train.for_each([&](BytesView packet) {
    counters_.datagrams_received.add();
    route({packet, train.local, train.remote, now});
  });
}

void EndpointImpl::route(const Incoming& in) {
  if (in.packet.empty()) return counters_.dropped.add();
  ngtcp2_version_cid header{};
  const int decoded =
      ngtcp2_pkt_decode_version_cid(&header, in.packet.data(), in.packet.size(), connection_id_bytes);
  const BytesView destination(header.dcid, header.dcidlen);
  const BytesView source(header.scid, header.scidlen);
  if (decoded == NGTCP2_ERR_VERSION_NEGOTIATION) return negotiate_version(in, destination, source);
  if (decoded != 0) return counters_.dropped.add();
  const bool long_header = (in.packet[0] & long_header_bit) != 0;
  if (const Route* found = find_route(destination, long_header, in.remote)) {
    if (found->connection != nullptr) return deliver(*found->connection, in);
    return deliver_late(*found->closing, in);
  }
  if (!long_header) return on_unknown_short(in);
  // Version 0 is an answer to a packet of ours, but not of any connection that exists.
  if (header.version == 0) return counters_.dropped.add();
  if (header.version != NGTCP2_PROTO_VER_V1) return negotiate_version(in, destination, source);
  accept(in);
}

const EndpointImpl::Route* EndpointImpl::find_route(BytesView destination, bool long_header,
                                                    const SocketAddress& remote) const {
  if (const auto id = wire_id(destination)) {
    const auto found = routes_.find(*id);
    if (found != routes_.end()) return &found->second;
  }
  if (!long_header || initial_routes_.empty()) return nullptr;
  const auto route = initial_route(destination, remote);
  if (!route) return nullptr;
  const auto found = initial_routes_.find(*route);
  return found == initial_routes_.end() ? nullptr : &found->second;
}

void EndpointImpl::deliver(ConnectionImpl& connection, const Incoming& in) {
  switch (connection.read(in.packet, in.local, in.remote, in.now)) {
    case ConnectionImpl::ReadResult::ok: return;
    case ConnectionImpl::ReadResult::retry: {
      ngtcp2_pkt_hd header{};
      if (ngtcp2_accept(&header, in.packet.data(), in.packet.size()) == 0) send_retry(header, in);
      return drop_unborn(connection);
    }
    case ConnectionImpl::ReadResult::drop: counters_.dropped.add(); return drop_unborn(connection);
  }
}

/// Answers the 1st, 2nd, 4th, 8th... late packet (RFC 9000 §10.2.1: ever less often).
void EndpointImpl::deliver_late(Closing& closing, const Incoming& in) {
  ++closing.received;
  const auto& farewell = closing.farewell;
  if (farewell.packet.empty() || in.remote != farewell.remote || !std::has_single_bit(closing.received))
    return;
  train_.send_single(farewell.packet, farewell.local, farewell.remote);
}

void EndpointImpl::on_unknown_short(const Incoming& in) {
  ResetToken token{};
  if (in.packet.size() >= reset_least - 1) {
    std::memcpy(token.data(), in.packet.data() + in.packet.size() - token.size(), token.size());
    const auto found = reset_tokens_.find(token);
    if (found != reset_tokens_.end()) return deliver(*found->second, in);
  }
  counters_.dropped.add();
  reset(in);
}

bool EndpointImpl::allow_stateless(Instant now) {
  if (!train_.blocked() && stateless_.allow(now)) return true;
  counters_.stateless_limited.add();
  return false;
}

void EndpointImpl::send_stateless(BytesView packet, const Incoming& in) {
  train_.send_single(packet, in.local, in.remote);
}

void EndpointImpl::reset(const Incoming& in) {
  if (in.packet.size() <= reset_least || !allow_stateless(in.now)) return;
  const auto cid = make_cid(in.packet.subspan(1, connection_id_bytes));
  ResetToken token{};
  if (ngtcp2_crypto_generate_stateless_reset_token(token.data(), config_.token_key.data(),
                                                   config_.token_key.size(), &cid) != 0) {
    return;
  }
  const std::size_t size = std::min(in.packet.size() - 1, reset_most);
  std::array<std::uint8_t, reset_random_bytes_max> noise{};
  const std::size_t noise_bytes = size - token.size();
  random_secret(std::span(noise).first(noise_bytes));
  std::array<std::uint8_t, reset_most> out{};
  const auto written =
      ngtcp2_pkt_write_stateless_reset(out.data(), out.size(), token.data(), noise.data(), noise_bytes);
  if (written <= 0) return;
  counters_.resets_sent.add();
  send_stateless(BytesView(out).first(static_cast<std::size_t>(written)), in);
}

void EndpointImpl::negotiate_version(const Incoming& in, BytesView destination, BytesView source) {
  counters_.versions_refused.add();
  if (!tls_->has_certificate() || in.packet.size() < initial_datagram_least || !allow_stateless(in.now))
    return;
  const std::array<std::uint32_t, 2> versions{greased_version, NGTCP2_PROTO_VER_V1};
  std::uint8_t noise = 0;
  random_secret({&noise, 1});
  std::array<std::uint8_t, 1 + 4 + 2 * 256 + sizeof versions> out{};
  const auto written = ngtcp2_pkt_write_version_negotiation(
      out.data(), out.size(), noise, source.data(), source.size(), destination.data(), destination.size(),
      versions.data(), versions.size());
  if (written > 0) send_stateless(BytesView(out).first(static_cast<std::size_t>(written)), in);
}

void EndpointImpl::accept(const Incoming& in) {
  ngtcp2_pkt_hd header{};
  if (!tls_->has_certificate() || ngtcp2_accept(&header, in.packet.data(), in.packet.size()) != 0) {
    return counters_.dropped.add();
  }
  if (!accepting_) {
    counters_.not_accepting.add();
    return refuse(header, NGTCP2_CONNECTION_REFUSED, in);
  }
  ConnectionImpl::Accept accept{
      .local = in.local, .remote = in.remote, .header = &header, .before_retry = {}};
  const auto token = ng::token_of(header);
  if (!token.empty() && token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY) {
    const NativeAddress remote(in.remote);
    ngtcp2_cid original{};
    const int verified = ngtcp2_crypto_verify_retry_token(
        &original, token.data(), token.size(), config_.token_key.data(), config_.token_key.size(),
        header.version, remote.get(), remote.length, &header.dcid, retry_token_life, ng::timestamp(in.now));
    if (verified != 0) {
      counters_.tokens_refused.add();
      return refuse(header, NGTCP2_INVALID_TOKEN, in);
    }
    accept.before_retry = original;
  }
  if (!accept.before_retry && half_open_.unproven() >= config_.retry_threshold) return send_retry(header, in);
  if (may_accept(header, accept.before_retry.has_value(), in)) make_connection(accept, in);
}

bool EndpointImpl::may_accept(const ngtcp2_pkt_hd& header, bool proven, const Incoming& in) {
  if (connections_.size() >= config_.connections_max) {
    counters_.connections_limit.add();
    refuse(header, NGTCP2_CONNECTION_REFUSED, in);
    return false;
  }
  // Nothing is answered: a client tries again by itself, when others may have finished.
  if (proven && half_open_.of(in.remote) >= config_.half_open_per_address_max) {
    counters_.half_open_dropped.add();
    return false;
  }
  if (half_open_.total() >= config_.half_open_max) {
    // Those of whoever has most give way, so that many handshakes lock nobody out.
    counters_.half_open_dropped.add();
    const auto oldest = half_open_.to_give_way();
    if (!oldest) return false;
    drop_unborn(*connections_.at(*oldest));
  }
  return true;
}

void EndpointImpl::make_connection(const ConnectionImpl::Accept& accept, const Incoming& in) {
  auto made = ConnectionImpl::accept(*this, next_id_++, accept, in.now);
  if (!made) {
    counters_.accepts_failed.add();
    if (accept_lines_.allow(in.now))
      log_.warning("cannot accept a connection", {{"error", made.error().message()}});
    return;
  }
  ConnectionImpl& connection = **made;
  adopt(std::move(*made));
  counters_.accepted.add();
  const auto& first = accept.header->dcid;
  connection.initial_route = initial_route(BytesView(first.data, first.datalen), in.remote);
  initial_routes_[*connection.initial_route] = {&connection, nullptr};
  half_open_.add(connection.id(), in.remote, connection.address_proven());
  connection.counted_half_open = in.remote;
  counters_.half_open.add();
  deliver(connection, in);
}

/// A connection that ngtcp2 found not to be one: no state, no answer, nobody to tell.
void EndpointImpl::drop_unborn(ConnectionImpl& connection) {
  forget(connection);
  connections_.erase(connection.id());
  counters_.connections.subtract();
}

void EndpointImpl::send_retry(const ngtcp2_pkt_hd& header, const Incoming& in) {
  if (!allow_stateless(in.now)) return;
  ngtcp2_cid retry_id{};
  retry_id.datalen = connection_id_bytes;
  random_secret({retry_id.data, retry_id.datalen});
  const NativeAddress remote(in.remote);
  std::array<std::uint8_t, NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN> token{};
  const auto token_bytes = ngtcp2_crypto_generate_retry_token(
      token.data(), config_.token_key.data(), config_.token_key.size(), header.version, remote.get(),
      remote.length, &retry_id, &header.dcid, ng::timestamp(in.now));
  if (token_bytes <= 0) return;
  std::array<std::uint8_t, initial_datagram_least> out{};
  const auto written =
      ngtcp2_crypto_write_retry(out.data(), out.size(), header.version, &header.scid, &retry_id, &header.dcid,
                                token.data(), static_cast<std::size_t>(token_bytes));
  if (written <= 0) return;
  counters_.retries_sent.add();
  send_stateless(BytesView(out).first(static_cast<std::size_t>(written)), in);
}

/// CONNECTION_CLOSE without keeping any state.
void EndpointImpl::refuse(const ngtcp2_pkt_hd& header, std::uint64_t code, const Incoming& in) {
  if (!allow_stateless(in.now)) return;
  std::array<std::uint8_t, initial_datagram_least> out{};
  const auto written = ngtcp2_crypto_write_connection_close(out.data(), out.size(), header.version,
                                                            &header.scid, &header.dcid, code, nullptr, 0);
  if (written > 0) send_stateless(BytesView(out).first(static_cast<std::size_t>(written)), in);
}

}  // namespace barrel::quic
