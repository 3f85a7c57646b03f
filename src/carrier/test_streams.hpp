#pragma once

// Streams in memory with virtual time, and nodes that connect by them.

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "barrel/term/etf.hpp"
#include "carrier/tcp_carrier.hpp"

namespace barrel::carrier::test {

using namespace std::chrono_literals;

/// One end of a connection in memory.
struct StreamEnd {
  SocketAddress remote;
  StreamEvents* events = nullptr;
  bool dialed = false;
  bool connected = false;
  bool open = true;
  bool told_of_end = false;
  bool wants_room = false;
  bool widened = false;
  Bytes inbox;
  std::size_t room = SIZE_MAX;  ///< How much the inbox takes.
  std::shared_ptr<StreamEnd> other;
};

class MemoryStream final : public ByteStream {
 public:
  explicit MemoryStream(std::shared_ptr<StreamEnd> end) : end_(std::move(end)) {}
  ~MemoryStream() override { close(); }
  void start(StreamEvents& events) override { end_->events = &events; }
  std::size_t write(std::span<const BytesView> pieces) override {
    std::size_t taken = 0;
    for (const BytesView piece : pieces) {
      Bytes& inbox = end_->other->inbox;
      const std::size_t room = end_->other->room - std::min(end_->other->room, inbox.size());
      const std::size_t part = std::min(piece.size(), room);
      inbox.insert(inbox.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(part));
      taken += part;
      if (part < piece.size()) {
        end_->wants_room = true;
        break;
      }
    }
    return taken;
  }
  void widen() override { end_->widened = true; }
  void close() override {
    end_->open = false;
    end_->events = nullptr;
  }
  [[nodiscard]] const SocketAddress& remote_address() const override { return end_->remote; }

 private:
  std::shared_ptr<StreamEnd> end_;
};

/// Who listens where, and all connections.
class StreamNet final : public StreamDialer, public Clock {
 public:
  using Listener = std::function<void(std::unique_ptr<ByteStream>)>;

  StreamNet() = default;
  ~StreamNet() override {
    for (const auto& end : ends) end->other.reset();  // they hold each other
  }
  StreamNet(const StreamNet&) = delete;
  StreamNet& operator=(const StreamNet&) = delete;

  [[nodiscard]] Instant now() const override { return time; }
  [[nodiscard]] SystemTime system_now() const override { return {}; }
  [[nodiscard]] std::unique_ptr<ByteStream> dial(const SocketAddress& remote) override {
    auto [mine, theirs] = make_pair(remote);
    mine->dialed = true;
    if (const auto listener = listeners.find(remote); listener != listeners.end()) {
      listener->second(std::make_unique<MemoryStream>(theirs));
    } else {
      theirs->open = false;
    }
    return std::make_unique<MemoryStream>(mine);
  }
  /// The two ends of a new connection; the second belongs to a stranger of the test.
  std::pair<std::shared_ptr<StreamEnd>, std::shared_ptr<StreamEnd>> make_pair(const SocketAddress& remote) {
    auto a = std::make_shared<StreamEnd>();
    auto b = std::make_shared<StreamEnd>();
    a->remote = remote;
    b->remote = *SocketAddress::parse("10.0.0.99:9");
    a->other = b;
    b->other = a;
    ends.push_back(a);
    ends.push_back(b);
    return {a, b};
  }
  /// Brings everything that is on its way to where it belongs. False when there was nothing.
  bool deliver() {
    bool any = false;
    const auto present = ends;
    for (const auto& end : present) any = deliver(*end) || any;
    return any;
  }

  Instant time{};
  std::map<SocketAddress, Listener> listeners;
  std::vector<std::shared_ptr<StreamEnd>> ends;

 private:
  static bool deliver(StreamEnd& end) {
    if (end.events == nullptr) return false;
    if (end.dialed && !end.connected && (end.other->open || !end.inbox.empty())) {
      end.connected = true;
      end.events->on_connected();
      return true;
    }
    if (!end.inbox.empty()) {
      read(end);
      return true;
    }
    if (end.wants_room && end.other->inbox.size() < end.other->room) {
      end.wants_room = false;
      end.events->on_writable();
      return true;
    }
    if (!end.other->open && !end.told_of_end) {
      end.told_of_end = true;
      end.events->on_closed(end.connected || !end.dialed ? "closed" : "Connection refused");
      return true;
    }
    return false;
  }
  static void read(StreamEnd& end) {
    const Bytes bytes = std::exchange(end.inbox, {});
    const std::span<std::uint8_t> room = end.events->room();
    const std::size_t placed = std::min(room.size(), bytes.size());
    std::copy_n(bytes.begin(), placed, room.begin());
    if (placed > 0) end.events->on_placed(placed);
    if (placed < bytes.size() && end.events != nullptr)
      end.events->on_bytes(BytesView(bytes).subspan(placed));
  }
};

/// A node as far as TCP links are concerned.
class TcpNode final : public LinkOwner {
 public:
  TcpNode(StreamNet& net, NodeName self, const char* address, TcpConfig tcp = {},
          std::string cookie = "secret")
      : network(net), name(self), where(*SocketAddress::parse(address)) {
    LinkConfig config;
    config.self = self;
    config.cookie = std::move(cookie);
    config.frame_bytes_max = 1U << 20;
    carrier = *TcpCarrier::make(config, std::move(tcp), net, net, *this, Random(where.port()), metrics);
    net.listeners[where] = [this](auto stream) { carrier->accept(std::move(stream), network.time); };
  }

