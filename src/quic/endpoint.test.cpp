#include "quic/endpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quic/test_support.hpp"

namespace barrel::quic {
namespace {

using namespace std::chrono_literals;
using test::Pair;
using test::Recorder;
using test::server_config;
using test::shared;

TEST(Endpoint, HandshakeAgreesOnTheFirstCommonProtocol) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(pair.owner.connection->alpn(), "barrel/1");
  EXPECT_EQ(pair.accepted().connection->alpn(), "barrel/1");
  EXPECT_TRUE(pair.owner.connection->is_client());
  EXPECT_FALSE(pair.accepted().connection->is_client());
  EXPECT_EQ(pair.accepted().connection->remote_address(), pair.client.address);
}

TEST(Endpoint, ServerChoosesWhatAnErlangClientOffers) {
  Pair pair;
  pair.client.dial(pair.server, pair.owner, {"erlang-dist"});
  ASSERT_TRUE(pair.until([&] { return pair.owner.connected; }));
  EXPECT_EQ(pair.owner.connection->alpn(), "erlang-dist");
}

TEST(Endpoint, ClientSeesTheServersCertificateAndNobodyElseHasOne) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  const auto seen = pair.owner.connection->peer_certificate();
  const auto own = pair.server.endpoint->certificate();
  EXPECT_FALSE(own.empty());
  EXPECT_TRUE(std::ranges::equal(seen, own));
  EXPECT_TRUE(pair.accepted().connection->peer_certificate().empty());
  EXPECT_TRUE(pair.client.endpoint->certificate().empty());
}

TEST(Endpoint, UnknownProtocolIsRefusedWithTheAlert) {
  Pair pair;
  pair.client.dial(pair.server, pair.owner, {"h3"});
  ASSERT_TRUE(pair.until([&] { return pair.owner.closed.has_value(); }));
  EXPECT_EQ(pair.owner.closed->kind, CloseKind::transport);
  EXPECT_EQ(pair.owner.closed->code, 0x100U + 120U) << "no_application_protocol";
  EXPECT_EQ(pair.server.count("quic.alpn_refused"), 1U);
  EXPECT_TRUE(pair.owner.closed->by_peer);
  EXPECT_FALSE(pair.owner.connected);
  EXPECT_TRUE(pair.server.accepted.empty());
  pair.runner.run_for(15s);
  EXPECT_EQ(pair.server.endpoint->connection_count(), 0U);
  EXPECT_EQ(pair.server.endpoint->half_open_count(), 0U);
}

TEST(Endpoint, StreamsCarryBytesBothWays) {
  Pair pair;
  pair.server.prepare = [](Recorder& recorder) {
    recorder.on_data = [](Connection& connection, StreamId stream, BytesView bytes, bool fin) {
      if (!is_unidirectional(stream)) {
        ASSERT_TRUE(connection.send(stream, SharedBytes(Bytes(bytes.begin(), bytes.end())), fin));
      }
    };
  };
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  EXPECT_EQ(*connection.open_unidirectional(), 2U);
  EXPECT_EQ(*connection.open_bidirectional(), 0U);
  EXPECT_EQ(*connection.open_bidirectional(), 4U);
  EXPECT_EQ(*connection.open_bidirectional(), 8U);
  EXPECT_EQ(*connection.send(2, shared("auth"), true), 4U);
  EXPECT_EQ(*connection.send(0, shared("control")), 7U);
  EXPECT_EQ(*connection.send(8, shared("da"), false), 2U);
  EXPECT_EQ(*connection.send(8, shared("ta"), true), 4U);
  ASSERT_TRUE(pair.until([&] { return pair.owner.text(0) == "control" && pair.owner.text(8) == "data"; }));
  EXPECT_EQ(pair.accepted().text(2), "auth");
  EXPECT_THAT(pair.accepted().finished, testing::UnorderedElementsAre(2U, 8U));
  EXPECT_THAT(pair.owner.finished, testing::ElementsAre(8U));
  ASSERT_TRUE(pair.until([&] { return !pair.owner.gone.empty(); }));
  EXPECT_THAT(pair.owner.gone, testing::Contains(8U));
}

TEST(Endpoint, StreamsOfTheServerHaveItsNumbers) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.accepted().connection;
  EXPECT_EQ(*connection.open_unidirectional(), 3U);
  EXPECT_EQ(*connection.open_bidirectional(), 1U);
  ASSERT_TRUE(connection.send(3, shared("hello"), true));
  ASSERT_TRUE(pair.until([&] { return pair.owner.text(3) == "hello"; }));
  EXPECT_EQ(connection.send(2, shared("not mine")).error().code, Errc::invalid_argument);
  EXPECT_EQ(connection.send(0, shared("nobody opened it")).error().code, Errc::closed);
  EXPECT_EQ(pair.owner.connection->send(3, shared("not mine")).error().code, Errc::invalid_argument);
}

