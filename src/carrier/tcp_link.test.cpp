// Links over TCP: how they come up, what they carry, how they end, and what strangers can do to them.
#include <gtest/gtest.h>

#include <functional>

#include "carrier/test_streams.hpp"
#include "tcp/epmd.hpp"
#include "tcp/test_certificates.hpp"

namespace barrel::carrier {
namespace {

using namespace carrier::test;

const NodeName alice{"alice@10.0.0.1"};
const NodeName bob{"bob@10.0.0.2"};

std::shared_ptr<const tcp::TlsContext> tls_of(const tcp::test::Authority& authority) {
  const auto pem = authority.issue("node");
  auto made = tcp::TlsContext::make({.certificate = pem.certificate,
                                     .private_key = pem.private_key,
                                     .authorities = authority.certificate()});
  return *std::move(made);
}

/// Two nodes; with TLS where the parameter says so.
class TcpLinks : public testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] TcpConfig config() {
    TcpConfig made;
    if (GetParam()) made.tls = tls_of(authority);
    return made;
  }
  bool connect(TcpNode& a, TcpNode& b) {
    if (!a.carrier->dial(b.name, {b.where}, net.time)) return false;
    run(net, {&a, &b});
    return a.live != nullptr && b.live != nullptr;
  }

  tcp::test::Authority authority;
  StreamNet net;
};
INSTANTIATE_TEST_SUITE_P(Carrier, TcpLinks, testing::Bool(),
                         [](const auto& instance) { return instance.param ? "tls" : "plain"; });

