#pragma once

// What the tests and the fuzz target of this layer share: a certificate, a network in memory with virtual
// time, and an owner of connections that writes down what it is told.

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "barrel/base/metrics.hpp"
#include "barrel/base/random.hpp"
#include "quic/endpoint.hpp"

namespace barrel::quic::test {

struct Pem {
  std::string certificate;
  std::string key;
};

/// A self-signed ECDSA P-256 certificate, as the original's nodes have.
inline Pem make_certificate() {
  gnutls_x509_privkey_t key = nullptr;
  gnutls_x509_privkey_init(&key);
  gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
  gnutls_x509_crt_t certificate = nullptr;
  gnutls_x509_crt_init(&certificate);
  gnutls_x509_crt_set_version(certificate, 3);
  const unsigned char serial = 1;
  gnutls_x509_crt_set_serial(certificate, &serial, sizeof serial);
  gnutls_x509_crt_set_activation_time(certificate, 0);
  gnutls_x509_crt_set_expiration_time(certificate, std::time_t{4'000'000'000});
  const char* error = nullptr;
  gnutls_x509_crt_set_dn(certificate, "CN=barrel test", &error);
  gnutls_x509_crt_set_key(certificate, key);
  gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0);
  gnutls_datum_t certificate_pem{};
  gnutls_datum_t key_pem{};
  gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &certificate_pem);
  gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, nullptr, GNUTLS_PKCS_PLAIN, &key_pem);
  Pem pem{{reinterpret_cast<char*>(certificate_pem.data), certificate_pem.size},
          {reinterpret_cast<char*>(key_pem.data), key_pem.size}};
  gnutls_free(certificate_pem.data);
  gnutls_free(key_pem.data);
  gnutls_x509_crt_deinit(certificate);
  gnutls_x509_privkey_deinit(key);
  return pem;
}

/// The same for all tests of a program: making one costs a key.
inline const Pem& certificate() {
  static const Pem pem = make_certificate();
  return pem;
}

inline EndpointConfig server_config() {
  EndpointConfig config;
  config.certificate_pem = certificate().certificate;
  config.private_key_pem = certificate().key;
  return config;
}

/// Owns one connection and remembers its events. Consumes what it reads unless told otherwise.
struct Recorder : ConnectionEvents {
  Connection* connection = nullptr;
  bool connected = false;
  bool consume = true;
  bool admit = true;
  std::optional<CloseReason> closed;
  std::map<StreamId, Bytes> received;
  std::map<StreamId, std::uint64_t> received_bytes;
  std::map<StreamId, std::uint64_t> acknowledged;
  std::map<StreamId, std::uint64_t> resets;
  std::vector<StreamId> opened, finished, stopped, writable, gone;
  int streams_available = 0;
  bool keep_bytes = true;
  std::function<void(Connection&, StreamId, BytesView, bool)> on_data;
  std::function<void(Connection&)> when_connected;
  std::function<void()> when_acknowledged;

  void on_connected(Connection& c) override {
    connection = &c;
    connected = true;
    if (admit) c.admit();
    if (when_connected) when_connected(c);
  }
  void on_stream_opened(Connection&, StreamId stream) override { opened.push_back(stream); }
  void on_stream_data(Connection& c, StreamId stream, BytesView bytes, bool fin) override {
    received_bytes[stream] += bytes.size();
    if (keep_bytes) received[stream].insert(received[stream].end(), bytes.begin(), bytes.end());
    if (fin) finished.push_back(stream);
    if (on_data) on_data(c, stream, bytes, fin);
    if (consume) c.consume(stream, bytes.size());
  }
  void on_stream_reset(Connection&, StreamId stream, std::uint64_t code) override { resets[stream] = code; }
  void on_stop_sending(Connection&, StreamId stream) override { stopped.push_back(stream); }
  void on_stream_acknowledged(Connection&, StreamId stream, std::uint64_t offset) override {
    acknowledged[stream] = offset;
    if (when_acknowledged) when_acknowledged();
  }
  void on_stream_writable(Connection&, StreamId stream) override { writable.push_back(stream); }
  void on_stream_closed(Connection&, StreamId stream) override { gone.push_back(stream); }
  void on_streams_available(Connection&, bool) override { ++streams_available; }
  void on_closed(Connection&, const CloseReason& reason) override {
    closed = reason;
    connection = nullptr;
  }
  [[nodiscard]] std::string text(StreamId stream) const {
    const auto found = received.find(stream);
    return found == received.end() ? "" : std::string(as_text(found->second));
  }
};

/// Datagrams in memory, with virtual time: each takes `delay` and may be lost, doubled, held back or damaged.
class Network {
 public:
  explicit Network(std::uint64_t seed = 1) : random(seed) {}

  struct Conditions {
    Duration delay = std::chrono::milliseconds(1);
    std::uint32_t loss_ppm = 0;
    std::uint32_t duplicate_ppm = 0;
    std::uint32_t reorder_ppm = 0;
    std::uint32_t damage_ppm = 0;
  };
  struct Packet {
    Instant at;
    std::uint64_t order;
    SocketAddress from, to;
    Bytes bytes;
  };

