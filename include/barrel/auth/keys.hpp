#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

#include "barrel/base/bytes.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// What to do with the key of a node that was never seen before.
enum class TrustMode : std::uint8_t {
  tofu,    ///< Trust on first use: accept it and pin it.
  strict,  ///< Refuse it: only keys that an operator has put into the trust directory are accepted.
};

/// A node's Ed25519 public key (RFC 8032), by which its peers recognise it.
struct PublicKey {
  static constexpr std::size_t size = 32;

  std::array<std::uint8_t, size> bytes{};

  friend bool operator==(const PublicKey&, const PublicKey&) = default;
  friend auto operator<=>(const PublicKey&, const PublicKey&) = default;
};

/// 64 lower-case hexadecimal digits.
[[nodiscard]] inline std::string to_string(const PublicKey& key) {
  return to_hex(key.bytes);
}

}  // namespace barrel
#pragma GCC visibility pop