  SystemTime system_now() override { return {}; }
  auth::Identity identity() override { return auth::Identity::from_seed({}); }
  auth::Nonce nonce() override { return {}; }
  auth::TrustDecision check_trust(std::string_view, const PublicKey&) override {
    return auth::TrustDecision::key_mismatch;
  }
  void on_authenticated(Link&, std::string_view, const PublicKey&) override {}
  bool admits_unproven(std::string_view peer) override { return peer != pinned.text(); }
  dist::Verdict on_incoming(Link&, std::string_view, std::uint32_t) override {
    return live != nullptr ? dist::Verdict::accept_replacing : dist::Verdict::accept;
  }
  Pinned pin(Link&, NodeName, const PublicKey&) override { return Pinned::no; }
  void on_up(Link& link) override {
    if (live != nullptr) live->close("replaced", network.time);
    live = &link;
    outbound = std::make_unique<dist::Outbound>(dist::OutboundLimits{}, metrics);
    link.attach(*outbound, network.time);
  }
  void on_message(Link&, dist::Message& message, dist::Lane) override {
    const BytesView bytes = message.payload.bytes;
    sizes.push_back(bytes.size());
    constexpr std::size_t head_bytes = 6;  // of a binary
    if (bytes.size() < head_bytes ||
        !std::ranges::equal(bytes, encode_etf(Term::binary(text_of(bytes.size() - head_bytes))))) {
      ++damaged;
    }
  }
  void on_suspect(Link&) override { ++suspected; }
  void on_alive(Link&) override {}
  void on_drained(Link&, dist::Lane) override {}
  void on_down(Link& link, const Down& down) override {
    downs.push_back(down);
    if (live == &link) live = nullptr;
  }
  /// No two parts of it are alike.
  static Bytes text_of(std::size_t bytes) {
    Bytes text(bytes);
    for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<std::uint8_t>(i ^ i >> 8);
    return text;
  }
  /// A message of so many bytes to process 1 of the peer.
  void say(std::size_t bytes) {
    const dist::Send control{{name.atom(), 1, 0, 4}, {live->peer()->name.atom(), 1, 0, 4}};
    const auto encode = [&](ByteWriter& out, dist::Envelope envelope) {
      encode_head(out, control, envelope);
      encode_etf(out, Term::binary(text_of(bytes)));
    };
    (void)outbound->push(dist::Lane::messages, encode, false, dist::Outbound::sender_of(control.from));
    live->flush(network.time);
  }
  [[nodiscard]] std::uint64_t count(const std::string& metric) const { return metrics.snapshot()[metric]; }

  StreamNet& network;
  NodeName name;
  SocketAddress where;
  Metrics metrics;
  std::unique_ptr<dist::Outbound> outbound;
  std::unique_ptr<TcpCarrier> carrier;
  Link* live = nullptr;
  NodeName pinned;
  int suspected = 0;
  std::vector<Down> downs;
  std::vector<std::size_t> sizes;
  int damaged = 0;  ///< Messages that are not what say() sends.
};

/// Delivers and takes turns until nothing happens any more, for so much virtual time.
inline void run(StreamNet& net, std::initializer_list<TcpNode*> nodes, Duration time = {}) {
  const Instant end = net.time + time;
  for (;;) {
    do {
      for (TcpNode* node : nodes) node->carrier->turn(net.time);
    } while (net.deliver());
    std::optional<Instant> next;
    for (TcpNode* node : nodes) {
      const auto due = node->carrier->next_timeout();
      if (due && (!next || *due < *next)) next = due;
    }
    if (!next || *next > end) break;
    net.time = std::max(net.time, *next);
  }
  net.time = end;
}

}  // namespace barrel::carrier::test
