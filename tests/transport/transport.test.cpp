// QUIC over real UDP sockets of this machine, each endpoint with a thread of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "driver.hpp"

namespace barrel::transport_test {
namespace {

using namespace std::chrono_literals;
using quic::Connection;
using quic::StreamId;
using quic::test::Recorder;
using quic::test::server_config;
using quic::test::shared;

constexpr std::size_t bulk_bytes = std::size_t{64} << 20;

/// A server that gives every connection a Recorder, and a client.
struct Transport : testing::Test {
  void start(Driver::Options server_options, Driver::Options client_options = {}) {
    server = std::make_unique<Driver>(std::move(server_options));
    server->accept = [this](Connection&) {
      accepted.push_back(std::make_unique<Recorder>());
      if (prepare) prepare(*accepted.back());
      return accepted.back().get();
    };
    client = std::make_unique<Driver>(std::move(client_options));
  }
  void connect() {
    client->call([&] { client->dial(server->address(), owner); });
    ASSERT_TRUE(client->wait_until([&] { return owner.connected; }));
    ASSERT_TRUE(server->wait_until([&] { return !accepted.empty() && accepted[0]->connected; }));
  }
  static void echo(Recorder& recorder) {
    recorder.on_data = [](Connection& connection, StreamId stream, BytesView bytes, bool fin) {
      ASSERT_TRUE(connection.send(stream, SharedBytes(Bytes(bytes.begin(), bytes.end())), fin));
    };
  }

