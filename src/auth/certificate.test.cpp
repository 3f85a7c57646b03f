#include "auth/certificate.hpp"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <memory>

namespace barrel::auth {
namespace {

using namespace std::chrono_literals;

const SystemTime now{std::chrono::seconds(1'700'000'000)};

using Certificate = std::unique_ptr<gnutls_x509_crt_int, decltype(&gnutls_x509_crt_deinit)>;

Certificate import_der(BytesView der) {
  gnutls_x509_crt_t raw = nullptr;
  gnutls_x509_crt_init(&raw);
  const gnutls_datum_t datum{const_cast<unsigned char*>(der.data()), static_cast<unsigned>(der.size())};
  EXPECT_EQ(gnutls_x509_crt_import(raw, &datum, GNUTLS_X509_FMT_DER), 0);
  return {raw, &gnutls_x509_crt_deinit};
}

bool contains(BytesView haystack, std::string_view hex) {
  return to_hex(haystack).find(hex) != std::string::npos;
}

TEST(Certificate, IsWhatTheOriginalMakes) {
  const auto pem = make_self_signed("bob@127.0.0.1", now);
  ASSERT_TRUE(pem);
  const auto der = check_pair(*pem);
  ASSERT_TRUE(der);
  const Certificate certificate = import_der(*der);
  gnutls_x509_crt_t crt = certificate.get();

  EXPECT_EQ(gnutls_x509_crt_get_version(crt), 3);
  EXPECT_EQ(gnutls_x509_crt_get_activation_time(crt), 1'700'000'000 - 300);
  EXPECT_EQ(gnutls_x509_crt_get_expiration_time(crt), 1'700'000'000 + 365 * 24 * 3600);
  EXPECT_EQ(gnutls_x509_crt_get_signature_algorithm(crt), GNUTLS_SIGN_ECDSA_SHA256);
  gnutls_ecc_curve_t curve{};
  EXPECT_EQ(gnutls_x509_crt_get_pk_ecc_raw(crt, &curve, nullptr, nullptr), 0);
  EXPECT_EQ(curve, GNUTLS_ECC_CURVE_SECP256R1);
  EXPECT_EQ(gnutls_x509_crt_check_issuer(crt, crt), 1U);
  unsigned output = 0;
  gnutls_x509_crt_t self[] = {crt};
  EXPECT_EQ(gnutls_x509_crt_verify(crt, self, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &output), 0);
  EXPECT_EQ(output, 0U) << "signed with its own key";

  // UTF8String CN and O, each twice (issuer and subject).
  EXPECT_TRUE(contains(*der, "06035504030c0d626f62403132372e302e302e31"));
  EXPECT_TRUE(contains(*der, "060355040a0c0a42617272656c20503250"));

  unsigned critical = 0;
  unsigned is_ca = 1;
  EXPECT_EQ(gnutls_x509_crt_get_basic_constraints(crt, &critical, &is_ca, nullptr), 0);
  EXPECT_EQ(critical, 1U);
  EXPECT_EQ(is_ca, 0U);
  unsigned usage = 0;
  EXPECT_EQ(gnutls_x509_crt_get_key_usage(crt, &usage, &critical), 0);
  EXPECT_EQ(usage, unsigned{GNUTLS_KEY_DIGITAL_SIGNATURE});
  EXPECT_EQ(critical, 1U);
  // serverAuth, clientAuth, and no subjectAltName.
  EXPECT_TRUE(contains(*der, "06082b06010505070301"));
  EXPECT_TRUE(contains(*der, "06082b06010505070302"));
  EXPECT_FALSE(contains(*der, "0603551d11"));
}

TEST(Certificate, SerialIsPositiveWith127BitsAndFresh) {
  const auto first = check_pair(*make_self_signed("a@b", now));
  const auto second = check_pair(*make_self_signed("a@b", now));
  std::array<unsigned char, 32> serials[2];
  std::size_t sizes[2] = {32, 32};
  gnutls_x509_crt_get_serial(import_der(*first).get(), serials[0].data(), &sizes[0]);
  gnutls_x509_crt_get_serial(import_der(*second).get(), serials[1].data(), &sizes[1]);
  EXPECT_EQ(sizes[0], 16U);
  EXPECT_EQ(sizes[1], 16U);
  EXPECT_LT(serials[0][0], 0x80);
  EXPECT_NE(serials[0], serials[1]);
}

TEST(Certificate, KeyIsAnEcPrivateKey) {
  const auto pem = make_self_signed("a@b", now);
  EXPECT_TRUE(pem->private_key.find("-----BEGIN EC PRIVATE KEY-----") != std::string::npos);
  EXPECT_TRUE(pem->certificate.starts_with("-----BEGIN CERTIFICATE-----"));
}

TEST(Certificate, NameLongerThanX509AllowsIsCut) {
  const auto pem = make_self_signed(std::string(200, 'a') + "@b", now);
  ASSERT_TRUE(pem);
  EXPECT_TRUE(check_pair(*pem));
}

TEST(Certificate, PairMustBelongTogether) {
  const auto one = make_self_signed("a@b", now);
  const auto other = make_self_signed("a@b", now);
  const auto checked = check_pair({one->certificate, other->private_key});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().reason, Term("the private key does not belong to the certificate"));
}

TEST(Certificate, ExactlyOneCertificateAndOneKey) {
  const auto one = make_self_signed("a@b", now);
  EXPECT_TRUE(certificate_der(one->certificate));
  EXPECT_EQ(certificate_der(one->certificate + one->certificate).error().reason,
            Term("must hold exactly one PEM certificate, has 2"));
  EXPECT_EQ(certificate_der("").error().reason, Term("must hold exactly one PEM certificate, has 0"));
  EXPECT_EQ(check_pair({one->certificate, one->private_key + one->private_key}).error().reason,
            Term("must hold exactly one PEM private key, has 2"));
  EXPECT_EQ(check_pair({one->certificate, ""}).error().reason,
            Term("must hold exactly one PEM private key, has 0"));
}

TEST(Certificate, GarbageBetweenTheMarkersIsAnError) {
  const std::string garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  EXPECT_EQ(certificate_der(garbage).error().code, Errc::malformed);
  const auto one = make_self_signed("a@b", now);
  const std::string key = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
  EXPECT_EQ(check_pair({one->certificate, key}).error().code, Errc::malformed);
  const std::string sealed =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
  EXPECT_EQ(check_pair({one->certificate, sealed}).error().reason,
            Term("the private key is encrypted; store it without a passphrase, mode 0600"));
}

}  // namespace
}  // namespace barrel::auth
