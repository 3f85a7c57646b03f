// What strangers can do to an Endpoint: waste no more than their own quota.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quic/endpoint.hpp"
#include "quic/half_open.hpp"
#include "quic/test_support.hpp"

namespace barrel::quic {
namespace {

using namespace std::chrono_literals;
using test::Network;
using test::Peer;
using test::Recorder;
using test::Runner;
using test::server_config;
using test::shared;

struct Fixture : testing::Test {
  Peer& make_server(EndpointConfig config) {
    server = std::make_unique<Peer>(network, "10.0.0.1:4433", std::move(config));
    return *server;
  }
  void deliver(BytesView bytes, const SocketAddress& from) {
    server->endpoint->receive({server->address, from, bytes, 0}, network.now);
    server->endpoint->flush(network.now);
  }
  SocketAddress stranger(std::uint32_t n) {
    return SocketAddress::v4({100, static_cast<std::uint8_t>(n >> 16), static_cast<std::uint8_t>(n >> 8),
                              static_cast<std::uint8_t>(n)},
                             1000);
  }
  /// The first packet of a client that never says more.
  Bytes first_packet() {
    Network aside;
    Peer liar(aside, "10.0.0.66:1", {});
    Recorder owner;
    Bytes packet;
    aside.on_packet = [&](const auto&, const auto&, BytesView bytes) {
      packet.assign(bytes.begin(), bytes.end());
    };
    liar.dial(*server, owner);
    liar.endpoint->flush(aside.now);
    liar.endpoint->find(1)->detach();
    return packet;
  }