  Recorder owner;
  std::vector<std::unique_ptr<Recorder>> accepted;
  std::function<void(Recorder&)> prepare;
  std::unique_ptr<Driver> server;
  std::unique_ptr<Driver> client;
};

TEST_F(Transport, EchoOnSeveralStreams) {
  for (const auto* address : {"127.0.0.1:0", "[::1]:0"}) {
    owner = Recorder();
    accepted.clear();
    prepare = echo;
    start({.quic = server_config(), .bind = address}, {.quic = {}, .bind = address});
    connect();
    client->call([&] {
      for (int i = 0; i < 8; ++i) {
        const auto stream = owner.connection->open_bidirectional();
        ASSERT_TRUE(stream);
        ASSERT_TRUE(owner.connection->send(*stream, shared("stream " + std::to_string(*stream)), true));
      }
    });
    ASSERT_TRUE(client->wait_until([&] { return owner.finished.size() == 8; }));
    client->call([&] {
      for (StreamId stream = 0; stream < 32; stream += 4) {
        EXPECT_EQ(owner.text(stream), "stream " + std::to_string(stream));
      }
      owner.connection->close(0, "done");
    });
    ASSERT_TRUE(server->wait_until([&] { return accepted[0]->closed.has_value(); }));
    EXPECT_EQ(accepted[0]->closed->text, "done");
    client.reset();
    server.reset();
  }
}

/// One direction of a bulk transfer: hashed where it leaves and where it arrives.
struct Bulk {
  explicit Bulk(std::uint64_t seed, std::size_t size) : bytes(size) {
    Random(seed).fill(bytes);
    sent.add(bytes);
  }
  void receive(Recorder& recorder) {
    recorder.keep_bytes = false;
    recorder.on_data = [this](Connection&, StreamId, BytesView part, bool) { received.add(part); };
  }
  void send(Connection& connection) {
    const auto stream = connection.open_bidirectional();
    ASSERT_TRUE(stream);
    ASSERT_TRUE(connection.send(*stream, SharedBytes(std::move(bytes)), true));
  }
  Bytes bytes;
  Hash sent, received;
};

TEST_F(Transport, BulkBothWaysAtOnceArrivesIntact) {
  Bulk up(1, bulk_bytes);
  Bulk down(2, bulk_bytes);
  prepare = [&](Recorder& recorder) { up.receive(recorder); };
  down.receive(owner);
  start({.quic = server_config()});
  connect();
  client->call([&] { up.send(*owner.connection); });
  server->call([&] { down.send(*accepted[0]->connection); });
  ASSERT_TRUE(client->wait_until([&] { return !owner.finished.empty(); }, 60s));
  ASSERT_TRUE(server->wait_until([&] { return !accepted[0]->finished.empty(); }, 60s));
  EXPECT_EQ(up.received, up.sent);
  EXPECT_EQ(down.received, down.sent);
  if (client->socket().sends_trains()) {
    EXPECT_GT(client->count("quic.packets_sent"), 5 * client->count("loop.udp_send_calls"));
  }
}

TEST_F(Transport, BulkWithoutOffloadArrivesIntact) {
  Bulk up(3, bulk_bytes / 4);
  prepare = [&](Recorder& recorder) { up.receive(recorder); };
  start({.quic = server_config(), .offload = false}, {.quic = {}, .offload = false});
  ASSERT_FALSE(client->socket().sends_trains());
  connect();
  client->call([&] { up.send(*owner.connection); });
  ASSERT_TRUE(server->wait_until([&] { return !accepted[0]->finished.empty(); }, 60s));
  EXPECT_EQ(up.received, up.sent);
}

TEST_F(Transport, SlowReaderHoldsTheSenderAndCatchesUp) {
  prepare = [](Recorder& recorder) {
    recorder.consume = false;
    recorder.keep_bytes = false;
  };
  start({.quic = server_config()});
  connect();
  constexpr std::size_t window = std::size_t{4} << 20;
  const auto stream = client->call([&] {
    const auto opened = *owner.connection->open_bidirectional();
    EXPECT_TRUE(owner.connection->send(opened, SharedBytes(Bytes(3 * window)), true));
    return opened;
  });
  ASSERT_TRUE(server->wait_until([&] { return accepted[0]->received_bytes[stream] == window; }));
  EXPECT_EQ(client->call([&] { return owner.connection->unsent(stream); }), 2 * window);
  server->call([&] {
    accepted[0]->consume = true;
    accepted[0]->connection->consume(stream, window);
  });
  EXPECT_TRUE(server->wait_until([&] { return !accepted[0]->finished.empty(); }));
}

TEST_F(Transport, ResetsAndCloseCodesCross) {
  start({.quic = server_config()});
  connect();
  const auto stream = client->call([&] {
    const auto opened = *owner.connection->open_bidirectional();
    EXPECT_TRUE(owner.connection->send(opened, shared("x")));
    return opened;
  });
  ASSERT_TRUE(server->wait_until([&] { return accepted[0]->received_bytes.contains(stream); }));
  server->call([&] { accepted[0]->connection->reset_stream(stream, 0x100); });
  ASSERT_TRUE(client->wait_until([&] { return owner.resets.contains(stream); }));
  EXPECT_EQ(owner.resets[stream], 0x100U);
  server->call([&] { accepted[0]->connection->close(77, "enough"); });
  ASSERT_TRUE(client->wait_until([&] { return owner.closed.has_value(); }));
  EXPECT_EQ(owner.closed->code, 77U);
}

TEST_F(Transport, IdleTimeoutAndKeepAlive) {
  auto config = server_config();
  config.idle_timeout = 400ms;
  config.keep_alive = 0s;
  quic::EndpointConfig lively;
  lively.keep_alive = 100ms;
  start({.quic = config}, {.quic = lively});
  connect();
  // Two idle timeouts' worth of keep-alive packets.
  const auto before = server->count("quic.datagrams_received");
  ASSERT_TRUE(server->wait_until([&] { return server->count("quic.datagrams_received") >= before + 8; }));
  EXPECT_FALSE(client->call([&] { return owner.closed.has_value(); })) << "kept alive";
  client->call([&] { owner.connection->set_keep_alive(0s); });
  ASSERT_TRUE(client->wait_until([&] { return owner.closed.has_value(); }, 3s));
  EXPECT_EQ(owner.closed->kind, quic::CloseKind::idle_timeout);
}

TEST_F(Transport, RetryOverRealSockets) {
  auto config = server_config();
  config.retry_threshold = 0;
  start({.quic = config});
  connect();
  EXPECT_EQ(server->count("quic.retries_sent"), 1U);
}

TEST_F(Transport, DialOfAClosedPortIsRefusedAtOnce) {
  start({.quic = server_config()});
  const auto address = server->address();
  server.reset();
  client->call([&] { client->dial(address, owner); });
  ASSERT_TRUE(client->wait_until([&] { return owner.closed.has_value(); }, 3s));
  EXPECT_EQ(owner.closed->kind, quic::CloseKind::refused);
}

TEST_F(Transport, HundredConnectionsThroughOneSocketEach) {
  prepare = echo;
  start({.quic = server_config()});
  std::vector<std::unique_ptr<Recorder>> owners;
  client->call([&] {
    for (int i = 0; i < 100; ++i) {
      owners.push_back(std::make_unique<Recorder>());
      owners.back()->when_connected = [i](Connection& connection) {
        const auto stream = connection.open_bidirectional();
        ASSERT_TRUE(stream);
        ASSERT_TRUE(connection.send(*stream, shared(std::to_string(i)), true));
      };
      ASSERT_NE(client->dial(server->address(), *owners.back()), nullptr);
    }
  });
  ASSERT_TRUE(client->wait_until(
      [&] { return std::ranges::all_of(owners, [](const auto& o) { return !o->finished.empty(); }); }));
  // Before the owners that it tells.
  client.reset();
  for (std::size_t i = 0; i < owners.size(); ++i) EXPECT_EQ(owners[i]->text(0), std::to_string(i));
}

TEST_F(Transport, RestartedServerIsNoticedByStatelessReset) {
  auto config = server_config();
  config.token_key = Bytes(32, 9);
  start({.quic = config});
  connect();
  const auto text = server->address().to_string();
  // Gone without a word, as after a crash.
  server.reset();
  server = std::make_unique<Driver>(Driver::Options{.quic = config, .bind = text.c_str()});
  client->call([&] {
    // What the client still had to send may have met the new one already.
    if (!owner.closed) owner.connection->probe();
  });
  ASSERT_TRUE(client->wait_until([&] { return owner.closed.has_value(); }, 5s));
  EXPECT_EQ(owner.closed->kind, quic::CloseKind::stateless_reset);
}

}  // namespace
}  // namespace barrel::transport_test
