#pragma once

// What the tests of this layer share: nodes that own a QuicCarrier on a network in memory with virtual time.

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "barrel/term/etf.hpp"
#include "carrier/quic_carrier.hpp"
#include "quic/test_support.hpp"

namespace barrel::carrier::test {

using namespace std::chrono_literals;
using quic::test::Network;

inline auth::Identity identity_of(std::uint8_t number) {
  auth::Seed seed;
  seed.fill(number);
  return auth::Identity::from_seed(seed);
}

struct Settings {
  LinkConfig link;
  quic::EndpointConfig endpoint = quic::test::server_config();
  std::uint8_t key = 0;  ///< 0: after the address.
  std::uint64_t seed = 1;
};

/// A node as far as links are concerned: it decides crossings as `node` does, keeps messages for a peer until
/// there is a link to it, and writes down what it is told.
class TestNode final : public LinkOwner, public DatagramSink {
 public:
  TestNode(Network& net, NodeName self, const std::string& ip, std::uint32_t incarnation,
           Settings settings = {})
      : network(net),
        name(self),
        creation(incarnation),
        address(*SocketAddress::parse(ip + ":4433")),
        key(identity_of(settings.key != 0 ? settings.key : address.ip()[3])) {
    settings.link.self = self;
    settings.link.creation = incarnation;
    settings.link.capabilities.implementation = "barrel test";
    settings.link.capabilities.features = {"merged_sync"};
    auto made =
        QuicCarrier::make(settings.link, settings.endpoint, *this, *this, Random(settings.seed), metrics);
    if (!made) throw std::runtime_error(made.error().message());
    carrier = *std::move(made);
  }

  // LinkOwner
  SystemTime system_now() override {
    return SystemTime(1'700'000'000s) + us(skew + network.now.time_since_epoch());
  }
  auth::Identity identity() override { return key; }
  auth::Nonce nonce() override {
    auth::Nonce fresh;
    network.random.fill(fresh);
    return fresh;
  }
  auth::TrustDecision check_trust(std::string_view claimed, const PublicKey& presented) override {
    return trust.decide(claimed, presented);
  }
  void on_authenticated(Link& link, std::string_view claimed, const PublicKey&) override {
    const NodeName peer = *NodeName::parse(claimed);
    note(peer, "authenticated");
    if (!link.dialed()) {
      if (Link* older = std::exchange(peers[peer].incoming, &link))
        older->close("a newer connection", network.now);
    }
    if (when_authenticated) when_authenticated(link);
  }
  dist::Verdict on_incoming(Link& link, std::string_view claimed, std::uint32_t) override {
    const NodeName peer = *NodeName::parse(claimed);
    Entry& entry = peers[peer];
    const dist::PeerState state{entry.dial ? entry.dial->dial_phase() : dist::DialPhase::none,
                                entry.live != nullptr};
    const dist::Verdict verdict = dist::decide_incoming(link.dialect(), name, peer, state);
    note(peer, "incoming " + std::string(to_string(verdict)));
    if (state.dial != dist::DialPhase::none) ++crossings;
    if (drops_dial(verdict)) entry.dial->close("the peer's own dial", network.now);
    return verdict;
  }
  Pinned pin(Link& link, NodeName peer, const PublicKey& presented) override {
    note(peer, "pin");
    if (slow_disk) {
      being_pinned = &link;
      return Pinned::later;
    }
    return accepted(trust.store_if_new(peer.text(), presented)) ? Pinned::yes : Pinned::no;
  }
  void on_up(Link& link) override {
    const NodeName peer = link.peer()->name;
    Entry& entry = peers[peer];
    if (entry.live != nullptr) entry.live->close("replaced", network.now);
    note(peer, "up");
    entry.live = &link;
    link.attach(*outbound_to(peer), network.now);
  }
  void on_message(Link& link, dist::Message& message, dist::Lane lane) override {
    messages.push_back({link.peer()->name, std::move(message.control), {}, lane});
    if (!message.payload.bytes.empty()) {
      auto term = decode_etf(message.payload.share());
      if (term) messages.back().payload = *std::move(term);
    }
    if (when_message) when_message(link);
  }
  void on_suspect(Link& link) override { note(link.peer()->name, "suspect"); }
  void on_alive(Link& link) override { note(link.peer()->name, "alive"); }
  void on_drained(Link& link, dist::Lane) override { note(link.peer()->name, "drained"); }
  void on_down(Link& link, const Down& down) override {
    downs.push_back(down);
    if (link.name().empty()) return;
    const NodeName peer = *NodeName::parse(link.name());
    Entry& entry = peers[peer];
    note(peer, "down " + std::string(to_string(down.reason)));
    if (entry.live == &link) {
      entry.live = nullptr;
      entry.outbound.reset();
    }
    if (entry.dial == &link) entry.dial = nullptr;
    if (entry.incoming == &link) entry.incoming = nullptr;
  }

  // DatagramSink
  Status send(const DatagramTrain& train) override {
    train.for_each([&](BytesView packet) {
      if (!cut) network.send(address, train.remote, packet);
    });
    return Status::accepted;
  }

  Link* dial(const TestNode& other) { return dial(other.name, other.address); }
  Link* dial(NodeName target, const SocketAddress& remote) {
    quic::Dial where;
    where.remote = remote;
    where.local = address;
    auto link = carrier->dial(target, where, network.now);
    if (!link) throw std::runtime_error(link.error().message());
    return peers[target].dial = *link;
  }
  /// A message from process `id` here to the process of the same number there.
  dist::Outbound::Pushed say(NodeName peer, std::uint32_t id, const Term& payload,
                             dist::Lane lane = dist::Lane::messages) {
    const dist::Send control{{name.atom(), id, 0, creation}, {peer.atom(), id, 0, 1}};
    const auto encode = [&](ByteWriter& out, dist::Envelope envelope) {
      encode_head(out, control, envelope);
      encode_etf(out, payload);
    };
    const auto pushed = outbound_to(peer)->push(lane, encode, false, dist::Outbound::sender_of(control.from));
    if (pushed.wake && peers[peer].live != nullptr) peers[peer].live->flush(network.now);
    return pushed;
  }
  std::shared_ptr<dist::Outbound> outbound_to(NodeName peer) {
    auto& outbound = peers[peer].outbound;
    if (!outbound) outbound = std::make_shared<dist::Outbound>(outbound_limits, metrics);
    return outbound;
  }

  [[nodiscard]] bool up(const TestNode& other) const {
    const auto entry = peers.find(other.name);
    return entry != peers.end() && entry->second.live != nullptr;
  }
  [[nodiscard]] Link* live(const TestNode& other) { return peers[other.name].live; }
  /// The integers that arrived from a peer, in order.
  [[nodiscard]] std::vector<std::int64_t> integers(const TestNode& other) const {
    std::vector<std::int64_t> all;
    for (const Received& message : messages) {
      if (message.from == other.name) all.push_back(message.payload.as_int64().value_or(-1));
    }
    return all;
  }
  [[nodiscard]] std::size_t noted(std::string_view text) const {
    return static_cast<std::size_t>(std::ranges::count(log, text));
  }
  [[nodiscard]] std::uint64_t count(std::string_view counter) { return metrics.counter(counter).value(); }
  [[nodiscard]] std::uint64_t gauge(std::string_view which) { return metrics.gauge(which).value(); }

  struct Received {
    NodeName from;
    dist::Control control;
    Term payload;
    dist::Lane lane;
  };
  struct Entry {
    Link* live = nullptr;
    Link* dial = nullptr;
    Link* incoming = nullptr;
    std::shared_ptr<dist::Outbound> outbound;
  };

  Network& network;
  NodeName name;
  std::uint32_t creation;
  SocketAddress address;
  auth::Identity key;
  auth::TrustStore trust;
  Metrics metrics;
  Duration skew{};
  dist::OutboundLimits outbound_limits;
  /// Pins take until the test says so, to being_pinned.
  bool slow_disk = false;
  Link* being_pinned = nullptr;
  bool cut = false;  ///< Nothing leaves this node any more.
  std::map<NodeName, Entry> peers;
  std::vector<Received> messages;
  std::vector<Down> downs;
  std::vector<std::string> log;
  int crossings = 0;
  std::function<void(Link&)> when_authenticated;
  std::function<void(Link&)> when_message;
  std::unique_ptr<QuicCarrier> carrier;

 private:
  static std::chrono::microseconds us(Duration duration) {
    return std::chrono::duration_cast<std::chrono::microseconds>(duration);
  }
  void note(NodeName peer, const std::string& what) { log.push_back(std::string(peer.name()) + ": " + what); }
};

/// Runs nodes, and QUIC peers that are no nodes, on one network.
class World {
 public:
  explicit World(std::uint64_t seed = 1) : network(seed) {}

