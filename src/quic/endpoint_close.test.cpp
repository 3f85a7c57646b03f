// How connections of an Endpoint begin badly, live on and end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quic/endpoint.hpp"
#include "quic/test_support.hpp"

namespace barrel::quic {
namespace {

using namespace std::chrono_literals;
using test::Network;
using test::Pair;
using test::Peer;
using test::Recorder;
using test::Runner;
using test::server_config;
using test::shared;

TEST(EndpointClose, ApplicationCloseTellsBothSidesWhoAndWhy) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  pair.owner.connection->close(0, "normal");
  EXPECT_FALSE(pair.owner.closed) << "never inside the call";
  ASSERT_TRUE(pair.until([&] { return pair.owner.closed && pair.accepted().closed; }));
  EXPECT_EQ(pair.owner.closed->kind, CloseKind::application);
  EXPECT_FALSE(pair.owner.closed->by_peer);
  EXPECT_EQ(pair.accepted().closed->kind, CloseKind::application);
  EXPECT_TRUE(pair.accepted().closed->by_peer);
  EXPECT_EQ(pair.accepted().closed->code, 0U);
  EXPECT_EQ(pair.accepted().closed->text, "normal");
  EXPECT_EQ(pair.client.endpoint->connection_count(), 0U);
  EXPECT_EQ(pair.server.endpoint->connection_count(), 0U);
  EXPECT_EQ(pair.server.count("quic.connections"), 0U);
}

TEST(EndpointClose, CodesArriveFromTheServerToo) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  pair.accepted().connection->close(0x2a, {});
  ASSERT_TRUE(pair.until([&] { return pair.owner.closed.has_value(); }));
  EXPECT_EQ(pair.owner.closed->code, 0x2aU);
  EXPECT_TRUE(pair.owner.closed->by_peer);
}

TEST(EndpointClose, WhatWasSentJustBeforeStillArrives) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_unidirectional();
  ASSERT_TRUE(connection.send(stream, shared("FAIL: not trusted"), true));
  connection.close(0, {});
  ASSERT_TRUE(pair.until([&] { return pair.accepted().closed.has_value(); }));
  EXPECT_EQ(pair.accepted().text(stream), "FAIL: not trusted");
}

TEST(EndpointClose, NothingIsToldAfterCloseOrDetach) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_bidirectional();
  ASSERT_TRUE(connection.send(stream, shared("ping")));
  ASSERT_TRUE(pair.until([&] { return pair.accepted().text(stream) == "ping"; }));
  ASSERT_TRUE(pair.accepted().connection->send(stream, shared("pong")));
  pair.server.endpoint->flush(pair.network.now);
  connection.detach();
  connection.close(0, {});
  EXPECT_EQ(connection.send(stream, shared("more")).error().code, Errc::closed);
  ASSERT_TRUE(pair.until([&] { return pair.accepted().closed.has_value(); }));
  EXPECT_EQ(pair.owner.text(stream), "");
  EXPECT_FALSE(pair.owner.closed);
}

