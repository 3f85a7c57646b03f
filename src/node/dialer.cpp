#include "node/dialer.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "carrier/link.hpp"

namespace barrel::node {

namespace {

/// More of them, in one dial, would make the log line longer and nobody wiser.
constexpr std::size_t failures_bytes_max = 600;

constexpr const char* unanswered = "no answer within dial_timeout_ms";

const char* carrier_of(Transport transport) {
  return transport == Transport::quic ? "over QUIC: " : "over TCP: ";
}

}  // namespace

Dialer::Dialer(loop::Loop& loop, Duration timeout, Hooks hooks, Metrics& metrics)
    : loop_(loop),
      timeout_(timeout),
      hooks_(std::move(hooks)),
      dials_(metrics.counter("node.dials")),
      dials_failed_(metrics.counter("node.dials_failed")),
      addresses_tried_(metrics.counter("node.addresses_tried")),
      dialing_(metrics.gauge("node.dialing")) {}

void Dialer::start(Channel& channel) {
  if (channel.dial != Channel::Dial::none || channel.live_link != nullptr) return;
  const std::uint64_t attempt = ++attempts_;
  channel.attempt = attempt;
  channel.give_up_at = loop_.now() + timeout_;
  channel.failures.clear();
  dials_.add();
  dialing_.add();
  (void)loop_.add_timer(channel.give_up_at, [this, peer = channel.peer, attempt] { expire(peer, attempt); });
  if (!hooks_.is_incoming(channel.peer)) return locate(channel);
  channel.dial = Channel::Dial::awaiting;
}

Channel* Dialer::at(NodeName peer, std::uint64_t attempt) const {
  Channel* channel = hooks_.channel(peer);
  return channel != nullptr && channel->attempt == attempt ? channel : nullptr;
}

void Dialer::expire(NodeName peer, std::uint64_t attempt) {
  Channel* channel = at(peer, attempt);
  if (channel == nullptr || channel->dial == Channel::Dial::none) return;
  switch (channel->dial) {
    case Channel::Dial::dialing:
      note(*channel, carrier_of(channel->transport), channel->trying + ": " + unanswered);
      break;
    case Channel::Dial::awaiting: note(*channel, "its own connection: ", unanswered); break;
    case Channel::Dial::locating: note(*channel, "looking for its address: ", unanswered); break;
    case Channel::Dial::none: break;
  }
  fail(*channel, channel->failures);
}

void Dialer::limit_attempt(const Channel& channel) {
  if (channel.addresses.empty()) return;
  const Duration left = std::max(channel.give_up_at - loop_.now(), Duration::zero());
  const Duration share = left / static_cast<Duration::rep>(channel.addresses.size() + 1);
  (void)loop_.add_timer(loop_.now() + share,
                        [this, peer = channel.peer, attempt = channel.attempt,
                         link = channel.dial_link->id()] { share_used(peer, attempt, link); });
}

void Dialer::share_used(NodeName peer, std::uint64_t attempt, std::uint64_t link) {
  Channel* channel = at(peer, attempt);
  if (channel == nullptr || channel->dial != Channel::Dial::dialing) return;
  carrier::Link* dialed = channel->dial_link;
  if (dialed == nullptr || dialed->id() != link) return;
  if (dialed->phase() != carrier::Phase::connecting) return;  // somebody has answered
  channel->dial_link = nullptr;
  const std::string missing = dialed->missing();
  dialed->close("another address is tried", loop_.now());
  note(*channel, carrier_of(channel->transport),
       channel->trying + ": " + missing + " within its share of the time");
  try_next(*channel);
}

void Dialer::locate(Channel& channel) {
  channel.dial = Channel::Dial::locating;
  const std::uint64_t attempt = channel.attempt;
  const NodeName peer = channel.peer;
  using Found = Result<std::vector<NodeAddress>>;
  if (stopped_) {
    loop_.post([this, peer, attempt] { located(peer, attempt, Error(Errc::closed, "the node shuts down")); });
    return;
  }
  const auto found = std::make_shared<Found>(Error(Errc::not_found));
  // What runs on another thread may outlive the dialer, not what `locate` looks at: the loop waits for it.
  const bool queued =
      loop_.offload([locate = hooks_.locate, found, peer] { *found = locate(peer); },
                    [this, found, peer, attempt] { located(peer, attempt, std::move(*found)); });
  if (queued) return;
  loop_.post([this, peer, attempt] { located(peer, attempt, Error(Errc::busy, "too many lookups wait")); });
}

void Dialer::located(NodeName peer, std::uint64_t attempt, Result<std::vector<NodeAddress>> found) {
  Channel* channel = at(peer, attempt);
  if (channel == nullptr || channel->dial != Channel::Dial::locating) return;
  if (!found) return fail(*channel, found.error().message());
  channel->addresses = std::move(*found);
  try_next(*channel);
}

void Dialer::try_next(Channel& channel) {
  while (!channel.addresses.empty()) {
    const NodeAddress address = std::move(channel.addresses.front());
    channel.addresses.erase(channel.addresses.begin());
    const auto literal = SocketAddress::from_ip(address.host, address.port);
    channel.transport = address.transport;
    if (!literal) return resolve(channel, address);
    channel.trying = literal->to_string();
    addresses_tried_.add();
    auto link = hooks_.connect(channel.peer, *literal, address.transport);
    if (link) {
      channel.dial = Channel::Dial::dialing;
      channel.dial_link = *link;
      return limit_attempt(channel);
    }
    note(channel, carrier_of(channel.transport), channel.trying + ": " + link.error().message());
  }
  fail(channel, channel.failures.empty() ? "discovery knows no address" : channel.failures);
}

void Dialer::resolve(Channel& channel, const NodeAddress& address) {
  channel.dial = Channel::Dial::locating;
  loop_.resolve(
      address.host, address.port,
      [this, peer = channel.peer, attempt = channel.attempt, address](
          const Result<std::vector<SocketAddress>>& found) { resolved(peer, attempt, address, found); });
}

void Dialer::resolved(NodeName peer, std::uint64_t attempt, const NodeAddress& address,
                      const Result<std::vector<SocketAddress>>& found) {
  Channel* channel = at(peer, attempt);
  if (channel == nullptr || channel->dial != Channel::Dial::locating) return;
  if (!found) {
    note(*channel, carrier_of(address.transport), address.host + ": " + found.error().message());
  } else {
    std::vector<NodeAddress> literals;
    for (const SocketAddress& one : *found)
      literals.push_back({one.ip_string(), one.port(), address.transport});
    channel->addresses.insert(channel->addresses.begin(), literals.begin(), literals.end());
  }
  try_next(*channel);
}

void Dialer::link_down(Channel& channel, const carrier::Down& down) {
  channel.dial_link = nullptr;
  if (channel.dial != Channel::Dial::dialing) return;
  note(channel, carrier_of(channel.transport), std::string(to_string(down.reason)) + ": " + down.text);
  switch (down.reason) {
    case carrier::DownReason::refused:
      // Its own connection to us is on the way, or has come already.
      channel.dial = Channel::Dial::awaiting;
      return;
    case carrier::DownReason::closed_by_peer:
      if (hooks_.is_incoming(channel.peer)) {
        channel.dial = Channel::Dial::awaiting;
        return;
      }
      return try_next(channel);
    case carrier::DownReason::unreachable:
    case carrier::DownReason::timeout:
    case carrier::DownReason::silent: return try_next(channel);
    case carrier::DownReason::closed_by_us:
    case carrier::DownReason::auth_failed:
    case carrier::DownReason::handshake_failed:
    case carrier::DownReason::protocol_error:
    case carrier::DownReason::key_mismatch: return fail(channel, channel.failures);
  }
}

void Dialer::incoming_down(Channel& channel, const std::string& why) {
  if (channel.dial != Channel::Dial::awaiting) return;
  note(channel, "its own connection: ", why);
  locate(channel);
}

void Dialer::succeeded(Channel& channel) {
  finish(channel);
}

void Dialer::yield(Channel& channel) {
  channel.addresses.clear();
  if (channel.dial == Channel::Dial::none) return;
  channel.dial = Channel::Dial::awaiting;
}

void Dialer::abandon(Channel& channel, const std::string& why) {
  if (channel.dial != Channel::Dial::none) fail(channel, why);
}

void Dialer::note(Channel& channel, std::string_view what, const std::string& why) {
  if (channel.failures.size() > failures_bytes_max) return;
  if (!channel.failures.empty()) channel.failures += "; ";
  channel.failures.append(what).append(why);
}

void Dialer::fail(Channel& channel, const std::string& why) {
  dials_failed_.add();
  finish(channel);
  hooks_.failed(channel, why);
}

void Dialer::finish(Channel& channel) {
  channel.attempt = ++attempts_;
  if (channel.dial != Channel::Dial::none) dialing_.subtract();
  channel.dial = Channel::Dial::none;
  channel.addresses.clear();
}

}  // namespace barrel::node
