#include "auth/trust.hpp"

#include <gtest/gtest.h>

#include "auth/test_pair.hpp"

namespace barrel::auth {
namespace {

PublicKey key_of(std::uint8_t byte) {
  PublicKey key;
  key.bytes.fill(byte);
  return key;
}

TEST(TrustStore, TofuAcceptsAnUnknownNodeAndThenOnlyItsKey) {
  TrustStore store(TrustMode::tofu);
  EXPECT_EQ(store.decide("bob@host", key_of(1)), TrustDecision::accept_new);
  EXPECT_EQ(store.decide("bob@host", key_of(2)), TrustDecision::accept_new) << "deciding must not pin";
  EXPECT_EQ(store.store_if_new("bob@host", key_of(1)), TrustDecision::accept_new);
  EXPECT_EQ(store.decide("bob@host", key_of(1)), TrustDecision::accept_known);
  EXPECT_EQ(store.decide("bob@host", key_of(2)), TrustDecision::key_mismatch);
  EXPECT_EQ(store.decide("eve@host", key_of(1)), TrustDecision::accept_new);
}

TEST(TrustStore, StrictAcceptsOnlyWhatAnOperatorHasPut) {
  TrustStore store(TrustMode::strict);
  EXPECT_EQ(store.decide("bob@host", key_of(1)), TrustDecision::untrusted_key);
  store.put("bob@host", key_of(1));
  EXPECT_EQ(store.decide("bob@host", key_of(1)), TrustDecision::accept_known);
  EXPECT_EQ(store.decide("bob@host", key_of(2)), TrustDecision::key_mismatch);
}

TEST(TrustStore, SecondOfTwoNewConnectionsDoesNotReplaceThePin) {
  TrustStore store;
  // Both were accepted as new before either was stored.
  ASSERT_EQ(store.decide("bob@host", key_of(1)), TrustDecision::accept_new);
  ASSERT_EQ(store.decide("bob@host", key_of(2)), TrustDecision::accept_new);
  EXPECT_EQ(store.store_if_new("bob@host", key_of(1)), TrustDecision::accept_new);
  EXPECT_EQ(store.store_if_new("bob@host", key_of(2)), TrustDecision::key_mismatch);
  EXPECT_EQ(store.store_if_new("bob@host", key_of(1)), TrustDecision::accept_known);
  EXPECT_EQ(store.find("bob@host"), key_of(1));
}

TEST(TrustStore, ErasedPinIsForgotten) {
  TrustStore store;
  store.put("bob@host", key_of(1));
  EXPECT_TRUE(store.erase("bob@host"));
  EXPECT_FALSE(store.erase("bob@host"));
  EXPECT_EQ(store.find("bob@host"), std::nullopt);
  EXPECT_EQ(store.decide("bob@host", key_of(2)), TrustDecision::accept_new);
}

TEST(TrustStore, PutReplaces) {
  TrustStore store;
  store.put("bob@host", key_of(1));
  store.put("bob@host", key_of(2));
  EXPECT_EQ(store.find("bob@host"), key_of(2));
  EXPECT_EQ(store.entries().size(), 1U);
}

}  // namespace
}  // namespace barrel::auth