  void send(const SocketAddress& from, const SocketAddress& to, BytesView bytes) {
    ++sent;
    if (on_packet) on_packet(from, to, bytes);
    if (random.chance(conditions.loss_ppm)) return;
    const int copies = random.chance(conditions.duplicate_ppm) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      Bytes copy(bytes.begin(), bytes.end());
      if (random.chance(conditions.damage_ppm)) copy[random.below(copy.size())] ^= 1 << random.below(8);
      const auto held = random.chance(conditions.reorder_ppm) ? 5 * conditions.delay : Duration::zero();
      packets.push_back({now + conditions.delay + held, order++, from, to, std::move(copy)});
      std::push_heap(packets.begin(), packets.end(), later);
    }
  }
  static bool later(const Packet& a, const Packet& b) {
    return std::pair(a.at, a.order) > std::pair(b.at, b.order);
  }
  Packet pop() {
    std::pop_heap(packets.begin(), packets.end(), later);
    Packet packet = std::move(packets.back());
    packets.pop_back();
    return packet;
  }

  Conditions conditions;
  Random random;
  Instant now{};
  std::vector<Packet> packets;
  std::uint64_t order = 0;
  std::uint64_t sent = 0;
  std::function<void(const SocketAddress&, const SocketAddress&, BytesView)> on_packet;
};

/// An endpoint on the network that accepts everybody.
class Peer : public DatagramSink, public EndpointEvents {
 public:
  Peer(Network& net, const char* ip_and_port, EndpointConfig config)
      : network(net), address(*SocketAddress::parse(ip_and_port)) {
    auto made = Endpoint::make(std::move(config), *this, *this, metrics);
    if (!made) throw std::runtime_error(made.error().message());
    endpoint = std::move(*made);
  }

  Status send(const DatagramTrain& train) override {
    largest_train = std::max(largest_train, train.bytes.size());
    std::size_t segments = 0;
    train.for_each([&](BytesView packet) {
      ++segments;
      network.send(outgoing.value_or(address), train.remote, packet);
    });
    most_segments = std::max(most_segments, segments);
    return block ? Status::blocked : Status::accepted;
  }
  ConnectionEvents* on_accept(Connection&) override {
    if (refuse) return nullptr;
    accepted.push_back(std::make_unique<Recorder>());
    if (prepare) prepare(*accepted.back());
    return accepted.back().get();
  }
  Connection& dial(const Peer& other, Recorder& owner, std::vector<std::string> alpn = {}) {
    auto made = endpoint->connect({.remote = other.address,
                                   .local = address,
                                   .server_name = {},
                                   .alpn = std::move(alpn),
                                   .deadline = {}},
                                  owner, network.now);
    if (!made) throw std::runtime_error(made.error().message());
    owner.connection = *made;
    return **made;
  }
  [[nodiscard]] std::uint64_t count(const char* name) const { return metrics.snapshot()[name]; }

  Network& network;
  SocketAddress address;
  std::optional<SocketAddress> outgoing;  ///< A NAT's new face.
  Metrics metrics;
  std::vector<std::unique_ptr<Recorder>> accepted;
  std::function<void(Recorder&)> prepare;
  std::unique_ptr<Endpoint> endpoint;
  bool refuse = false;
  bool block = false;
  std::size_t largest_train = 0;
  std::size_t most_segments = 0;
};

/// Runs peers until `done` or until virtual time has passed.
class Runner {
 public:
  Runner(Network& net, std::vector<Peer*> all) : network_(net), peers_(std::move(all)) {}

  bool run_until(const std::function<bool()>& done, Duration limit = std::chrono::seconds(60)) {
    const Instant end = network_.now + limit;
    flush();
    while (!done()) {
      const auto next = next_event();
      if (!next || *next > end) {
        network_.now = end;
        flush();
        return done();
      }
      network_.now = std::max(network_.now, *next);
      while (!network_.packets.empty() && network_.packets.front().at <= network_.now) {
        const auto packet = network_.pop();
        for (auto* peer : peers_) {
          if (packet.to == peer->address || packet.to == peer->outgoing) {
            peer->endpoint->receive({peer->address, packet.from, packet.bytes, 0}, network_.now);
          }
        }
      }
      for (auto* peer : peers_) peer->endpoint->handle_timeout(network_.now);
      flush();
    }
    return true;
  }
  void run_for(Duration time) {
    run_until([] { return false; }, time);
  }
  void flush() {
    for (auto* peer : peers_) peer->endpoint->flush(network_.now);
  }

 private:
  std::optional<Instant> next_event() const {
    std::optional<Instant> next;
    if (!network_.packets.empty()) next = network_.packets.front().at;
    for (auto* peer : peers_) {
      const auto timeout = peer->endpoint->next_timeout();
      if (timeout && (!next || *timeout < *next)) next = timeout;
    }
    return next;
  }

  Network& network_;
  std::vector<Peer*> peers_;
};

/// A server and a client on one network.
struct Pair {
  explicit Pair(EndpointConfig server_settings = server_config(), EndpointConfig client_settings = {},
                std::uint64_t seed = 1)
      : network(seed),
        server(network, "10.0.0.1:4433", std::move(server_settings)),
        client(network, "10.0.0.2:5000", std::move(client_settings)),
        runner(network, {&server, &client}) {}

  /// Both sides know of each other and are at rest; false when that does not come about.
  [[nodiscard]] bool connect() {
    client.dial(server, owner);
    const bool up = runner.run_until([&] { return owner.connected && !server.accepted.empty(); });
    runner.run_for(std::chrono::milliseconds(100));
    return up;
  }
  Recorder& accepted() { return *server.accepted.at(0); }
  bool until(const std::function<bool()>& done, Duration limit = std::chrono::seconds(60)) {
    return runner.run_until(done, limit);
  }

  Network network;
  Peer server;
  Peer client;
  Runner runner;
  Recorder owner;
};

inline SharedBytes shared(std::string_view text) {
  const auto bytes = as_bytes(text);
  return SharedBytes(Bytes(bytes.begin(), bytes.end()));
}

}  // namespace barrel::quic::test
