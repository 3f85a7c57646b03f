// A client finds out whether the server holds the key of the certificate that it shows.
#include <gtest/gtest.h>

#include "quic/test_any_key.hpp"
#include "quic/test_support.hpp"

namespace barrel::quic {
namespace {

TEST(CertificateVerify, AServerThatLacksTheKeyOfItsCertificateIsLeft) {
  EndpointConfig stolen = test::server_config();
  stolen.private_key_pem = test::make_certificate().key;
  const test::AnyKey any_key;
  test::Pair pair(stolen);
  pair.client.dial(pair.server, pair.owner);
  ASSERT_TRUE(pair.until([&] { return pair.owner.closed.has_value(); }));
  EXPECT_FALSE(pair.owner.connected);
  EXPECT_EQ(pair.owner.closed->kind, CloseKind::transport);
  EXPECT_EQ(pair.owner.closed->code, 0x100U + 51U)
      << "TLS alert decrypt_error (RFC 8446, 4.4.3; RFC 9001, 4.8)";
  EXPECT_FALSE(pair.owner.closed->by_peer);
}

TEST(CertificateVerify, APairThatDoesNotMatchIsNotLoaded) {
  EndpointConfig torn = test::server_config();
  torn.private_key_pem = test::make_certificate().key;
  EXPECT_THROW(const test::Pair pair(torn), std::runtime_error);
}

}  // namespace
}  // namespace barrel::quic
