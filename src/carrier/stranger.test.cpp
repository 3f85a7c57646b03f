// What a peer can do to a link by breaking the protocol, and what an Erlang peer must see of it.
#include "carrier/stranger.hpp"

#include <gtest/gtest.h>

namespace barrel::carrier {
namespace {

using namespace carrier::test;

const NodeName alice{"alice@10.0.0.1"};
const NodeName mallory{"mallory@10.0.0.9"};

class StrangerTest : public testing::Test {
 protected:
  /// The node's side of a link that is gone: why.
  const Down& last_down() {
    EXPECT_FALSE(node.downs.empty());
    static const Down none;
    return node.downs.empty() ? none : node.downs.back();
  }
  void expect_protocol_error(Stranger& stranger, std::string_view says) {
    EXPECT_TRUE(stranger.closed_within(2s));
    EXPECT_EQ(to_string(last_down().reason), to_string(DownReason::protocol_error));
    EXPECT_NE(last_down().text.find(says), std::string::npos) << last_down().text;
  }
  static Bytes message(const Pid& from, const Pid& to, const Term& payload) {
    Bytes bytes;
    ByteWriter writer(bytes);
    encode_head(writer, dist::Send{from, to});
    encode_etf(writer, payload);
    return bytes;
  }

  World world;
  TestNode& node = world.add(alice, "10.0.0.1");
  const Pid own{mallory.atom(), 1, 0, 4};
  const Pid target{alice.atom(), 1, 0, 11};
};

TEST_F(StrangerTest, WhoSaysNothingIsShownTheDoorAfterTheAuthTimeout) {
  Stranger stranger(world, node, mallory, "barrel/1");
  ASSERT_TRUE(stranger.connect());
  world.run(1s);
  EXPECT_EQ(node.gauge("auth.authenticating"), 1U);
  ASSERT_TRUE(stranger.closed_within(11s));
  EXPECT_EQ(node.gauge("auth.authenticating"), 0U);
  ASSERT_TRUE(last_down().auth.has_value());
  EXPECT_EQ(last_down().auth->reason, auth::FailureReason::timeout);
  EXPECT_GE(world.network.now, Instant(10s));
  EXPECT_TRUE(node.carrier->links().empty());
}

TEST_F(StrangerTest, WhoAuthenticatesAndStopsIsShownTheDoorAfterTheSetupTimeout) {
  Stranger stranger(world, node, mallory, "erlang-dist");
  ASSERT_TRUE(stranger.connect() && stranger.authenticate());
  const Instant start = world.network.now;
  ASSERT_TRUE(stranger.closed_within(8s));
  EXPECT_EQ(last_down().reason, DownReason::timeout);
  EXPECT_GE(world.network.now - start, 6900ms);
  EXPECT_TRUE(node.trust.entries().empty()) << "nothing is pinned before the whole handshake";
}

TEST_F(StrangerTest, NothingIsReadBeforeThePeerIsAuthenticated) {
  Stranger stranger(world, node, mallory, "barrel/1");
  ASSERT_TRUE(stranger.connect());
  stranger.write(4, message(own, target, 1));
  expect_protocol_error(stranger, "used stream 4 before it was authenticated");
}

TEST_F(StrangerTest, AStreamWhoseFirstByteNeverComesIsNoWayToStayUnseen) {
  for (const quic::StreamId stream : {quic::StreamId{4}, quic::StreamId{68}}) {
    Stranger stranger(world, node, mallory, "barrel/1");
    ASSERT_TRUE(stranger.connect());
    world.run(100ms);
    world.network.conditions.loss_ppm = 1'000'000;
    stranger.write(stream, Bytes(1'000));
    world.run(Duration::zero());
    world.network.conditions.loss_ppm = 0;
    stranger.write(stream, Bytes(10));
    // Sooner than the lost bytes are sent again.
    EXPECT_TRUE(stranger.closed_within(20ms)) << stream;
    EXPECT_NE(last_down().text.find("before it was authenticated"), std::string::npos) << last_down().text;
  }
}

TEST_F(StrangerTest, OneWayStreamsAreNotOpenedBeforeTheLinkIsUp) {
  Stranger stranger(world, node, mallory, "barrel/1");
  ASSERT_TRUE(stranger.connect() && stranger.authenticate());
  const auto second = stranger.connection().open_unidirectional();
  ASSERT_TRUE(second);
  ASSERT_TRUE(stranger.connection().send(*second, SharedBytes(Bytes(10))));
  expect_protocol_error(stranger, "before the link was up");
}

TEST_F(StrangerTest, WithoutTheCookieThereIsNoStreamOfMessages) {
  Stranger stranger(world, node, mallory, "barrel/1");
  ASSERT_TRUE(stranger.connect() && stranger.authenticate());
  stranger.write(4, Bytes{0});
  expect_protocol_error(stranger, "used stream 4 before the link was up");
}

TEST_F(StrangerTest, TheWindowIsSmallUntilTheLinkIsUp) {
  for (const bool introduces : {false, true}) {
    Stranger stranger(world, node, mallory, "barrel/1");
    ASSERT_TRUE(stranger.connect() && stranger.authenticate() && stranger.shake_hands());
    if (introduces) stranger.introduce();
    stranger.send_frame(message(own, target, Term(std::string(60'000, 'x'))));
    world.run(1s);
    ASSERT_FALSE(stranger.closed());
    if (introduces) EXPECT_EQ(stranger.connection().unsent(4), 0U);
    else EXPECT_GT(stranger.connection().unsent(4), 40'000U);
    stranger.connection().close(0);
    world.run(1s);
  }
}

TEST_F(StrangerTest, TheNameMustBeTheAuthenticatedOne) {
  Stranger stranger(world, node, mallory, "erlang-dist");
  ASSERT_TRUE(stranger.connect() && stranger.authenticate());
  EXPECT_FALSE(stranger.shake_hands(NodeName("trent@10.0.0.9")));
  EXPECT_EQ(last_down().reason, DownReason::handshake_failed);
  EXPECT_NE(last_down().text.find("calls itself trent@10.0.0.9"), std::string::npos) << last_down().text;
  EXPECT_TRUE(stranger.deliveries.empty()) << "no status";
}

TEST_F(StrangerTest, AnErlangDialerGetsStatusAndChallengeInSeparateDeliveries) {
  for (const std::uint32_t loss : {0U, 100'000U}) {
    world.network.conditions = {.delay = 5ms, .loss_ppm = loss, .reorder_ppm = loss};
    Stranger stranger(world, node, mallory, "erlang-dist");
    ASSERT_TRUE(stranger.come_up());
    ASSERT_GE(stranger.deliveries.size(), 3U);
    EXPECT_TRUE(as_text(stranger.deliveries[0]) == "sok" || as_text(stranger.deliveries[0]) == "salive");
    EXPECT_EQ(stranger.deliveries.back().front(), 'a');
    stranger.connection().close(0);
    world.run(200ms);
  }
}

TEST_F(StrangerTest, MessagesThatOvertakeTheHandshakesEndAreKept) {
  Stranger stranger(world, node, mallory, "barrel/1");
  ASSERT_TRUE(stranger.connect() && stranger.authenticate() && stranger.shake_hands());
  for (int i = 1; i <= 3; ++i) stranger.send_frame(message(own, target, i));
  world.run(100ms);
  EXPECT_TRUE(node.messages.empty());
  EXPECT_GT(node.gauge("dist.early_bytes"), 0U);
  EXPECT_EQ(node.gauge("auth.pending"), 1U);
  stranger.introduce();
  ASSERT_TRUE(world.until([&] { return node.messages.size() == 3; }, 2s));
  world.run(100ms);
  EXPECT_EQ(node.gauge("dist.early_bytes"), 0U);
  EXPECT_EQ(node.gauge("auth.pending"), 0U);
  EXPECT_EQ(node.messages[0].payload, Term(1));
  EXPECT_EQ(node.messages[2].payload, Term(3));
  EXPECT_EQ(node.messages[0].from, mallory);
}

TEST_F(StrangerTest, ButNotWithoutEnd) {
  Settings settings;
  settings.link.early_bytes_max = 10'000;
  TestNode& strict = world.add(NodeName("strict@10.0.0.2"), "10.0.0.2", 11, settings);
  Stranger stranger(world, strict, mallory, "barrel/1");
  ASSERT_TRUE(stranger.connect() && stranger.authenticate() && stranger.shake_hands());
  for (int i = 0; i < 300; ++i) stranger.send_frame(message(own, target, i));
  ASSERT_TRUE(stranger.closed_within(2s));
  EXPECT_EQ(strict.downs.back().reason, DownReason::protocol_error);
  EXPECT_EQ(strict.count("dist.early_data_limit"), 1U);
  world.run(2s);
  EXPECT_EQ(strict.gauge("dist.early_bytes"), 0U);
}

TEST_F(StrangerTest, WhatItLeavesUnfinishedIsBoundedByAllStreamsTogether) {
  Settings settings;
  settings.link.frame_bytes_max = 1'100'000;
  TestNode& strict = world.add(NodeName("strict@10.0.0.2"), "10.0.0.2", 11, settings);
  Stranger stranger(world, strict, mallory, "barrel/1");
  ASSERT_TRUE(stranger.come_up());
  const Bytes whole = message(own, {Atom("strict@10.0.0.2"), 1, 0, 11}, Term::binary(Bytes(1'099'000)));
  Bytes framed;
  ByteWriter(framed).u32(static_cast<std::uint32_t>(whole.size()));
  ByteWriter(framed).bytes(whole);
  const Bytes most(framed.begin(), framed.end() - 1);
  for (const quic::StreamId stream : {4, 8, 12, 16}) stranger.write(stream, most);
  stranger.write(4, Bytes{framed.back()});
  ASSERT_TRUE(world.until([&] { return strict.messages.size() == 1; }, 2s));
  stranger.write(20, most);
  world.run(100ms);
  ASSERT_TRUE(strict.downs.empty());
  EXPECT_EQ(strict.gauge("dist.unfinished_bytes"), 4 * most.size());
  stranger.write(24, most);
  ASSERT_TRUE(stranger.closed_within(2s));
  EXPECT_EQ(strict.count("dist.unfinished_over_limit"), 1U);
  EXPECT_NE(strict.downs.back().text.find("more than 4400000 bytes"), std::string::npos)
      << strict.downs.back().text;
  world.run(2s);
  EXPECT_EQ(strict.gauge("dist.unfinished_bytes"), 0U);
}

TEST_F(StrangerTest, ALowLimitOnMessagesDoesNotCloseALinkWithOneBegunOnEachStream) {
  Settings settings;
  settings.link.frame_bytes_max = 65'536;
  TestNode& strict = world.add(NodeName("strict@10.0.0.2"), "10.0.0.2", 11, settings);
  Stranger stranger(world, strict, mallory, "barrel/1");
  ASSERT_TRUE(stranger.come_up());
  const Bytes whole = message(own, {Atom("strict@10.0.0.2"), 1, 0, 11}, Term::binary(Bytes(60'000)));
  Bytes framed;
  ByteWriter(framed).u32(static_cast<std::uint32_t>(whole.size()));
  ByteWriter(framed).bytes(whole);
  const Bytes most(framed.begin(), framed.end() - 1);
  for (quic::StreamId stream = 4; stream <= 64; stream += 4) stranger.write(stream, most);
  world.run(100ms);
  for (quic::StreamId stream = 4; stream <= 64; stream += 4) stranger.write(stream, Bytes{framed.back()});
  EXPECT_TRUE(world.until([&] { return strict.messages.size() == 16; }, 2s));
  EXPECT_TRUE(strict.downs.empty());
}

TEST_F(StrangerTest, AMessageThatCannotBeReadEndsTheLink) {
  Stranger stranger(world, node, mallory, "erlang-dist");
  ASSERT_TRUE(stranger.come_up());
  stranger.send_frame(Bytes{131, 68, 0, 104, 1, 97, 5});  // the header envelope was not negotiated
  expect_protocol_error(stranger, "another envelope");
}

TEST_F(StrangerTest, AFrameOverTheLimitEndsTheLinkAtItsFirstBytes) {
  Stranger stranger(world, node, mallory, "barrel/1");
  ASSERT_TRUE(stranger.come_up());
  stranger.write(4, Bytes{0xff, 0xff, 0xff, 0xff});
  expect_protocol_error(stranger, "over the limit of 67108864 bytes");
}

TEST_F(StrangerTest, ASenderOfAnotherNodeIsDroppedAndCounted) {
  Stranger stranger(world, node, mallory, "barrel/1");
  ASSERT_TRUE(stranger.come_up());
  stranger.send_frame(message({Atom("trent@10.0.0.8"), 1, 0, 4}, target, 1));
  stranger.send_frame(message(own, target, 2));
  ASSERT_TRUE(world.until([&] { return !node.messages.empty(); }, 2s));
  EXPECT_EQ(node.messages[0].payload, Term(2));
  EXPECT_EQ(node.count("dist.foreign_sender_dropped"), 1U);
}

TEST_F(StrangerTest, AStreamThatEndsWithinAMessageEndsTheLink) {
  Stranger stranger(world, node, mallory, "barrel/1");
  ASSERT_TRUE(stranger.come_up());
  stranger.write(4, Bytes{0, 0, 0, 9, 112}, true);
  expect_protocol_error(stranger, "ended a stream within a message");
}

TEST_F(StrangerTest, AlsoOneThatEndsBeforeTheLinkIsUp) {
  Stranger stranger(world, node, mallory, "barrel/1");
  ASSERT_TRUE(stranger.connect() && stranger.authenticate() && stranger.shake_hands());
  stranger.write(4, Bytes{0, 0, 0, 9, 112}, true);
  world.run(100ms);
  EXPECT_TRUE(node.downs.empty());
  stranger.introduce();
  expect_protocol_error(stranger, "ended a stream within a message");
}

TEST_F(StrangerTest, AnyDataStreamMayCarryMessagesAndTicks) {
  Stranger stranger(world, node, mallory, "erlang-dist");
  ASSERT_TRUE(stranger.come_up());
  const Bytes first = message(own, target, 1);
  for (const quic::StreamId stream : {64, 12}) {
    Bytes bytes{0, 0, 0, 0};
    ByteWriter(bytes).u32(static_cast<std::uint32_t>(first.size()));
    ByteWriter(bytes).bytes(first);
    stranger.write(stream, bytes);
  }
  stranger.write(0, Bytes{0, 0, 0, 0});
  ASSERT_TRUE(world.until([&] { return node.messages.size() == 2; }, 2s));
  EXPECT_EQ(node.count("dist.ticks"), 3U) << "one on each stream";
}

TEST_F(StrangerTest, UserStreamsAreRefusedAndTheLinkStays) {
  Stranger stranger(world, node, mallory, "erlang-dist");
  ASSERT_TRUE(stranger.come_up());
  stranger.write(68, Bytes{3, 't', 'a', 'g'});
  stranger.write(72, Bytes{3, 't', 'a', 'g'});
  ASSERT_TRUE(world.until([&] { return stranger.recorder().resets.size() == 2; }, 2s));
  EXPECT_EQ(stranger.recorder().resets.at(68), 0x100U);
  stranger.send_frame(message(own, target, 1));
  ASSERT_TRUE(world.until([&] { return node.messages.size() == 1; }, 2s));
  EXPECT_EQ(node.count("dist.user_stream_refused"), 2U);
}

TEST_F(StrangerTest, AnInvalidCapabilityTermIsNamed) {
  Stranger stranger(world, node, mallory, "barrel/1");
  ASSERT_TRUE(stranger.connect() && stranger.authenticate() && stranger.shake_hands());
  stranger.write(0, Bytes{0, 2, 131, 106});
  ASSERT_TRUE(stranger.closed_within(2s));
  EXPECT_EQ(last_down().reason, DownReason::handshake_failed);
  EXPECT_NE(last_down().text.find("capability term"), std::string::npos) << last_down().text;
}

TEST_F(StrangerTest, OneHostsConnectionsGiveWayToThoseOfOthers) {
  Settings settings;
  settings.link.pending_accepted_max = 3;
  TestNode& small = world.add(NodeName("small@10.0.0.2"), "10.0.0.2", 11, settings);
  TestNode& slow = world.add(NodeName("slow@10.0.0.4"), "10.0.0.4", 13);
  slow.dial(small);
  world.until([&] { return small.carrier->links().size() == 1; }, 1s);
  Stranger oldest(world, small, mallory, "barrel/1");
  ASSERT_TRUE(oldest.connect() && oldest.authenticate());
  quic::test::Recorder recorders[4];
  for (quic::test::Recorder& recorder : recorders) {
    oldest.dial_again(recorder);
    ASSERT_TRUE(world.until([&] { return recorder.connected; }, 1s));
  }
  TestNode& late = world.add(NodeName("late@10.0.0.3"), "10.0.0.3", 12);
  late.dial(small);
  EXPECT_TRUE(world.until([&] { return small.up(late); }, 1s));
  EXPECT_TRUE(small.up(slow));
  EXPECT_GE(small.count("auth.pending_limit"), 2U);
  EXPECT_FALSE(oldest.closed()) << "those that have not authenticated go first";
  EXPECT_TRUE(recorders[0].closed.has_value());
  EXPECT_FALSE(recorders[3].closed.has_value());
}

}  // namespace
}  // namespace barrel::carrier
