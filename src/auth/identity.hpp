#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "barrel/auth/keys.hpp"
#include "barrel/base/bytes.hpp"
#include "barrel/term/result.hpp"

namespace barrel::auth {

/// The private key as it lies on disk (RFC 8032 calls it the seed).
using Seed = std::array<std::uint8_t, 32>;
/// A pure Ed25519 signature (no prehash, no context).
using Signature = std::array<std::uint8_t, 64>;
/// What a peer must sign to show that it holds its key now.
using Nonce = std::array<std::uint8_t, 32>;
/// SHA-256 over the DER of the TLS server's leaf certificate: ties the signatures to one TLS connection.
using ChannelBinding = std::array<std::uint8_t, 32>;

/// A node's Ed25519 key pair. A value; every copy is wiped when it goes. Reading is thread-safe.
class Identity {
 public:
  /// From the operating system's random source.
  [[nodiscard]] static Identity generate();
  [[nodiscard]] static Identity from_seed(const Seed& seed);

  Identity(const Identity&) = default;
  Identity& operator=(const Identity&) = default;
  ~Identity();

  [[nodiscard]] PublicKey public_key() const;
  /// The secret. For writing the key file; wipe the copy.
  [[nodiscard]] Seed seed() const;
  [[nodiscard]] Signature sign(BytesView message) const;

 private:
  Identity() = default;

  std::array<std::uint8_t, 64> secret_{};  // seed, then public key: libsodium's layout
};

/// False also for keys and signatures that are not canonical.
[[nodiscard]] bool verify(const PublicKey& key, BytesView message, const Signature& signature);

/// From the operating system's random source; simulations take theirs from a seeded Random instead.
[[nodiscard]] Nonce fresh_nonce();

/// The binding of a leaf certificate; Errc::not_trusted when there is none, as on a resumed session.
[[nodiscard]] Result<ChannelBinding> channel_binding(BytesView leaf_certificate_der);

}  // namespace barrel::auth