TEST(Endpoint, ManyMoreStreamsThanTheLimitOneAfterAnother) {
  auto config = server_config();
  config.streams_unidirectional_max = 3;
  Pair pair(config);
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  for (std::size_t i = 0; i < 50; ++i) {
    const auto stream = connection.open_unidirectional();
    ASSERT_TRUE(stream) << "credit comes back when a stream is done";
    ASSERT_TRUE(connection.send(*stream, shared("one of many"), true));
    ASSERT_TRUE(
        pair.until([&] { return pair.accepted().gone.size() == i + 1 && pair.owner.gone.size() == i + 1; }));
    pair.runner.run_for(50ms);
  }
}

TEST(Endpoint, TellsWhenBytesAreAcknowledged) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_bidirectional();
  const auto offset = *connection.send(stream, shared("sok"));
  EXPECT_EQ(connection.acknowledged(stream), 0U);
  EXPECT_EQ(connection.buffered(), 3U);
  ASSERT_TRUE(pair.until([&] { return pair.owner.acknowledged[stream] == offset; }));
  EXPECT_EQ(pair.accepted().text(stream), "sok") << "acknowledged only what has arrived";
  EXPECT_EQ(connection.acknowledged(stream), offset);
  EXPECT_EQ(connection.buffered(), 0U);
}

TEST(Endpoint, FreesBlocksOnlyWhenAcknowledged) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_bidirectional();
  auto block = std::make_shared<const Bytes>(1000, std::uint8_t{7});
  ASSERT_TRUE(connection.send(stream, SharedBytes(block, *block)));
  pair.runner.flush();
  EXPECT_EQ(block.use_count(), 2);
  ASSERT_TRUE(pair.until([&] { return block.use_count() == 1; }));
  EXPECT_EQ(pair.owner.acknowledged[stream], 1000U);
}

TEST(Endpoint, MegabytesArriveIntactOverABadNetwork) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    Pair pair(server_config(), {}, seed);
    pair.network.conditions = {.delay = 2ms,
                               .loss_ppm = 30'000,
                               .duplicate_ppm = 30'000,
                               .reorder_ppm = 50'000,
                               .damage_ppm = 10'000};
    ASSERT_TRUE(pair.connect());
    Bytes data(3 << 20);
    Random(seed).fill(data);
    auto& connection = *pair.owner.connection;
    const auto first = *connection.open_bidirectional();
    const auto second = *connection.open_bidirectional();
    ASSERT_TRUE(connection.send(first, SharedBytes(data), true));
    ASSERT_TRUE(connection.send(second, SharedBytes(data), true));
    auto& back = *pair.accepted().connection;
    const auto third = *back.open_bidirectional();
    ASSERT_TRUE(back.send(third, SharedBytes(data), true));
    ASSERT_TRUE(pair.until(
        [&] { return pair.accepted().finished.size() == 2 && pair.owner.finished.size() == 1; }, 300s));
    EXPECT_EQ(pair.accepted().received[first], data);
    EXPECT_EQ(pair.accepted().received[second], data);
    EXPECT_EQ(pair.owner.received[third], data);
  }
}

TEST(Endpoint, PacketsLeaveInTrains) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_bidirectional();
  ASSERT_TRUE(connection.send(stream, SharedBytes(Bytes(8 << 20)), true));
  ASSERT_TRUE(pair.until([&] { return !pair.accepted().finished.empty(); }));
  EXPECT_GT(pair.client.most_segments, 30U);
  EXPECT_LE(pair.client.most_segments, 64U);
  EXPECT_LE(pair.client.largest_train, 65'000U);
}

