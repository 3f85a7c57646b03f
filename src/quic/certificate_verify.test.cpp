// A client finds out whether the server holds the key of the certificate that it shows. GnuTLS refuses to
// load a pair that does not match; an attacker's does not, so this program stands before it.
#include <dlfcn.h>
#include <gnutls/gnutls.h>
#include <gtest/gtest.h>

#include "quic/test_support.hpp"

namespace {

bool accepts_any_pair = false;

}  // namespace

extern "C" int gnutls_certificate_set_x509_key_mem(gnutls_certificate_credentials_t credentials,
                                                   const gnutls_datum_t* certificate,
                                                   const gnutls_datum_t* key, gnutls_x509_crt_fmt_t type) {
  static const auto real = reinterpret_cast<decltype(&gnutls_certificate_set_x509_key_mem)>(
      ::dlsym(RTLD_NEXT, "gnutls_certificate_set_x509_key_mem"));
  if (accepts_any_pair) gnutls_certificate_set_flags(credentials, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
  return real(credentials, certificate, key, type);
}

namespace barrel::quic {
namespace {

TEST(CertificateVerify, AServerThatLacksTheKeyOfItsCertificateIsLeft) {
  EndpointConfig stolen = test::server_config();
  stolen.private_key_pem = test::make_certificate().key;
  accepts_any_pair = true;
  test::Pair pair(stolen);
  accepts_any_pair = false;
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
  EXPECT_THROW(test::Pair pair(torn), std::runtime_error);
}

}  // namespace
}  // namespace barrel::quic
