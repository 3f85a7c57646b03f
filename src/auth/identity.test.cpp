#include "auth/identity.hpp"

#include <gtest/gtest.h>

#include "auth/test_pair.hpp"

namespace barrel::auth {
namespace {

using testing::hex;
using testing::seed_from;

template <std::size_t N>
std::array<std::uint8_t, N> array_of(const Bytes& bytes) {
  std::array<std::uint8_t, N> array{};
  std::copy_n(bytes.begin(), N, array.begin());
  return array;
}

// RFC 8032, section 7.1, test 2.
TEST(Identity, SignsAsTheRfcSays) {
  const auto identity = Identity::from_seed(
      array_of<32>(hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")));
  EXPECT_EQ(to_string(identity.public_key()),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const Bytes message{0x72};
  const Signature signature = identity.sign(message);
  EXPECT_EQ(to_hex(signature),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  EXPECT_TRUE(verify(identity.public_key(), message, signature));
  EXPECT_FALSE(verify(identity.public_key(), Bytes{0x73}, signature));
}

TEST(Identity, SeedMakesTheKeysOfTheVector) {
  EXPECT_EQ(to_string(Identity::from_seed(seed_from(0x00)).public_key()),
            "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8");
  EXPECT_EQ(to_string(Identity::from_seed(seed_from(0x20)).public_key()),
            "29acbae141bccaf0b22e1a94d34d0bc7361e526d0bfe12c89794bc9322966dd7");
  EXPECT_EQ(Identity::from_seed(seed_from(0x20)).seed(), seed_from(0x20));
}

TEST(Identity, GeneratedOnesDiffer) {
  EXPECT_NE(Identity::generate().public_key(), Identity::generate().public_key());
  EXPECT_NE(fresh_nonce(), fresh_nonce());
}

// With such a key any message has a signature that verifies.
TEST(Identity, KeyOfSmallOrderVerifiesNothing) {
  const PublicKey neutral{
      array_of<32>(hex("0100000000000000000000000000000000000000000000000000000000000000"))};
  Signature signature{};
  signature[0] = 1;
  EXPECT_FALSE(verify(neutral, Bytes{1, 2, 3}, signature));
}

TEST(ChannelBinding, IsTheDigestOfTheLeafCertificate) {
  EXPECT_EQ(to_hex(*channel_binding(as_bytes("spec-fake-cert-der"))),
            "3ceaef3c498442f75758b233b59108aa9788636334376e23295cb6bf43c0187b");
}

TEST(ChannelBinding, FailsWithoutACertificate) {
  const auto binding = channel_binding({});
  ASSERT_FALSE(binding);
  EXPECT_EQ(binding.error().code, Errc::not_trusted);
}

}  // namespace
}  // namespace barrel::auth