TEST(Endpoint, SlowReaderStopsTheSenderAtTheWindow) {
  auto config = server_config();
  config.stream_window_bytes = 100'000;
  Pair pair(config);
  pair.server.prepare = [](Recorder& recorder) { recorder.consume = false; };
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_bidirectional();
  const auto other = *connection.open_bidirectional();
  ASSERT_TRUE(connection.send(stream, SharedBytes(Bytes(1'000'000)), true));
  pair.runner.run_for(5s);
  EXPECT_EQ(pair.accepted().received_bytes[stream], 100'000U);
  ASSERT_TRUE(connection.send(other, shared("not held up")));
  ASSERT_TRUE(pair.until([&] { return pair.accepted().text(other) == "not held up"; }));

  pair.accepted().connection->consume(stream, 60'000);
  pair.runner.run_for(5s);
  EXPECT_EQ(pair.accepted().received_bytes[stream], 160'000U);
  pair.accepted().consume = true;
  pair.accepted().connection->consume(stream, 100'000);
  EXPECT_TRUE(pair.until([&] { return !pair.accepted().finished.empty(); }));
}

TEST(Endpoint, SlowReaderOfManyStreamsStopsTheSenderAtTheConnectionsWindow) {
  auto config = server_config();
  config.connection_window_bytes = 100'000;
  Pair pair(config);
  pair.server.prepare = [](Recorder& recorder) { recorder.consume = false; };
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  std::vector<StreamId> streams;
  for (int i = 0; i < 4; ++i) {
    streams.push_back(*connection.open_bidirectional());
    ASSERT_TRUE(connection.send(streams.back(), SharedBytes(Bytes(50'000)), true));
  }
  const auto total = [&] {
    std::uint64_t sum = 0;
    for (const auto& [stream, bytes] : pair.accepted().received_bytes) sum += bytes;
    return sum;
  };
  pair.runner.run_for(5s);
  EXPECT_EQ(total(), 100'000U);
  pair.accepted().consume = true;
  for (const auto stream : streams) pair.accepted().connection->consume(stream, 50'000);
  EXPECT_TRUE(pair.until([&] { return total() == 200'000U; }));
}

TEST(Endpoint, APeerThatIsNotAdmittedHasASmallWindowWhateverTheStreams) {
  Pair pair;
  pair.server.prepare = [](Recorder& recorder) { recorder.consume = recorder.admit = false; };
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(connection.send(*connection.open_bidirectional(), SharedBytes(Bytes(10'000)), true));
  }
  const auto total = [&] {
    std::uint64_t sum = 0;
    for (const auto& [stream, bytes] : pair.accepted().received_bytes) sum += bytes;
    return sum;
  };
  pair.runner.run_for(5s);
  EXPECT_EQ(total(), 16U << 10);
  pair.accepted().connection->admit();
  EXPECT_TRUE(pair.until([&] { return total() == 500'000U; }, 2s));
}

TEST(Endpoint, AStreamIsToldOfAlthoughItsFirstByteIsMissing) {
  Pair pair;
  std::vector<StreamId> opened;
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_bidirectional();
  pair.network.conditions.loss_ppm = 1'000'000;
  ASSERT_TRUE(connection.send(stream, SharedBytes(Bytes(1'000))));
  pair.runner.flush();
  pair.network.conditions.loss_ppm = 0;
  ASSERT_TRUE(connection.send(stream, SharedBytes(Bytes(100))));
  ASSERT_TRUE(pair.until([&] { return !pair.accepted().opened.empty(); }, 1s));
  EXPECT_EQ(pair.accepted().opened, std::vector<StreamId>{stream});
  EXPECT_EQ(pair.accepted().received_bytes[stream], 0U);
}

TEST(Endpoint, CreditForNewStreamsComesBackOnlyWhenAllIsConsumed) {
  auto config = server_config();
  config.streams_bidirectional_max = 2;
  Pair pair(config);
  pair.server.prepare = [](Recorder& recorder) {
    recorder.consume = false;
    recorder.on_data = [](Connection& connection, StreamId stream, BytesView, bool fin) {
      if (fin) {
        ASSERT_TRUE(connection.send(stream, {}, true));
      }
    };
  };
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto first = *connection.open_bidirectional();
  ASSERT_TRUE(connection.open_bidirectional());
  EXPECT_EQ(connection.open_bidirectional().error().code, Errc::busy);
  ASSERT_TRUE(connection.send(first, shared("bye"), true));
  const int before = pair.owner.streams_available;
  pair.runner.run_for(2s);
  EXPECT_THAT(pair.owner.gone, testing::Contains(first));
  EXPECT_EQ(connection.open_bidirectional().error().code, Errc::busy);
  pair.accepted().connection->consume(first, 3);
  ASSERT_TRUE(pair.until([&] { return pair.owner.streams_available > before; }));
  EXPECT_EQ(*connection.open_bidirectional(), 8U);
}

TEST(Endpoint, ResetReachesThePeerAndTheOtherDirectionGoesOn) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_bidirectional();
  ASSERT_TRUE(connection.send(stream, shared("half a mess")));
  ASSERT_TRUE(pair.until([&] { return pair.accepted().received_bytes[stream] == 11; }));
  connection.reset_stream(stream, 0x100);
  EXPECT_EQ(connection.send(stream, shared("age")).error().code, Errc::closed);
  ASSERT_TRUE(pair.until([&] { return pair.accepted().resets.contains(stream); }));
  EXPECT_EQ(pair.accepted().resets[stream], 0x100U);
  ASSERT_TRUE(pair.accepted().connection->send(stream, shared("answer"), true));
  ASSERT_TRUE(pair.until([&] { return pair.owner.text(stream) == "answer"; }));
  EXPECT_TRUE(pair.until([&] { return !pair.owner.gone.empty() && !pair.accepted().gone.empty(); }));
}

TEST(Endpoint, StopSendingEndsThePeersWriting) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_unidirectional();
  ASSERT_TRUE(connection.send(stream, SharedBytes(Bytes(6 << 20))));
  ASSERT_TRUE(pair.until([&] { return pair.accepted().received_bytes[stream] > 100'000; }));
  pair.accepted().connection->stop_sending(stream, 7);
  ASSERT_TRUE(pair.until([&] { return !pair.owner.stopped.empty(); }));
  EXPECT_THAT(pair.owner.stopped, testing::ElementsAre(stream));
  EXPECT_LT(pair.accepted().received_bytes[stream], 6U << 20);
  EXPECT_TRUE(pair.until([&] { return connection.buffered() == 0; }));
}

TEST(Endpoint, StopSendingOfAnIdleStreamIsTold) {
  Pair pair;
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_unidirectional();
  ASSERT_TRUE(connection.send(stream, shared("x")));
  ASSERT_TRUE(pair.until([&] { return pair.accepted().received_bytes[stream] == 1; }));
  pair.accepted().connection->stop_sending(stream, 7);
  ASSERT_TRUE(pair.until([&] { return !pair.owner.gone.empty(); }));
  EXPECT_THAT(pair.owner.stopped, testing::ElementsAre(stream));
}

TEST(Endpoint, ManyStreamsShareTheConnectionAndControlGoesFirst) {
  Pair pair;
  pair.network.conditions.delay = 20ms;
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto control = *connection.open_bidirectional();
  const auto bulk = *connection.open_bidirectional();
  const auto small = *connection.open_bidirectional();
  ASSERT_TRUE(connection.send(bulk, SharedBytes(Bytes(3 << 20))));
  pair.runner.run_for(10ms);
  ASSERT_TRUE(connection.send(small, SharedBytes(Bytes(50'000)), true));
  ASSERT_TRUE(connection.send(control, SharedBytes(Bytes(10'000)), true));
  ASSERT_TRUE(pair.until([&] { return pair.accepted().finished.size() == 2; }));
  EXPECT_EQ(pair.accepted().finished.front(), control);
  EXPECT_LT(pair.accepted().received_bytes[bulk], 1U << 20) << "neither waits for the bulk";
}

TEST(Endpoint, WritableIsToldWhenTheQueueHasDrained) {
  EndpointConfig config;
  config.send_high_water = 100'000;
  config.send_low_water = 10'000;
  Pair pair(server_config(), config);
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_bidirectional();
  ASSERT_TRUE(connection.send(stream, SharedBytes(Bytes(50'000))));
  pair.runner.run_for(1s);
  EXPECT_TRUE(pair.owner.writable.empty()) << "it was never full";
  ASSERT_TRUE(connection.send(stream, SharedBytes(Bytes(500'000))));
  ASSERT_TRUE(pair.until([&] { return !pair.owner.writable.empty(); }));
  EXPECT_LT(connection.unsent(stream), 10'000U);
}

TEST(Endpoint, SendBufferIsBounded) {
  EndpointConfig config;
  config.send_buffer_bytes_max = 1'000;
  Pair pair(server_config(), config);
  ASSERT_TRUE(pair.connect());
  auto& connection = *pair.owner.connection;
  const auto stream = *connection.open_bidirectional();
  ASSERT_TRUE(connection.send(stream, SharedBytes(Bytes(1'000))));
  EXPECT_EQ(connection.send(stream, SharedBytes(Bytes(1))).error().code, Errc::busy);
  EXPECT_EQ(pair.client.count("quic.send_buffer_limit"), 1U);
  ASSERT_TRUE(pair.until([&] { return connection.buffered() == 0; }));
  EXPECT_TRUE(connection.send(stream, SharedBytes(Bytes(1))));
}

}  // namespace
}  // namespace barrel::quic