  Network network;
  std::unique_ptr<Peer> server;
};

using EndpointHostile = Fixture;

TEST_F(EndpointHostile, GarbageIsDroppedAndMakesNoState) {
  make_server(server_config());
  Random random(42);
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes(random.below(1'500));
    random.fill(bytes);
    deliver(bytes, stranger(static_cast<std::uint32_t>(i)));
  }
  EXPECT_EQ(server->endpoint->connection_count(), 0U);
  EXPECT_GT(server->count("quic.datagrams_dropped"), 1'000U);
  EXPECT_LE(server->count("quic.stateless_resets_sent"), 2'000U) << "time stands still: one second's worth";
}

TEST_F(EndpointHostile, DamagedPacketsOfARealConnectionDoNotEndIt) {
  make_server(server_config());
  Peer client(network, "10.0.0.2:5000", {});
  Runner runner(network, {server.get(), &client});
  Recorder owner;
  std::vector<Bytes> seen;
  network.on_packet = [&](const auto&, const auto& to, BytesView bytes) {
    if (to == server->address) seen.emplace_back(bytes.begin(), bytes.end());
  };
  client.dial(*server, owner);
  ASSERT_TRUE(runner.run_until([&] { return !server->accepted.empty(); }));
  const auto stream = *owner.connection->open_bidirectional();
  ASSERT_TRUE(owner.connection->send(stream, SharedBytes(Bytes(100'000))));
  runner.run_for(1s);
  network.on_packet = nullptr;
  Random random(7);
  for (int i = 0; i < 20'000; ++i) {
    Bytes packet = seen[random.below(seen.size())];
    for (int flips = 0; flips < 3; ++flips) packet[random.below(packet.size())] ^= 1 << random.below(8);
    deliver(packet, client.address);
  }
  ASSERT_TRUE(owner.connection->send(stream, shared("still here"), true));
  EXPECT_TRUE(runner.run_until([&] { return !server->accepted[0]->finished.empty(); }));
  EXPECT_FALSE(server->accepted[0]->closed);
}

TEST_F(EndpointHostile, UnknownVersionIsAnsweredWithOurs) {
  make_server(server_config());
  Bytes packet(1'200);
  packet[0] = 0xc0;
  packet[1] = 0xba;
  packet[2] = 0xba;
  packet[5] = 8;
  Bytes answer;
  network.on_packet = [&](const auto&, const auto&, BytesView bytes) {
    answer.assign(bytes.begin(), bytes.end());
  };
  deliver(packet, stranger(1));
  ASSERT_GE(answer.size(), 11U);
  EXPECT_EQ(Bytes(answer.begin() + 1, answer.begin() + 5), Bytes(4)) << "version negotiation";
  EXPECT_EQ(Bytes(answer.end() - 4, answer.end()), (Bytes{0, 0, 0, 1}));
  EXPECT_LT(answer.size(), packet.size()) << "no amplification";
  answer.clear();
  packet.resize(1'199);
  deliver(packet, stranger(1));
  EXPECT_TRUE(answer.empty()) << "too small to be answered";
  EXPECT_EQ(server->endpoint->connection_count(), 0U);
}

TEST_F(EndpointHostile, RetryProvesTheAddressAndConnects) {
  auto config = server_config();
  config.retry_threshold = 0;
  make_server(config);
  Peer client(network, "10.0.0.2:5000", {});
  Runner runner(network, {server.get(), &client});
  Recorder owner;
  client.dial(*server, owner);
  ASSERT_TRUE(runner.run_until([&] { return owner.connected && !server->accepted.empty(); }));
  EXPECT_EQ(server->count("quic.retries_sent"), 1U);
  const auto stream = *owner.connection->open_bidirectional();
  ASSERT_TRUE(owner.connection->send(stream, shared("hello"), true));
  EXPECT_TRUE(runner.run_until([&] { return server->accepted[0]->text(stream) == "hello"; }));
}

TEST_F(EndpointHostile, RetryTokenOfAnotherAddressIsRefused) {
  auto config = server_config();
  config.retry_threshold = 0;
  make_server(config);
  Peer client(network, "10.0.0.2:5000", {});
  Runner runner(network, {server.get(), &client});
  Recorder owner;
  Bytes with_token;
  network.on_packet = [&](const auto&, const auto& to, BytesView bytes) {
    if (to == server->address) with_token.assign(bytes.begin(), bytes.end());
  };
  client.dial(*server, owner);
  ASSERT_TRUE(runner.run_until([&] { return server->count("quic.retries_sent") == 1; }));
  ASSERT_TRUE(runner.run_until([&] { return network.sent == 3; }));
  deliver(with_token, stranger(5));
  EXPECT_EQ(server->count("quic.tokens_refused"), 1U);
  EXPECT_EQ(server->endpoint->connection_count(), 0U);
}

TEST_F(EndpointHostile, ForgedInitialsAreBoundedAndHonestClientsStillGetIn) {
  auto config = server_config();
  config.retry_threshold = 20;
  make_server(config);
  for (std::uint32_t i = 0; i < 300; ++i) deliver(first_packet(), stranger(i));
  EXPECT_EQ(server->endpoint->half_open_count(), 20U);
  EXPECT_EQ(server->endpoint->connection_count(), 20U);
  EXPECT_EQ(server->count("quic.retries_sent"), 280U);

  Peer client(network, "10.0.0.2:5000", {});
  Runner runner(network, {server.get(), &client});
  Recorder owner;
  client.dial(*server, owner);
  EXPECT_TRUE(runner.run_until([&] { return owner.connected; }, 1s));
  runner.run_for(15s);
  EXPECT_EQ(server->endpoint->half_open_count(), 0U) << "deadlines clean up";
  EXPECT_EQ(server->endpoint->connection_count(), 1U);
  EXPECT_EQ(server->count("quic.half_open"), 0U);
}

TEST_F(EndpointHostile, HalfOpenIsCappedWhateverTheThreshold) {
  auto config = server_config();
  config.retry_threshold = 1'000;
  config.half_open_max = 30;
  make_server(config);
  for (std::uint32_t i = 0; i < 100; ++i) deliver(first_packet(), stranger(i));
  EXPECT_EQ(server->endpoint->half_open_count(), 30U);
  EXPECT_EQ(server->count("quic.half_open_dropped"), 70U);
}

TEST_F(EndpointHostile, WhoHasMostHandshakesGivesWay) {
  HalfOpen half_open;
  const auto at = [](const char* text) { return *SocketAddress::parse(text); };
  EXPECT_FALSE(half_open.to_give_way());
  half_open.add(1, at("10.0.0.1:1"), true);
  half_open.add(2, at("[2001:db8:0:1::1]:1"), true);
  half_open.add(3, at("[2001:db8:0:1::2]:1"), true);
  half_open.add(4, at("[2001:db8:0:2::1]:1"), true);
  EXPECT_EQ(half_open.to_give_way(), 2U) << "a /64 is one neighbour";
  half_open.remove(2, at("[2001:db8:0:1::1]:1"), true);
  EXPECT_EQ(half_open.to_give_way(), 1U) << "of equals the oldest";
  EXPECT_EQ(half_open.total(), 3U);
}

TEST_F(EndpointHostile, ALateClientGetsInWhileAllPlacesAreTaken) {
  auto config = server_config();
  config.retry_threshold = 1'000;
  config.half_open_max = 30;
  make_server(config);
  for (std::uint32_t i = 0; i < 30; ++i) deliver(first_packet(), stranger(i));
  Peer client(network, "10.0.0.2:5000", {});
  Runner runner(network, {server.get(), &client});
  Recorder owner;
  client.dial(*server, owner);
  EXPECT_TRUE(runner.run_until([&] { return owner.connected; }, 1s));
}

TEST_F(EndpointHostile, ConnectionsAreCapped) {
  auto config = server_config();
  config.connections_max = 3;
  make_server(config);
  Peer client(network, "10.0.0.2:5000", {});
  Runner runner(network, {server.get(), &client});
  std::vector<std::unique_ptr<Recorder>> owners;
  for (int i = 0; i < 5; ++i) {
    owners.push_back(std::make_unique<Recorder>());
    client.dial(*server, *owners.back());
  }
  runner.run_for(2s);
  EXPECT_EQ(std::ranges::count_if(owners, [](const auto& o) { return o->connected; }), 3);
  EXPECT_EQ(std::ranges::count_if(
                owners, [](const auto& o) { return o->closed && o->closed->kind == CloseKind::refused; }),
            2);
  EXPECT_EQ(server->count("quic.connections_limit"), 2U);

  EndpointConfig small;
  small.connections_max = 0;
  Peer other(network, "10.0.0.3:5000", small);
  Recorder owner;
  EXPECT_EQ(other.endpoint
                ->connect({.remote = server->address,
                           .local = other.address,
                           .server_name = {},
                           .alpn = {},
                           .deadline = {}},
                          owner, network.now)
                .error()
                .code,
            Errc::limit_exceeded);
}

TEST_F(EndpointHostile, ConnectionsThatCannotBeMadeAreCountedAndLeaveNothing) {
  auto config = server_config();
  config.alpn.assign(100, "too many for the TLS library");
  make_server(config);
  for (std::uint32_t i = 0; i < 3; ++i) deliver(first_packet(), stranger(i));
  EXPECT_EQ(server->count("quic.accepts_failed"), 3U);
  EXPECT_EQ(server->endpoint->connection_count(), 0U);
}

TEST_F(EndpointHostile, FiveHundredConnectionsWork) {
  make_server(server_config());
  Peer client(network, "10.0.0.2:5000", {});
  Runner runner(network, {server.get(), &client});
  std::vector<std::unique_ptr<Recorder>> owners;
  for (int i = 0; i < 500; ++i) {
    owners.push_back(std::make_unique<Recorder>());
    owners.back()->when_connected = [](Connection& connection) {
      const auto stream = connection.open_bidirectional();
      ASSERT_TRUE(stream);
      ASSERT_TRUE(connection.send(*stream, shared("hello"), true));
    };
    client.dial(*server, *owners.back());
  }
  const auto heard = [&] {
    return std::ranges::count_if(server->accepted, [](const auto& o) { return o->text(0) == "hello"; });
  };
  EXPECT_TRUE(runner.run_until([&] { return heard() == 500; }));
  EXPECT_EQ(server->endpoint->connection_count(), 500U);
  EXPECT_EQ(server->endpoint->half_open_count(), 0U);
}

TEST_F(EndpointHostile, ForgottenClosedConnectionsAreBounded) {
  auto config = server_config();
  config.closing_max = 4;
  make_server(config);
  Peer client(network, "10.0.0.2:5000", {});
  Runner runner(network, {server.get(), &client});
  std::vector<std::unique_ptr<Recorder>> owners;
  for (int i = 0; i < 10; ++i) {
    owners.push_back(std::make_unique<Recorder>());
    client.dial(*server, *owners.back());
  }
  ASSERT_TRUE(runner.run_until([&] { return server->accepted.size() == 10; }));
  server->endpoint->close_all(0, {});
  server->endpoint->flush(network.now);
  EXPECT_EQ(server->count("quic.closing_limit"), 6U);
}

TEST_F(EndpointHostile, UnusableSettingsAreRefused) {
  Network net;
  test::Peer sink(net, "10.0.0.9:1", {});
  Metrics metrics;
  const auto code = [&](EndpointConfig config) {
    auto made = Endpoint::make(std::move(config), sink, sink, metrics);
    return made ? std::optional<Errc>() : made.error().code;
  };
  EXPECT_EQ(code({}), std::nullopt);
  auto config = server_config();
  config.private_key_pem = "no key";
  EXPECT_EQ(code(config), Errc::invalid_argument);
  config = server_config();
  config.certificate_pem += config.certificate_pem;
  EXPECT_EQ(code(config), Errc::invalid_argument) << "exactly one certificate";
  config = server_config();
  config.alpn.clear();
  EXPECT_EQ(code(config), Errc::invalid_argument);
  config = server_config();
  config.token_key = Bytes(5);
  EXPECT_EQ(code(config), Errc::invalid_argument);
  config = server_config();
  config.udp_payload_bytes_max = 1'000;
  EXPECT_EQ(code(config), Errc::invalid_argument);
}

}  // namespace
}  // namespace barrel::quic