TEST_P(TcpLinks, CarryMessagesOfEverySizeInOrder) {
  TcpNode a(net, alice, "10.0.0.1:1", config());
  TcpNode b(net, bob, "10.0.0.2:2", config());
  ASSERT_TRUE(connect(a, b));
  EXPECT_EQ(a.live->protocol(), GetParam() ? "erlang-tls" : "erlang-tcp");
  EXPECT_EQ(b.live->name(), alice.text());
  for (const std::size_t size : {1UL, 70'000UL, 2UL, 900'000UL, 3UL}) a.say(size);
  b.say(5);
  run(net, {&a, &b});
  ASSERT_EQ(b.sizes.size(), 5U);
  EXPECT_GT(b.sizes[3], 900'000U);
  EXPECT_LT(b.sizes[4], 100U);
  EXPECT_EQ(a.sizes.size(), 1U);
  EXPECT_EQ(a.damaged + b.damaged, 0);
  EXPECT_EQ(a.outbound->pending_bytes(dist::Lane::messages), 0U);
}

TEST_P(TcpLinks, WaitForASlowReaderAndLoseNothing) {
  TcpNode a(net, alice, "10.0.0.1:1", config());
  TcpNode b(net, bob, "10.0.0.2:2", config());
  ASSERT_TRUE(connect(a, b));
  for (const auto& end : net.ends) end->room = 1'000;
  for (int i = 0; i < 100; ++i) a.say(10'000);
  EXPECT_GT(a.live->unacknowledged_bytes() + a.outbound->pending_bytes(dist::Lane::messages), 500'000U);
  run(net, {&a, &b});
  EXPECT_EQ(b.sizes.size(), 100U);
  EXPECT_EQ(b.damaged, 0);
  EXPECT_EQ(a.live->unacknowledged_bytes(), 0U);
}

TEST_P(TcpLinks, PutTogetherLargeMessagesThatCameInAnyPieces) {
  TcpNode a(net, alice, "10.0.0.1:1", config());
  TcpNode b(net, bob, "10.0.0.2:2", config());
  ASSERT_TRUE(connect(a, b));
  for (const std::size_t piece : {700UL, 20'000UL, 65'536UL, 200'000UL}) {
    for (const auto& end : net.ends) end->room = piece;
    for (const std::size_t size : {40'000UL, 65'535UL, 65'536UL, 70'000UL, 131'072UL, 10UL, 300'000UL})
      a.say(size);
    run(net, {&a, &b});
  }
  EXPECT_EQ(b.sizes.size(), 28U);
  EXPECT_EQ(b.damaged, 0);
}

TEST_P(TcpLinks, LetAPeerSendAheadOnceItsMessagesAreLarge) {
  TcpNode a(net, alice, "10.0.0.1:1", config());
  TcpNode b(net, bob, "10.0.0.2:2", config());
  ASSERT_TRUE(connect(a, b));
  const auto widened = [&] {
    return std::ranges::count(net.ends, true, [](auto& end) { return end->widened; });
  };
  for (int i = 0; i < 50'000; ++i) {
    a.say(100);
    if (i % 1'000 == 0) run(net, {&a, &b});
  }
  run(net, {&a, &b});
  EXPECT_EQ(widened(), 0);
  for (int i = 0; i < 20; ++i) {
    a.say(500'000);
    run(net, {&a, &b});
  }
  EXPECT_EQ(widened(), 1) << "at the end that receives";
  EXPECT_EQ(b.sizes.size(), 50'020U);
}

TEST_P(TcpLinks, TickWhenThereIsNothingToSayAndGiveUpASilentPeer) {
  TcpNode a(net, alice, "10.0.0.1:1", config());
  TcpNode b(net, bob, "10.0.0.2:2", config());
  ASSERT_TRUE(connect(a, b));
  run(net, {&a, &b}, 10min);
  EXPECT_NE(a.live, nullptr);
  EXPECT_NE(b.live, nullptr);
  EXPECT_EQ(a.suspected + b.suspected, 0);
  EXPECT_GE(a.count("dist.ticks"), 10min / 15s - 1) << "one each quarter of the tick time";
  // Bob is no longer there, but nothing says so.
  run(net, {&a}, 46s);
  EXPECT_EQ(a.suspected, 1);
  ASSERT_NE(a.live, nullptr);
  run(net, {&a}, 20s);
  EXPECT_EQ(a.live, nullptr);
  EXPECT_EQ(a.downs.at(0).reason, DownReason::silent);
}

TEST_P(TcpLinks, EndWithTheOtherEnd) {
  TcpNode a(net, alice, "10.0.0.1:1", config());
  TcpNode b(net, bob, "10.0.0.2:2", config());
  ASSERT_TRUE(connect(a, b));
  b.carrier->close_all("shutdown", net.time);
  run(net, {&a, &b});
  ASSERT_EQ(a.downs.size(), 1U);
  EXPECT_EQ(a.downs[0].reason, DownReason::closed_by_peer);
  EXPECT_TRUE(a.carrier->links().empty());
}

TEST_P(TcpLinks, ANewConnectionOfTheSameNodeReplacesTheOldOne) {
  TcpNode a(net, alice, "10.0.0.1:1", config());
  TcpNode b(net, bob, "10.0.0.2:2", config());
  ASSERT_TRUE(connect(a, b));
  const std::uint64_t before = b.live->id();
  ASSERT_TRUE(connect(a, b));
  EXPECT_NE(b.live->id(), before);
  b.say(1);
  run(net, {&a, &b});
  EXPECT_EQ(a.sizes.size(), 1U);
}

TEST_P(TcpLinks, SilentConnectionsAreClosedAndTheirNumberIsBounded) {
  TcpConfig settings = config();
  settings.pending_accepted_max = 10;
  TcpNode b(net, bob, "10.0.0.2:2", settings);
  std::vector<std::unique_ptr<ByteStream>> strangers;
  for (int i = 0; i < 25; ++i) strangers.push_back(net.dial(b.where));
  run(net, {&b});
  EXPECT_EQ(b.carrier->links().size(), 10U);
  EXPECT_EQ(b.count("tcp.pending_limit"), 15U);
  EXPECT_EQ(b.count("tcp.connections"), 10U);
  EXPECT_EQ(b.count("tcp.half_open"), 10U);
  run(net, {&b}, 20s);
  EXPECT_TRUE(b.carrier->links().empty());
  EXPECT_EQ(b.count("tcp.connections"), 0U);
  strangers.push_back(net.dial(b.where));
  EXPECT_EQ(b.carrier->links().size(), 1U) << "there is room again";
  b.carrier->set_accepting(false);
  strangers.push_back(net.dial(b.where));
  EXPECT_EQ(b.carrier->links().size(), 1U);
  EXPECT_EQ(b.count("tcp.not_accepting"), 1U);
}

TEST_P(TcpLinks, WhoeverKnowsTheCookieCannotTakeAllSockets) {
  TcpConfig settings = config();
  settings.accepted_max = 2;
  TcpNode b(net, bob, "10.0.0.2:2", settings);
  TcpNode a(net, alice, "10.0.0.1:1", config());
  ASSERT_TRUE(connect(a, b));
  std::vector<std::unique_ptr<ByteStream>> others;
  for (int i = 0; i < 5; ++i) others.push_back(net.dial(b.where));
  EXPECT_EQ(b.carrier->links().size(), 2U);
  EXPECT_EQ(b.count("tcp.links_limit"), 4U);
  b.say(1);
  run(net, {&a, &b});
  EXPECT_EQ(a.sizes.size(), 1U) << "who is connected stays so";
}

TEST_P(TcpLinks, OneHostCannotTakeAllPlaces) {
  TcpConfig settings = config();
  settings.pending_per_address_max = 10;
  TcpNode b(net, bob, "10.0.0.2:2", settings);
  std::vector<std::unique_ptr<ByteStream>> strangers;
  for (int i = 0; i < 25; ++i) strangers.push_back(net.dial(b.where));
  EXPECT_EQ(b.carrier->links().size(), 10U);
  EXPECT_EQ(b.count("tcp.pending_limit"), 15U);
  auto [mine, theirs] = net.make_pair(b.where);
  theirs->remote = *SocketAddress::parse("10.0.0.98:9");
  b.carrier->accept(std::make_unique<MemoryStream>(theirs), net.time);
  EXPECT_EQ(b.carrier->links().size(), 11U) << "another host is let in";
}

TEST_P(TcpLinks, BytesThatDripDoNotProlongTheSetup) {
  TcpNode b(net, bob, "10.0.0.2:2", config());
  auto [mine, theirs] = net.make_pair(b.where);
  b.carrier->accept(std::make_unique<MemoryStream>(theirs), net.time);
  const Bytes begin = *from_hex(GetParam() ? "1603030100" : "001a4e00000000");
  for (int i = 0; i < 40 && !b.carrier->links().empty(); ++i) {
    if (i < std::ssize(begin)) theirs->inbox.push_back(begin[static_cast<std::size_t>(i)]);
    run(net, {&b}, 1s);
  }
  EXPECT_TRUE(b.carrier->links().empty());
}

TEST_P(TcpLinks, AnyBytesOfAStrangerEndItsConnectionOnly) {
  TcpNode b(net, bob, "10.0.0.2:2", config());
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    auto [mine, theirs] = net.make_pair(b.where);
    b.carrier->accept(std::make_unique<MemoryStream>(theirs), net.time);
    theirs->inbox.resize(1 + random.below(3'000));
    random.fill(theirs->inbox);
    if (random.chance(500'000)) theirs->inbox[0] = GetParam() ? 0x16 : 0;
  }
  run(net, {&b}, 30s);
  EXPECT_TRUE(b.carrier->links().empty());
  EXPECT_EQ(b.live, nullptr);
  TcpNode a(net, alice, "10.0.0.1:1", config());
  EXPECT_TRUE(connect(a, b));
}

class PlainTcp : public TcpLinks {};
INSTANTIATE_TEST_SUITE_P(Carrier, PlainTcp, testing::Values(false));

TEST_P(PlainTcp, EpmdIsAskedForThePort) {
  TcpNode a(net, alice, "10.0.0.1:1");
  TcpNode b(net, bob, "10.0.0.2:2");
  const auto epmd = *SocketAddress::parse("10.0.0.2:4369");
  for (const char* answer : {"770000024d000006000500036263640000", "7701", "4e4e4e"}) {
    SCOPED_TRACE(answer);
    a.downs.clear();
    auto held = std::make_shared<std::unique_ptr<ByteStream>>();
    net.listeners[epmd] = [&, held](std::unique_ptr<ByteStream> stream) {
      const Bytes bytes = *from_hex(answer);
      const BytesView piece(bytes);
      (void)stream->write({&piece, 1});
      *held = std::move(stream);
    };
    ASSERT_TRUE(a.carrier->dial(bob, {epmd, true}, net.time));
    run(net, {&a, &b}, 1s);
    const bool found = std::string_view(answer).starts_with("7700");
    EXPECT_EQ(a.live != nullptr, found);
    if (found) {
      a.carrier->close_all("again", net.time);
    } else {
      ASSERT_EQ(a.downs.size(), 1U);
      EXPECT_EQ(a.downs[0].reason, DownReason::unreachable) << a.downs[0].text;
    }
  }
}

TEST_P(PlainTcp, NobodyListeningIsUnreachable) {
  TcpNode a(net, alice, "10.0.0.1:1");
  ASSERT_TRUE(a.carrier->dial(bob, {*SocketAddress::parse("10.0.0.2:2")}, net.time));
  run(net, {&a});
  ASSERT_EQ(a.downs.size(), 1U);
  EXPECT_EQ(a.downs[0].reason, DownReason::unreachable);
  EXPECT_EQ(a.downs[0].text, "cannot reach bob@10.0.0.2 at 10.0.0.2:2: Connection refused");
}

TEST_P(PlainTcp, AnotherCookieIsNamedOnBothSides) {
  TcpNode a(net, alice, "10.0.0.1:1");
  TcpNode b(net, bob, "10.0.0.2:2", {}, "another");
  EXPECT_FALSE(connect(a, b));
  ASSERT_EQ(a.downs.size(), 1U);
  EXPECT_EQ(a.downs[0].reason, DownReason::handshake_failed);
  EXPECT_NE(a.downs[0].text.find("cookie"), std::string::npos);
  EXPECT_NE(b.downs.at(0).text.find("cookie"), std::string::npos);
}

TEST_P(PlainTcp, ANameThatHasToBeProvedIsRefusedBothWays) {
  TcpNode a(net, alice, "10.0.0.1:1");
  TcpNode b(net, bob, "10.0.0.2:2");
  b.pinned = alice;
  EXPECT_FALSE(connect(a, b));
  EXPECT_EQ(b.count("tcp.downgrade_refused"), 1U);
  EXPECT_FALSE(connect(b, a));
  EXPECT_EQ(b.count("tcp.downgrade_refused"), 2U);
}

TEST_P(PlainTcp, WhatHasNotEndedIsMeasured) {
  TcpNode a(net, alice, "10.0.0.1:1");
  TcpNode b(net, bob, "10.0.0.2:2");
  ASSERT_TRUE(connect(a, b));
  const auto heard = [&](const Bytes& bytes) {
    net.ends[1]->inbox.insert(net.ends[1]->inbox.end(), bytes.begin(), bytes.end());
    run(net, {&a, &b});
    return b.metrics.gauge("tcp.unfinished_bytes").value();
  };
  EXPECT_EQ(heard(*from_hex("00000100"
                            "70")),
            5U)
      << "the length and one of 256 bytes";
  EXPECT_EQ(heard(Bytes(90)), 95U);
  net.ends[0]->open = false;
  run(net, {&a, &b});
  EXPECT_EQ(b.live, nullptr);
  EXPECT_EQ(b.metrics.gauge("tcp.unfinished_bytes").value(), 0U);
}

TEST_P(PlainTcp, TooLongMessagesEndTheLink) {
  TcpNode a(net, alice, "10.0.0.1:1");
  TcpNode b(net, bob, "10.0.0.2:2");
  ASSERT_TRUE(connect(a, b));
  a.say(2U << 20);
  run(net, {&a, &b});
  EXPECT_EQ(b.live, nullptr);
  EXPECT_EQ(b.downs.at(0).reason, DownReason::protocol_error);
}

/// A C node: no Erlang VM, with only the capabilities that OTP demands.
struct CNode final : StreamEvents {
  CNode(StreamNet& net, const TcpNode& server)
      : handshake({.framing = dist::Framing::length16,
                   .self = NodeName("c@10.0.0.9"),
                   .peer = std::string(server.name.text()),
                   .flags = dist::otp_mandatory_flags,
                   .cookie = "secret",
                   .plain_peers = true},
                  Random(9)),
        stream(net.dial(server.where)) {
    stream->start(*this);
  }
  void on_connected() override {
    dist::HandshakeEffects effects;
    handshake.start(effects);
    perform(effects);
  }
  void on_bytes(BytesView bytes) override {
    if (handshake.done()) return heard.feed(bytes), read();
    dist::HandshakeEffects effects;
    handshake.receive(bytes, effects);
    perform(effects);
  }
  void on_writable() override {}
  void on_closed(const std::string& why) override { closed = why; }
  void perform(const dist::HandshakeEffects& effects) {
    for (const auto& effect : effects) {
      if (const auto* send = std::get_if<dist::SendBytes>(&effect)) say(send->bytes);
    }
  }
  void say(BytesView bytes) { (void)stream->write({&bytes, 1}); }
  void read() {
    while (heard.next() == dist::FrameReader::Step::frame) {
      frames.emplace_back(heard.frame().begin(), heard.frame().end());
    }
  }

  dist::Handshake handshake;
  std::unique_ptr<ByteStream> stream;
  dist::FrameReader heard{1U << 20};
  std::vector<Bytes> frames;
  std::string closed;
};

TEST_P(PlainTcp, ACNodeGetsTheFormsThatItKnowsAndIsUnderstood) {
  TcpNode b(net, bob, "10.0.0.2:2");
  CNode c(net, b);
  run(net, {&b});
  ASSERT_NE(b.live, nullptr) << c.closed;
  EXPECT_EQ(b.live->name(), "c@10.0.0.9");
  b.say(5);
  run(net, {&b});
  ASSERT_EQ(c.frames.size(), 1U);
  ByteReader in(c.frames[0]);
  EXPECT_EQ(in.u8(), dist::pass_through);
  const auto control = decode_etf(in);
  ASSERT_TRUE(control);
  EXPECT_EQ(control->elements()[0], Term(2)) << "SEND, not SEND_SENDER";
  EXPECT_EQ(*decode_etf(in), Term::binary(TcpNode::text_of(5)));
  EXPECT_EQ(b.outbound->pending_bytes(dist::Lane::messages), 0U);

  // What it sends in turn, and a signal that has no form for it.
  Bytes message{0, 0, 0, 0};
  ByteWriter out(message);
  encode_head(out, dist::Send{{NodeName("c@10.0.0.9").atom(), 1, 0, 4}, {bob.atom(), 1, 0, 4}});
  encode_etf(out, Term::binary(TcpNode::text_of(7)));
  message[3] = static_cast<std::uint8_t>(message.size() - 4);
  c.say(message);
  const auto monitor = [](ByteWriter& frame, dist::Envelope envelope) {
    const Ref ref{bob.atom(), 4, 1, {1}};
    encode_head(frame, dist::Monitor{{bob.atom(), 1, 0, 4}, Atom("name"), ref}, envelope);
  };
  (void)b.outbound->push(dist::Lane::messages, monitor);
  b.live->flush(net.time);
  run(net, {&b});
  EXPECT_EQ(b.sizes.size(), 1U);
  EXPECT_EQ(b.damaged, 0);
  EXPECT_EQ(c.frames.size(), 1U);
  EXPECT_EQ(b.count("dist.plain_left_out"), 1U);
}

}  // namespace
}  // namespace barrel::carrier