  TestNode& add(NodeName name, const std::string& ip, std::uint32_t creation = 11, Settings settings = {}) {
    settings.seed = network.random.next();
    nodes.push_back(std::make_unique<TestNode>(network, name, ip, creation, std::move(settings)));
    return *nodes.back();
  }

  bool until(const std::function<bool()>& done, Duration limit = 60s) {
    const Instant end = network.now + limit;
    turn();
    while (!done()) {
      const auto next = next_event();
      if (!next || *next > end) {
        network.now = end;
        turn();
        return done();
      }
      network.now = std::max(network.now, *next);
      deliver();
      turn();
    }
    return true;
  }
  void run(Duration time) {
    (void)until([] { return false; }, time);
  }

  Network network;
  std::vector<std::unique_ptr<TestNode>> nodes;
  std::vector<quic::test::Peer*> strangers;

 private:
  void deliver() {
    while (!network.packets.empty() && network.packets.front().at <= network.now) {
      const auto packet = network.pop();
      const auto train = [&](const SocketAddress& local) {
        return DatagramTrain{local, packet.from, packet.bytes, 0};
      };
      for (auto& node : nodes) {
        if (packet.to == node->address) node->carrier->receive(train(node->address), network.now);
      }
      for (auto* stranger : strangers) {
        if (packet.to == stranger->address)
          stranger->endpoint->receive(train(stranger->address), network.now);
      }
    }
  }
  void turn() {
    for (auto& node : nodes) node->carrier->turn(network.now);
    for (auto* stranger : strangers) {
      stranger->endpoint->handle_timeout(network.now);
      stranger->endpoint->flush(network.now);
    }
  }
  std::optional<Instant> next_event() const {
    std::optional<Instant> next;
    const auto consider = [&next](std::optional<Instant> at) {
      if (at && (!next || *at < *next)) next = at;
    };
    if (!network.packets.empty()) consider(network.packets.front().at);
    for (const auto& node : nodes) consider(node->carrier->next_timeout());
    for (const auto* stranger : strangers) consider(stranger->endpoint->next_timeout());
    return next;
  }
};

inline Settings erlang() {
  Settings settings;
  settings.endpoint.alpn = {"erlang-dist"};
  return settings;
}

}  // namespace barrel::carrier::test
