#include "tcp/tls.hpp"

#include <gtest/gtest.h>

#include "barrel/base/random.hpp"
#include "tcp/test_certificates.hpp"

namespace barrel::tcp {
namespace {

std::unique_ptr<TlsContext> context_of(const test::Authority& signer, const test::Authority& trusted,
                                       bool verify = true) {
  const test::Pem pem = signer.issue("localhost");
  auto made = TlsContext::make({.certificate = pem.certificate,
                                .private_key = pem.private_key,
                                .authorities = trusted.certificate(),
                                .verify = verify});
  if (!made) throw std::runtime_error(made.error().message());
  return *std::move(made);
}

/// Two sessions and the wire between them, which carries at most `piece` bytes at once.
struct Pair {
  Pair(const TlsContext& client_context, const TlsContext& server_context, std::size_t bytes = 1 << 20)
      : client(client_context, false, "localhost"), server(server_context, true), piece(bytes) {
    client.start();
    server.start();
    run();
  }
  void run() {
    while (carry(client, server, at_server) || carry(server, client, at_client)) {}
  }
  bool carry(TlsSession& from, TlsSession& to, Bytes& heard) const {
    const Bytes bytes = from.take_output();
    for (BytesView rest(bytes); !rest.empty();) {
      const BytesView part = rest.first(std::min(rest.size(), piece));
      rest = rest.subspan(part.size());
      to.receive(part);
      for (BytesView plain = to.read(); !plain.empty(); plain = to.read()) {
        heard.insert(heard.end(), plain.begin(), plain.end());
      }
    }
    return !bytes.empty();
  }

  TlsSession client;
  TlsSession server;
  std::size_t piece;
  Bytes at_server;
  Bytes at_client;
};

struct TlsTest : testing::Test {
  test::Authority one;
  test::Authority other;
};

TEST_F(TlsTest, BothSidesOfOneAuthorityTalkHoweverTheWireCutsIt) {
  const auto client = context_of(one, one);
  const auto server = context_of(one, one);
  for (const std::size_t piece : {1UL, 77UL, 1UL << 20}) {
    Pair pair(*client, *server, piece);
    ASSERT_TRUE(pair.client.established()) << pair.client.failure();
    ASSERT_TRUE(pair.server.established()) << pair.server.failure();
    Bytes sent(100'000);
    Random(piece).fill(sent);
    pair.client.write(sent);
    pair.run();
    EXPECT_EQ(pair.at_server, sent);
    pair.server.write(BytesView(sent).first(10));
    pair.server.finish();
    pair.run();
    EXPECT_EQ(pair.at_client.size(), 10U);
    EXPECT_TRUE(pair.client.ended());
    EXPECT_TRUE(pair.client.failure().empty());
  }
}

TEST_F(TlsTest, CertificatesOfAnotherAuthorityAreRefusedByWhoeverVerifies) {
  const auto good = context_of(one, one);
  const auto bad = context_of(other, one);
  const Pair bad_client(*bad, *good);
  EXPECT_FALSE(bad_client.server.established());
  EXPECT_FALSE(bad_client.server.failure().empty());
  const Pair bad_server(*good, *bad);
  EXPECT_FALSE(bad_server.client.established());
  EXPECT_NE(bad_server.client.failure().find("NOT trusted"), std::string::npos)
      << bad_server.client.failure();

  const auto lenient = context_of(one, one, false);
  const Pair pair(*bad, *lenient);
  EXPECT_TRUE(pair.server.established()) << pair.server.failure();
}

TEST_F(TlsTest, BytesThatAreNoTlsEndTheSession) {
  const auto server = context_of(one, one);
  TlsSession session(*server, true);
  session.start();
  session.receive(as_bytes("no TLS at all, but some text that is long enough for a record's header"));
  EXPECT_FALSE(session.failure().empty());
  EXPECT_FALSE(session.established());
  EXPECT_TRUE(session.read().empty());
  session.receive(as_bytes("more"));
}

TEST_F(TlsTest, PemsThatAreNoneAreErrors) {
  const test::Pem pem = one.issue("a");
  EXPECT_FALSE(TlsContext::make({.certificate = "x", .private_key = pem.private_key, .verify = false}));
  EXPECT_FALSE(TlsContext::make(
      {.certificate = pem.certificate, .private_key = one.issue("b").private_key, .verify = false}));
  EXPECT_FALSE(
      TlsContext::make({.certificate = pem.certificate, .private_key = pem.private_key, .authorities = "x"}));
}

}  // namespace
}  // namespace barrel::tcp
