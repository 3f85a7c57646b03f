#include "auth/handshake.hpp"

#include <gtest/gtest.h>

#include "auth/test_pair.hpp"

namespace barrel::auth {
namespace {

using testing::hex;
using testing::moment_at;
using testing::Nodes;
using testing::Side;
using testing::Wire;

constexpr std::int64_t client_time = 1'700'000'000'000;
constexpr std::int64_t server_time = 1'700'000'000'123;

const std::string client_hello =
    "00330102000f616c696365403132372e302e302e3103a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531"
    "b8";
const std::string server_hello =
    "00310102000d626f62403132372e302e302e3129acbae141bccaf0b22e1a94d34d0bc7361e526d0bfe12c89794bc9322966dd7";
const std::string server_challenge =
    "002902b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b20000018bcfe5687b";
const std::string client_challenge =
    "002902a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a10000018bcfe56800";
const std::string client_response =
    "00410307b292e2a5b19c0b347ad138fd702413da867b68fb6f202fcd1229ddd19ec7397a2da1052153d25988a228edc4d5b94896"
    "fc059eec"
    "64361cfa8a56b91e3ce705";
const std::string server_response =
    "0041034464903061276085e8782cd9d4ccca876e95515af81d740e19de94af41fb95997aa82fda5ecf0c528c05746b4776dd43c3"
    "9e630754"
    "c02206e091081b1737dd06";
const std::string server_ok = "000104";

TEST(Handshake, ClientSpeaksTheVectorByteForByte) {
  Nodes nodes;
  Side client(nodes.client());
  const Moment now = moment_at(client_time);
  client.start(now);
  EXPECT_EQ(to_hex(client.sent), client_hello);

  client.receive(hex(server_hello + server_challenge), now);
  EXPECT_EQ(to_hex(client.sent), client_hello + client_challenge + client_response);

  client.receive(hex(server_response), now);
  EXPECT_FALSE(client.handshake.done()) << "the client has to wait for OK";
  EXPECT_FALSE(client.finished());

  client.receive(hex(server_ok), now);
  EXPECT_TRUE(client.handshake.done());
  ASSERT_EQ(client.effects.size(), 5U);
  EXPECT_EQ(client.effects[3], Effect(Finish{}));
  EXPECT_EQ(client.effects[4],
            Effect(Authenticated{"bob@127.0.0.1", nodes.bob.public_key(), /*is_new_key=*/true}));
}

TEST(Handshake, ServerSpeaksTheVectorByteForByte) {
  Nodes nodes;
  Side server(nodes.server());
  const Moment now = moment_at(server_time);
  server.start(now);
  EXPECT_TRUE(server.effects.empty()) << "the server opens its stream only after the client's HELLO";

  server.receive(hex(client_hello), now);
  EXPECT_EQ(to_hex(server.sent), server_hello + server_challenge);
  server.receive(hex(client_challenge), now);
  EXPECT_EQ(to_hex(server.sent), server_hello + server_challenge + server_response);
  EXPECT_FALSE(server.handshake.done());
  server.receive(hex(client_response), now);
  EXPECT_EQ(to_hex(server.sent), server_hello + server_challenge + server_response + server_ok);
  ASSERT_TRUE(server.handshake.done());
  EXPECT_EQ(server.effects[server.effects.size() - 2], Effect(Finish{}));
  EXPECT_EQ(server.effects.back(),
            Effect(Authenticated{"alice@127.0.0.1", nodes.alice.public_key(), /*is_new_key=*/true}));
}

TEST(Handshake, ServerTakesAPipeliningClient) {
  Nodes nodes;
  Side server(nodes.server());
  server.start(moment_at(server_time));
  server.receive(hex(client_hello + client_challenge), moment_at(server_time));
  EXPECT_EQ(to_hex(server.sent), server_hello + server_challenge + server_response);
  server.receive(hex(client_response), moment_at(server_time));
  EXPECT_NE(server.authenticated(), nullptr);
}

TEST(Handshake, SucceedsWhateverThePieces) {
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 50U, 53U, 1000U}) {
    Nodes nodes;
    Side client(nodes.client());
    Side server(nodes.server());
    Wire wire{.client = client, .server = server, .piece = piece};
    client.start(moment_at(client_time));
    server.start(moment_at(client_time));
    wire.run(moment_at(client_time));
    EXPECT_NE(client.authenticated(), nullptr) << piece;
    EXPECT_NE(server.authenticated(), nullptr) << piece;
  }
}

TEST(Handshake, KnownKeyIsNotNew) {
  Nodes nodes;
  nodes.alice_trusts.put("bob@127.0.0.1", nodes.bob.public_key());
  nodes.bob_trusts = TrustStore(TrustMode::strict);
  nodes.bob_trusts.put("alice@127.0.0.1", nodes.alice.public_key());
  Side client(nodes.client());
  Side server(nodes.server());
  Wire wire{.client = client, .server = server};
  client.start(moment_at(client_time));
  server.start(moment_at(client_time));
  wire.run(moment_at(client_time));
  ASSERT_NE(client.authenticated(), nullptr);
  EXPECT_FALSE(client.authenticated()->is_new_key);
  ASSERT_NE(server.authenticated(), nullptr);
  EXPECT_FALSE(server.authenticated()->is_new_key);
}

TEST(Handshake, PinsNothingByItself) {
  Nodes nodes;
  Side client(nodes.client());
  Side server(nodes.server());
  Wire wire{.client = client, .server = server};
  client.start(moment_at(client_time));
  server.start(moment_at(client_time));
  wire.run(moment_at(client_time));
  ASSERT_NE(server.authenticated(), nullptr);
  EXPECT_TRUE(nodes.alice_trusts.entries().empty());
  EXPECT_TRUE(nodes.bob_trusts.entries().empty());
}

TEST(Handshake, NameBecomesAnAtomOnlyWhenProven) {
  Nodes nodes;
  Side server(nodes.server());
  const Moment now = moment_at(server_time);
  server.start(now);
  server.receive(testing::frame(Hello{"never_proven@127.0.0.1", nodes.alice.public_key()}), now);
  server.receive(hex(client_challenge), now);
  server.receive(testing::frame(Response{}), now);
  EXPECT_EQ(server.failure_reason(), FailureReason::signature_invalid);
  EXPECT_EQ(Atom::find("never_proven@127.0.0.1"), std::nullopt);
}

TEST(Handshake, IgnoresInputAfterTheEnd) {
  Nodes nodes;
  Side client(nodes.client());
  Side server(nodes.server());
  Wire wire{.client = client, .server = server};
  client.start(moment_at(client_time));
  server.start(moment_at(client_time));
  wire.run(moment_at(client_time));
  const std::size_t client_effects = client.effects.size();
  const std::size_t server_effects = server.effects.size();
  client.receive(Bytes(10'000, 0xff), moment_at(client_time));
  server.receive(Bytes(10'000, 0xff), moment_at(client_time));
  Effects out;
  client.handshake.peer_finished(out);
  client.handshake.expire(moment_at(client_time + 60'000), out);
  client.handshake.start(moment_at(client_time), out);
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(client.effects.size(), client_effects);
  EXPECT_EQ(server.effects.size(), server_effects);
}

}  // namespace
}  // namespace barrel::auth