TEST(EndpointClose, OwnerMayCloseInsideAnyEvent) {
  Pair pair;
  pair.server.prepare = [](Recorder& recorder) {
    recorder.on_data = [](Connection& connection, StreamId, BytesView, bool) {
      connection.close(9, "inside");
    };
  };
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_bidirectional();
  ASSERT_TRUE(connection.send(stream, SharedBytes(Bytes(50'000))));
  ASSERT_TRUE(pair.until([&] { return pair.owner.closed && pair.accepted().closed; }));
  EXPECT_EQ(pair.owner.closed->code, 9U);

  Pair eager;
  eager.owner.when_connected = [](Connection& c) { c.close(5, {}); };
  eager.client.dial(eager.server, eager.owner);
  ASSERT_TRUE(eager.until([&] { return eager.owner.closed.has_value(); }));
  eager.runner.run_for(15s);
  EXPECT_EQ(eager.server.endpoint->connection_count(), 0U);
}

TEST(EndpointClose, ClosingBeforeTheHandshakeIsDone) {
  for (int turns = 0; turns < 3; ++turns) {
    Pair pair;
    auto& connection = pair.client.dial(pair.server, pair.owner);
    pair.runner.run_for(turns * 1ms);
    connection.close(0, "changed my mind");
    ASSERT_TRUE(pair.until([&] { return pair.owner.closed.has_value(); }));
    EXPECT_FALSE(pair.owner.closed->by_peer);
    pair.runner.run_for(15s);
    EXPECT_EQ(pair.client.endpoint->connection_count(), 0U);
    EXPECT_EQ(pair.server.endpoint->connection_count(), 0U);
    EXPECT_EQ(pair.server.endpoint->half_open_count(), 0U);
  }
}

TEST(EndpointClose, ServerMayRefuseAfterTheHandshake) {
  Pair pair;
  pair.server.refuse = true;
  pair.client.dial(pair.server, pair.owner);
  ASSERT_TRUE(pair.until([&] { return pair.owner.closed.has_value(); }));
  EXPECT_EQ(pair.owner.closed->kind, CloseKind::refused);
  EXPECT_EQ(pair.server.endpoint->connection_count(), 0U);
}

TEST(EndpointClose, ServerThatDoesNotAcceptRefusesAtOnce) {
  Pair pair;
  pair.server.endpoint->set_accepting(false);
  pair.client.dial(pair.server, pair.owner);
  ASSERT_TRUE(pair.until([&] { return pair.owner.closed.has_value(); }, 1s));
  EXPECT_EQ(pair.owner.closed->kind, CloseKind::refused);
  EXPECT_EQ(pair.server.count("quic.connections_accepted"), 0U);
  EXPECT_EQ(pair.server.count("quic.not_accepting"), 1U);
}

TEST(EndpointClose, IdleConnectionEndsOnBothSides) {
  auto config = server_config();
  config.idle_timeout = 2s;
  config.keep_alive = 0s;
  EndpointConfig quiet;
  quiet.keep_alive = 0s;
  Pair pair(config, quiet);
  ASSERT_TRUE(pair.connect());
  const auto start = pair.network.now;
  ASSERT_TRUE(pair.until([&] { return pair.owner.closed && pair.accepted().closed; }));
  EXPECT_EQ(pair.owner.closed->kind, CloseKind::idle_timeout);
  EXPECT_EQ(pair.accepted().closed->kind, CloseKind::idle_timeout);
  EXPECT_LT(pair.network.now - start, 3s);
}

TEST(EndpointClose, KeepAliveKeepsAnIdleConnection) {
  auto config = server_config();
  config.idle_timeout = 2s;
  config.keep_alive = 0s;
  EndpointConfig client;
  client.keep_alive = 500ms;
  Pair pair(config, client);
  ASSERT_TRUE(pair.connect());
  pair.runner.run_for(30s);
  EXPECT_FALSE(pair.owner.closed);
  EXPECT_FALSE(pair.accepted().closed);
  EXPECT_GT(pair.accepted().connection->last_received(), pair.network.now - 1s);
  EXPECT_GT(pair.owner.connection->last_received(), pair.network.now - 1s);
}

TEST(EndpointClose, ProbeIsAnsweredWithinARoundTrip) {
  auto config = server_config();
  config.keep_alive = 0s;
  EndpointConfig client;
  client.keep_alive = 0s;
  Pair pair(config, client);
  ASSERT_TRUE(pair.connect());
  pair.runner.run_for(20s);
  const auto asked = pair.network.now;
  EXPECT_LT(pair.owner.connection->last_received(), asked - 10s);
  pair.owner.connection->probe();
  // The answer may wait for the peer's delayed acknowledgement.
  ASSERT_TRUE(pair.until([&] { return pair.owner.connection->last_received() > asked; }, 100ms));
  pair.runner.run_for(100ms);
  const auto sent = pair.network.sent;
  pair.runner.run_for(20s);
  EXPECT_EQ(pair.network.sent, sent) << "one probe, and no keep-alive left behind by it";
}

TEST(EndpointClose, ProbeAmidTrafficOfTheSameMomentKeepsTimeInOrder) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_bidirectional();
  // ngtcp2 0.12 asserts that packets of the same acknowledgement were sent in the order of their times.
  for (int i = 0; i < 10; ++i) {
    connection.probe();
    pair.runner.flush();
    ASSERT_TRUE(connection.send(stream, shared("x")));
    pair.runner.flush();
  }
  EXPECT_TRUE(pair.until([&] { return pair.owner.acknowledged[stream] == 10; }));
}

TEST(EndpointClose, DialOfNobodyEndsAtItsDeadline) {
  Pair pair;
  pair.network.conditions.loss_ppm = 1'000'000;
  auto made = pair.client.endpoint->connect({.remote = pair.server.address,
                                             .local = pair.client.address,
                                             .server_name = {},
                                             .alpn = {},
                                             .deadline = 3s},
                                            pair.owner, pair.network.now);
  ASSERT_TRUE(made);
  ASSERT_TRUE(pair.until([&] { return pair.owner.closed.has_value(); }));
  EXPECT_EQ(pair.owner.closed->kind, CloseKind::handshake_timeout);
  EXPECT_EQ(pair.network.now, Instant(3s));
  EXPECT_EQ(pair.client.count("quic.handshake_timeouts"), 1U);
}

TEST(EndpointClose, HalfDoneHandshakeEndsAtTheServersDeadline) {
  Pair pair;
  pair.client.dial(pair.server, pair.owner);
  pair.runner.run_for(1ms);
  pair.network.conditions.loss_ppm = 1'000'000;
  ASSERT_TRUE(pair.until([&] { return pair.server.endpoint->half_open_count() == 1; }, 1s));
  pair.runner.run_for(11s);
  EXPECT_EQ(pair.server.endpoint->half_open_count(), 0U);
  EXPECT_EQ(pair.server.endpoint->connection_count(), 0U);
  EXPECT_TRUE(pair.server.accepted.empty());
  EXPECT_EQ(pair.server.count("quic.handshake_timeouts"), 1U);
}

TEST(EndpointClose, IcmpRefusalEndsADialButOnlyProbesAConnection) {
  Pair pair;
  pair.client.dial(pair.server, pair.owner);
  pair.client.endpoint->refused(pair.server.address, pair.network.now);
  ASSERT_TRUE(pair.until([&] { return pair.owner.closed.has_value(); }, 1s));
  EXPECT_EQ(pair.owner.closed->kind, CloseKind::refused);

  Pair other;
  ASSERT_TRUE(other.connect());
  other.runner.run_for(1s);
  const auto before = other.network.sent;
  other.client.endpoint->refused(other.server.address, other.network.now);
  other.runner.run_for(1s);
  EXPECT_FALSE(other.owner.closed);
  EXPECT_GT(other.network.sent, before);
}

TEST(EndpointClose, IcmpRefusalsOfProbesMakeNoFlood) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  pair.network.conditions.loss_ppm = 1'000'000;
  const auto before = pair.network.sent;
  pair.client.endpoint->refused(pair.server.address, pair.network.now);
  auto answered = before;
  for (int i = 0; i < 1'000; ++i) {
    pair.runner.run_for(1ms);
    for (; answered < pair.network.sent; ++answered) {
      pair.client.endpoint->refused(pair.server.address, pair.network.now);
    }
  }
  EXPECT_GT(pair.network.sent, before);
  EXPECT_LT(pair.network.sent, before + 20);
}

TEST(EndpointClose, RestartedServerEndsOldConnectionsByStatelessReset) {
  auto config = server_config();
  config.token_key = Bytes(32, 7);
  Network network;
  Peer client(network, "10.0.0.2:5000", {});
  Recorder owner;
  {
    Peer server(network, "10.0.0.1:4433", config);
    Runner runner(network, {&server, &client});
    client.dial(server, owner);
    ASSERT_TRUE(runner.run_until([&] { return owner.connected; }));
    runner.run_for(100ms);
  }
  Peer again(network, "10.0.0.1:4433", config);
  Runner runner(network, {&again, &client});
  const auto stream = *owner.connection->open_bidirectional();
  ASSERT_TRUE(owner.connection->send(stream, SharedBytes(Bytes(200))));
  ASSERT_TRUE(runner.run_until([&] { return owner.closed.has_value(); }, 1s));
  EXPECT_EQ(owner.closed->kind, CloseKind::stateless_reset);
  EXPECT_TRUE(owner.closed->by_peer);
}

TEST(EndpointClose, LatePacketsOfAClosedConnectionAreAnsweredEverLessOften) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_bidirectional();
  pair.network.conditions.loss_ppm = 1'000'000;
  pair.accepted().connection->close(3, {});
  pair.runner.flush();
  pair.network.conditions.loss_ppm = 0;
  ASSERT_TRUE(connection.send(stream, shared("are you there?")));
  ASSERT_TRUE(pair.until([&] { return pair.owner.closed.has_value(); }, 1s));
  EXPECT_EQ(pair.owner.closed->code, 3U);
}

TEST(EndpointClose, ClientBehindANewNatAddressIsFollowed) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_bidirectional();
  EXPECT_EQ(pair.server.count("barrel_p2p.dist.migrate{outcome=ok}"), 0U);
  pair.client.outgoing = *SocketAddress::parse("10.9.9.9:6666");
  ASSERT_TRUE(connection.send(stream, shared("from elsewhere")));
  ASSERT_TRUE(pair.until([&] { return pair.accepted().text(stream) == "from elsewhere"; }));
  ASSERT_TRUE(
      pair.until([&] { return pair.accepted().connection->remote_address() == *pair.client.outgoing; }));
  ASSERT_TRUE(pair.accepted().connection->send(stream, SharedBytes(Bytes(1 << 20)), true));
  ASSERT_TRUE(pair.until([&] { return !pair.owner.finished.empty(); }));
  EXPECT_EQ(pair.owner.received_bytes[stream], 1U << 20);
  EXPECT_EQ(pair.server.count("barrel_p2p.dist.migrate{outcome=ok}"), 1U);
}

