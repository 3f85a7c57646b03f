#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/handshake.hpp"
#include "auth/test_pair.hpp"

namespace barrel::auth {
namespace {

using testing::frame;
using ::testing::HasSubstr;
using testing::moment_at;
using testing::Nodes;
using testing::nonce_of;
using testing::Side;
using testing::Wire;

constexpr std::int64_t t0 = 1'700'000'000'000;

class Refusal : public ::testing::Test {
 protected:
  Nodes nodes;

  void run(Side& client, Side& server) {
    client.start(moment_at(t0));
    server.start(moment_at(t0));
    Wire{.client = client, .server = server}.run(moment_at(t0));
  }
  /// A server that has answered alice's HELLO.
  Side challenged_server(HandshakeSetup setup) {
    Side server(std::move(setup));
    server.start(moment_at(t0));
    server.receive(frame(Hello{"alice@127.0.0.1", nodes.alice.public_key()}), moment_at(t0));
    return server;
  }
  /// A client that has read bob's HELLO.
  Side greeted_client() {
    Side client(nodes.client());
    client.start(moment_at(t0));
    client.receive(frame(Hello{"bob@127.0.0.1", nodes.bob.public_key()}), moment_at(t0));
    return client;
  }
  Bytes response_of(const Identity& signer, const Challenge& challenge, const ChannelBinding& binding) {
    return frame(Response{signer.sign(signed_payload(challenge, signer.public_key(), binding))});
  }
};

TEST_F(Refusal, ServerWithAnotherPinSaysKeyMismatchAndNothingElse) {
  nodes.bob_trusts.put("alice@127.0.0.1", Identity::generate().public_key());
  Side client(nodes.client());
  Side server(nodes.server());
  run(client, server);
  EXPECT_EQ(server.failure_reason(), FailureReason::key_mismatch);
  EXPECT_TRUE(server.failure()->fail_frame_sent);
  EXPECT_EQ(server.failure()->claimed_name, "alice@127.0.0.1");
  EXPECT_EQ(server.failure()->presented_key, nodes.alice.public_key());
  EXPECT_EQ(to_hex(server.sent), "000f05000c6b65795f6d69736d61746368");
  EXPECT_TRUE(server.finished());
  EXPECT_EQ(client.failure_reason(), FailureReason::rejected_by_peer);
  EXPECT_EQ(client.failure()->detail, "key_mismatch");
  EXPECT_THAT(explain(*server.failure(), "bob@127.0.0.1"), HasSubstr("delete trusted/alice@127.0.0.1.pub"));
  EXPECT_THAT(explain(*client.failure(), "alice@127.0.0.1"),
              HasSubstr("must delete trusted/alice@127.0.0.1.pub"));
}

TEST_F(Refusal, StrictServerSaysUntrustedKey) {
  nodes.bob_trusts = TrustStore(TrustMode::strict);
  Side client(nodes.client());
  Side server(nodes.server());
  run(client, server);
  EXPECT_EQ(server.failure_reason(), FailureReason::untrusted_key);
  EXPECT_EQ(to_hex(server.sent), "001005000d756e747275737465645f6b6579");
  EXPECT_EQ(client.failure_reason(), FailureReason::rejected_by_peer);
  EXPECT_THAT(explain(*server.failure(), "bob@127.0.0.1"), HasSubstr("trusted/alice@127.0.0.1.pub"));
  EXPECT_THAT(explain(*client.failure(), "alice@127.0.0.1"), HasSubstr("strict mode"));
}

TEST_F(Refusal, ClientDropsAServerWithAnotherPinWithoutAWord) {
  nodes.alice_trusts.put("bob@127.0.0.1", Identity::generate().public_key());
  Side client(nodes.client());
  Side server(nodes.server());
  run(client, server);
  EXPECT_EQ(client.failure_reason(), FailureReason::key_mismatch);
  EXPECT_FALSE(client.failure()->fail_frame_sent);
  EXPECT_EQ(client.effects.size(), 2U) << "HELLO and the failure";
}

TEST_F(Refusal, StrictClientDropsAnUnknownServer) {
  nodes.alice_trusts = TrustStore(TrustMode::strict);
  Side client(nodes.client());
  Side server(nodes.server());
  run(client, server);
  EXPECT_EQ(client.failure_reason(), FailureReason::untrusted_key);
  EXPECT_FALSE(client.failure()->fail_frame_sent);
}

TEST_F(Refusal, ServerMustBeTheDialedNode) {
  auto setup = nodes.client();
  setup.dialed = NodeName("carol@127.0.0.1");
  Side client(std::move(setup));
  Side server(nodes.server());
  run(client, server);
  EXPECT_EQ(client.failure_reason(), FailureReason::name_mismatch);
  EXPECT_THAT(explain(*client.failure(), "alice@127.0.0.1"),
              HasSubstr("bob@127.0.0.1 answered where carol@127.0.0.1 was dialed"));
  EXPECT_EQ(server.authenticated(), nullptr);
}

TEST_F(Refusal, PeerCannotBeUs) {
  Side server(nodes.server());
  server.start(moment_at(t0));
  server.receive(frame(Hello{"bob@127.0.0.1", nodes.bob.public_key()}), moment_at(t0));
  EXPECT_EQ(server.failure_reason(), FailureReason::own_name);
}

TEST_F(Refusal, SignatureOfAnotherKey) {
  Side server = challenged_server(nodes.server());
  const auto challenge = Challenge{nonce_of(0xb2), t0};
  server.receive(frame(Challenge{nonce_of(0xa1), t0}), moment_at(t0));
  const auto mallory = Identity::generate();
  server.receive(response_of(mallory, challenge, nodes.binding), moment_at(t0));
  EXPECT_EQ(server.failure_reason(), FailureReason::signature_invalid);
  EXPECT_TRUE(server.failure()->fail_frame_sent);
  EXPECT_TRUE(to_hex(server.sent).ends_with("00140500117369676e61747572655f696e76616c6964"));
}

TEST_F(Refusal, SignatureForAnotherTlsConnection) {
  auto setup = nodes.server();
  setup.binding = *channel_binding(as_bytes("another certificate"));
  Side client(nodes.client());
  Side server(std::move(setup));
  run(client, server);
  EXPECT_EQ(client.failure_reason(), FailureReason::signature_invalid) << "the server's signature came first";
  EXPECT_EQ(server.failure_reason(), FailureReason::signature_invalid);
}

TEST_F(Refusal, ReplayedResponseDoesNotFitAFreshNonce) {
  Side client(nodes.client());
  Side server(nodes.server());
  run(client, server);
  ASSERT_NE(server.authenticated(), nullptr);
  auto setup = nodes.server();
  setup.nonce = nonce_of(0xb3);
  Side victim(std::move(setup));
  victim.start(moment_at(t0));
  victim.receive(client.sent, moment_at(t0));
  EXPECT_EQ(victim.failure_reason(), FailureReason::signature_invalid);
}

TEST_F(Refusal, ReplayedServerDoesNotFitAFreshNonce) {
  Side client(nodes.client());
  Side server(nodes.server());
  run(client, server);
  auto setup = nodes.client();
  setup.nonce = nonce_of(0xa2);
  Side victim(std::move(setup));
  victim.start(moment_at(t0));
  victim.receive(server.sent, moment_at(t0));
  EXPECT_EQ(victim.failure_reason(), FailureReason::signature_invalid);
}

// A signature that we made ourselves must not be accepted as the peer's.
TEST_F(Refusal, ReflectedResponse) {
  Side server = challenged_server(nodes.server());
  server.receive(frame(Challenge{nonce_of(0xb2), t0}), moment_at(t0));  // our own challenge comes back
  const Bytes reflected(server.sent.end() - 67, server.sent.end());     // and the answer we gave to it
  server.receive(reflected, moment_at(t0));
  EXPECT_EQ(server.failure_reason(), FailureReason::signature_invalid);
}

TEST_F(Refusal, TwoClientsOrTwoServersNeverMeet) {
  Side first(nodes.client());
  auto setup = nodes.server();
  setup.role = Role::client;
  setup.dialed = NodeName("alice@127.0.0.1");
  Side second(std::move(setup));
  run(first, second);
  EXPECT_EQ(first.authenticated(), nullptr);
  EXPECT_EQ(second.authenticated(), nullptr);

  Side lonely(nodes.server());
  lonely.start(moment_at(t0));
  lonely.receive(frame(Challenge{}), moment_at(t0));
  EXPECT_EQ(lonely.failure_reason(), FailureReason::unexpected_message);
}

TEST_F(Refusal, ClockSkewOfUpToTwoWindowsIsAllowed) {
  for (const std::int64_t skew : {-60'000, 60'000}) {
    Side server = challenged_server(nodes.server());
    server.receive(frame(Challenge{nonce_of(1), static_cast<std::uint64_t>(t0 + skew)}), moment_at(t0));
    EXPECT_EQ(server.failure(), nullptr) << skew;
  }
  for (const std::uint64_t timestamp : {std::uint64_t{t0 - 60'001}, std::uint64_t{t0 + 60'001},
                                        std::uint64_t{0}, UINT64_MAX, std::uint64_t{1} << 63}) {
    Side server = challenged_server(nodes.server());
    server.receive(frame(Challenge{nonce_of(1), timestamp}), moment_at(t0));
    EXPECT_EQ(server.failure_reason(), FailureReason::clock_skew) << timestamp;
    EXPECT_FALSE(server.failure()->fail_frame_sent);
    Side client = greeted_client();
    client.receive(frame(Challenge{nonce_of(1), timestamp}), moment_at(t0));
    EXPECT_EQ(client.failure_reason(), FailureReason::clock_skew) << timestamp;
  }
}

TEST_F(Refusal, LateResponseCountsAsABadSignature) {
  for (const std::int64_t delay : {30'000, 30'001}) {
    auto setup = nodes.server();
    setup.handshake_timeout = std::chrono::minutes(5);
    Side server = challenged_server(std::move(setup));
    server.receive(frame(Challenge{nonce_of(0xa1), t0}), moment_at(t0));
    const auto response = response_of(nodes.alice, Challenge{nonce_of(0xb2), t0}, nodes.binding);
    server.receive(response, moment_at(t0 + delay));
    if (delay == 30'000) {
      EXPECT_NE(server.authenticated(), nullptr);
    } else {
      EXPECT_EQ(server.failure_reason(), FailureReason::response_late);
      EXPECT_TRUE(to_hex(server.sent).ends_with("7369676e61747572655f696e76616c6964"));
    }
  }
}

TEST_F(Refusal, DeadlineEndsBothRoles) {
  for (auto setup : {nodes.client(), nodes.server()}) {
    Side side(std::move(setup));
    side.start(moment_at(t0));
    EXPECT_EQ(side.handshake.deadline(), moment_at(t0 + 10'000).monotonic);
    Effects out;
    side.handshake.expire(moment_at(t0 + 9'999), out);
    EXPECT_TRUE(out.empty());
    side.handshake.expire(moment_at(t0 + 10'000), out);
    side.take(out);
    EXPECT_EQ(side.failure_reason(), FailureReason::timeout);
    EXPECT_FALSE(side.failure()->fail_frame_sent);
  }
}

TEST_F(Refusal, BytesAfterTheDeadlineDoNotCount) {
  Side server(nodes.server());
  server.start(moment_at(t0));
  server.receive(frame(Hello{"alice@127.0.0.1", nodes.alice.public_key()}), moment_at(t0 + 10'000));
  EXPECT_EQ(server.failure_reason(), FailureReason::timeout);
  EXPECT_TRUE(server.sent.empty());
}

TEST_F(Refusal, NoCertificateFailsClosed) {
  for (auto setup : {nodes.client(), nodes.server()}) {
    setup.binding.reset();
    Side side(std::move(setup));
    side.start(moment_at(t0));
    EXPECT_EQ(side.failure_reason(), FailureReason::no_certificate);
    EXPECT_TRUE(side.sent.empty());
  }
}

TEST_F(Refusal, UnexpectedOkNeverAuthenticates) {
  Side first(nodes.client());
  first.start(moment_at(t0));
  first.receive(frame(Ok{}), moment_at(t0));
  EXPECT_EQ(first.failure_reason(), FailureReason::unexpected_ok);
  EXPECT_THAT(explain(*first.failure(), "alice@127.0.0.1"), HasSubstr("cookie_only_nodes"));

  Side second = greeted_client();
  second.receive(frame(Ok{}), moment_at(t0));
  EXPECT_EQ(second.failure_reason(), FailureReason::unexpected_ok);

  Side third = greeted_client();
  third.receive(frame(Challenge{nonce_of(1), t0}), moment_at(t0));
  third.receive(frame(Ok{}), moment_at(t0));  // skips the server's RESPONSE
  EXPECT_EQ(third.failure_reason(), FailureReason::unexpected_ok);

  Side server = challenged_server(nodes.server());
  server.receive(frame(Ok{}), moment_at(t0));
  EXPECT_EQ(server.failure_reason(), FailureReason::unexpected_message);
}

TEST_F(Refusal, ServersFailIsReportedWhereverItComes) {
  Side first(nodes.client());
  first.start(moment_at(t0));
  first.receive(frame(Fail{"some new reason"}), moment_at(t0));
  EXPECT_EQ(first.failure_reason(), FailureReason::rejected_by_peer);
  EXPECT_EQ(first.failure()->detail, "some new reason");

  Side second = greeted_client();
  second.receive(frame(Challenge{nonce_of(1), t0}), moment_at(t0));
  second.receive(frame(Fail{"signature_invalid"}), moment_at(t0));
  EXPECT_EQ(second.failure_reason(), FailureReason::rejected_by_peer);
}

TEST_F(Refusal, ClientsFailIsOutOfPlace) {
  Side server = challenged_server(nodes.server());
  server.receive(frame(Fail{"key_mismatch"}), moment_at(t0));
  EXPECT_EQ(server.failure_reason(), FailureReason::unexpected_message);
  EXPECT_FALSE(server.failure()->fail_frame_sent);
}

TEST_F(Refusal, MessagesOutOfSequence) {
  for (const Message& message : {Message(Challenge{nonce_of(1), t0}), Message(Response{})}) {
    Side server(nodes.server());
    server.start(moment_at(t0));
    server.receive(frame(message), moment_at(t0));
    EXPECT_EQ(server.failure_reason(), FailureReason::unexpected_message);
  }
  for (const Message& message :
       {Message(Hello{"alice@127.0.0.1", nodes.alice.public_key()}), Message(Response{})}) {
    Side server = challenged_server(nodes.server());
    server.receive(frame(message), moment_at(t0));
    EXPECT_EQ(server.failure_reason(), FailureReason::unexpected_message);
  }
}

TEST_F(Refusal, OtherVersionIsDroppedWithoutFail) {
  for (auto setup : {nodes.client(), nodes.server()}) {
    Side side(std::move(setup));
    side.start(moment_at(t0));
    const std::size_t sent = side.sent.size();
    side.receive(testing::hex("00020101"), moment_at(t0));
    EXPECT_EQ(side.failure_reason(), FailureReason::unsupported_version);
    EXPECT_EQ(side.sent.size(), sent);
  }
}

TEST_F(Refusal, MalformedFramesAreDroppedWithoutFail) {
  for (const std::string_view bytes : {"0000", "ffff", "0201", "00020400", "000100", "000106"}) {
    for (auto setup : {nodes.client(), nodes.server()}) {
      Side side(std::move(setup));
      side.start(moment_at(t0));
      const std::size_t sent = side.sent.size();
      side.receive(testing::hex(bytes), moment_at(t0));
      EXPECT_NE(side.failure(), nullptr) << bytes;
      EXPECT_EQ(side.sent.size(), sent) << bytes;
    }
  }
}

TEST_F(Refusal, EarlyEndOfThePeersStream) {
  Side server = challenged_server(nodes.server());
  Effects out;
  server.handshake.peer_finished(out);
  server.take(out);
  EXPECT_EQ(server.failure_reason(), FailureReason::closed);
}

}  // namespace
}  // namespace barrel::auth
