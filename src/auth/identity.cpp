#include "auth/identity.hpp"

#include <sodium.h>

#include <algorithm>

#include "barrel/base/assert.hpp"

namespace barrel::auth {

namespace {
// Picks libsodium's fast implementations and opens the random source; idempotent and thread-safe.
void ensure_sodium() {
  static const bool ready = sodium_init() >= 0;
  BARREL_ASSERT(ready);
}
}  // namespace

Identity Identity::generate() {
  ensure_sodium();
  Seed seed;
  randombytes_buf(seed.data(), seed.size());
  const Identity identity = from_seed(seed);
  sodium_memzero(seed.data(), seed.size());
  return identity;
}

Identity Identity::from_seed(const Seed& seed) {
  static_assert(crypto_sign_SECRETKEYBYTES == 64 && crypto_sign_SEEDBYTES == 32 && crypto_sign_BYTES == 64);
  ensure_sodium();
  Identity identity;
  PublicKey unused;
  (void)crypto_sign_seed_keypair(unused.bytes.data(), identity.secret_.data(), seed.data());
  return identity;
}

Identity::~Identity() {
  sodium_memzero(secret_.data(), secret_.size());
}

PublicKey Identity::public_key() const {
  PublicKey key;
  std::copy(secret_.begin() + 32, secret_.end(), key.bytes.begin());
  return key;
}

Seed Identity::seed() const {
  Seed seed;
  std::copy_n(secret_.begin(), seed.size(), seed.begin());
  return seed;
}

Signature Identity::sign(BytesView message) const {
  Signature signature;
  (void)crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), secret_.data());
  return signature;
}

bool verify(const PublicKey& key, BytesView message, const Signature& signature) {
  ensure_sodium();
  return crypto_sign_verify_detached(signature.data(), message.data(), message.size(), key.bytes.data()) == 0;
}

Nonce fresh_nonce() {
  ensure_sodium();
  Nonce nonce;
  randombytes_buf(nonce.data(), nonce.size());
  return nonce;
}

Result<ChannelBinding> channel_binding(BytesView leaf_certificate_der) {
  if (leaf_certificate_der.empty()) {
    return Error{Errc::not_trusted, Term("the TLS connection has no server certificate to bind to")};
  }
  ensure_sodium();
  ChannelBinding binding;
  (void)crypto_hash_sha256(binding.data(), leaf_certificate_der.data(), leaf_certificate_der.size());
  return binding;
}

}  // namespace barrel::auth