TEST(EndpointClose, BlockedSinkHoldsEverythingBackUntilWritable) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_bidirectional();
  pair.client.block = true;
  ASSERT_TRUE(connection.send(stream, SharedBytes(Bytes(1 << 20)), true));
  pair.client.endpoint->flush(pair.network.now);
  const auto sent = pair.network.sent;
  pair.client.endpoint->flush(pair.network.now);
  EXPECT_EQ(pair.network.sent, sent);
  ASSERT_TRUE(pair.client.endpoint->next_timeout());
  EXPECT_GT(*pair.client.endpoint->next_timeout(), pair.network.now) << "waiting must not spin";
  pair.client.block = false;
  pair.client.endpoint->writable(pair.network.now);
  EXPECT_TRUE(pair.until([&] { return !pair.accepted().finished.empty(); }));
}

TEST(EndpointClose, CloseAllEndsEveryConnection) {
  Pair pair;
  std::vector<std::unique_ptr<Recorder>> owners;
  for (int i = 0; i < 10; ++i) {
    owners.push_back(std::make_unique<Recorder>());
    pair.client.dial(pair.server, *owners.back());
  }
  ASSERT_TRUE(pair.until([&] { return pair.server.accepted.size() == 10; }));
  pair.server.endpoint->close_all(0, "shutdown");
  EXPECT_TRUE(pair.until([&] {
    return std::ranges::all_of(owners, [](const auto& owner) { return owner->closed.has_value(); });
  }));
  EXPECT_EQ(pair.server.endpoint->connection_count(), 0U);
}

}  // namespace
}  // namespace barrel::quic
