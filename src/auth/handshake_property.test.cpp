#include <gtest/gtest.h>

#include "auth/handshake.hpp"
#include "auth/test_pair.hpp"
#include "barrel/base/random.hpp"

namespace barrel::auth {
namespace {

using testing::moment_at;
using testing::Nodes;
using testing::Side;
using testing::Wire;

constexpr std::int64_t t0 = 1'700'000'000'000;

struct Transcript {
  Bytes client;
  Bytes server;
};

Transcript good_transcript(Nodes& nodes) {
  Side client(nodes.client());
  Side server(nodes.server());
  client.start(moment_at(t0));
  server.start(moment_at(t0));
  Wire{.client = client, .server = server}.run(moment_at(t0));
  return {client.sent, server.sent};
}

Side replay(HandshakeSetup setup, BytesView bytes) {
  Side side(std::move(setup));
  side.start(moment_at(t0));
  side.receive(bytes, moment_at(t0));
  return side;
}

/// Every value of every byte would take minutes; these change each bit alone, and some.
constexpr std::uint8_t flips[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff};

// A replayed client, its bytes changed one at a time. Its challenge is left out: it is what we sign for the
// client, and proves nothing to us. So is its name, which this protocol does not sign: see the next test.
TEST(HandshakeProperty, ServerAcceptsNoChangedByteButTheChallengeItSigns) {
  Nodes nodes;
  const Transcript good = good_transcript(nodes);
  ASSERT_NE(replay(nodes.server(), good.client).authenticated(), nullptr);
  const std::size_t nonce_start = 53 + 3;  // after HELLO: length and type of CHALLENGE
  const std::size_t timestamp_end = nonce_start + 40;
  for (std::size_t at = 0; at < good.client.size(); ++at) {
    for (const std::uint8_t flip : flips) {
      Bytes changed = good.client;
      changed[at] = static_cast<std::uint8_t>(changed[at] ^ flip);
      const Side server = replay(nodes.server(), changed);
      const bool in_name = at >= 6 && at < 6 + 15;
      if (in_name || (at >= nonce_start && at < timestamp_end)) continue;
      EXPECT_EQ(server.authenticated(), nullptr) << at << " " << int{flip};
    }
  }
}

// A changed name is another node: where every node is pinned, it does not get in under the key of alice.
TEST(HandshakeProperty, ChangedNameIsNeverAcceptedAsTheOriginalOne) {
  Nodes nodes;
  const Transcript good = good_transcript(nodes);
  nodes.bob_trusts = TrustStore(TrustMode::strict);
  nodes.bob_trusts.put("alice@127.0.0.1", nodes.alice.public_key());
  for (std::size_t at = 6; at < 6 + 15; ++at) {
    for (const std::uint8_t flip : flips) {
      Bytes changed = good.client;
      changed[at] = static_cast<std::uint8_t>(changed[at] ^ flip);
      EXPECT_EQ(replay(nodes.server(), changed).authenticated(), nullptr) << at;
    }
  }
}

TEST(HandshakeProperty, ClientAcceptsNoChangedByteButTheChallengeItSigns) {
  Nodes nodes;
  const Transcript good = good_transcript(nodes);
  ASSERT_NE(replay(nodes.client(), good.server).authenticated(), nullptr);
  const std::size_t nonce_start = 51 + 3;
  const std::size_t timestamp_end = nonce_start + 40;
  for (std::size_t at = 0; at < good.server.size(); ++at) {
    if (at >= nonce_start && at < timestamp_end) continue;
    for (const std::uint8_t flip : flips) {
      Bytes changed = good.server;
      changed[at] = static_cast<std::uint8_t>(changed[at] ^ flip);
      EXPECT_EQ(replay(nodes.client(), changed).authenticated(), nullptr) << at << " " << int{flip};
    }
  }
}

// Two honest nodes that know each other, and a wire that changes one byte: never do both succeed.
TEST(HandshakeProperty, NoSingleChangedByteOnTheWireLeavesBothSidesAuthenticated) {
  Nodes nodes;
  nodes.alice_trusts.put("bob@127.0.0.1", nodes.bob.public_key());
  nodes.bob_trusts = TrustStore(TrustMode::strict);
  nodes.bob_trusts.put("alice@127.0.0.1", nodes.alice.public_key());
  const Transcript good = good_transcript(nodes);
  const std::size_t total = good.client.size() + good.server.size();
  for (std::size_t at = 0; at < total; ++at) {
    for (const std::uint8_t flip : {std::uint8_t{0x01}, std::uint8_t{0x80}}) {
      Side client(nodes.client());
      Side server(nodes.server());
      client.start(moment_at(t0));
      server.start(moment_at(t0));
      std::size_t to_server = 0;
      std::size_t to_client = 0;
      // One byte at a time, so that the changed one is known before what follows it is made.
      while (to_server < client.sent.size() || to_client < server.sent.size()) {
        if (to_server < client.sent.size()) {
          std::uint8_t byte = client.sent[to_server];
          if (at == to_server) byte = static_cast<std::uint8_t>(byte ^ flip);
          ++to_server;
          server.receive(BytesView(&byte, 1), moment_at(t0));
        }
        if (to_client < server.sent.size()) {
          std::uint8_t byte = server.sent[to_client];
          if (at == good.client.size() + to_client) byte = static_cast<std::uint8_t>(byte ^ flip);
          ++to_client;
          client.receive(BytesView(&byte, 1), moment_at(t0));
        }
      }
      EXPECT_FALSE(client.authenticated() != nullptr && server.authenticated() != nullptr) << at;
    }
  }
}

TEST(HandshakeProperty, RandomBytesEndInFailureOrSilence) {
  Nodes nodes;
  Random random(20'240'601);
  for (int round = 0; round < 2'000; ++round) {
    Bytes noise(random.below(300));
    random.fill(noise);
    if (noise.size() > 2 && random.chance(800'000)) {  // mostly plausible lengths and types
      noise[0] = 0;
      noise[1] = static_cast<std::uint8_t>(noise.size() - 2);
      noise[2] = static_cast<std::uint8_t>(1 + random.below(5));
    }
    EXPECT_EQ(replay(nodes.client(), noise).authenticated(), nullptr);
    EXPECT_EQ(replay(nodes.server(), noise).authenticated(), nullptr);
  }
}

}  // namespace
}  // namespace barrel::auth
