#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "barrel/base/bytes.hpp"
#include "barrel/term/result.hpp"

namespace barrel::dist {

/// What a Barrel node tells another one right after the distribution handshake of `barrel/1` (docs/wire.md):
/// one map, `#{version => 1, ...}`. Unknown keys and features are ignored, absent keys have the defaults
/// below.
struct Capabilities {
  /// Of this map and everything it promises. A peer of a later version still understands version 1.
  static constexpr std::uint32_t version_now = 1;
  /// Largest encoded map that is sent or read; also bounds what is buffered for it. 20 times the present one.
  static constexpr std::size_t bytes_max = 4096;
  /// Most features kept, and longest name of one: a guess, several times what exists.
  static constexpr std::size_t features_max = 64;
  static constexpr std::size_t feature_bytes_max = 64;

  std::uint32_t version = version_now;
  /// Name and version of the program, for people; printable ASCII only.
  std::string implementation;
  /// Largest distribution message the sender accepts.
  std::uint64_t frame_bytes_max = 64U << 20;
  /// Names of optional protocol parts that the sender understands, `merged_sync` for example. Sorted.
  std::vector<std::string> features;
  /// Features of the peer beyond the limits above, which were not read; never sent.
  std::size_t features_left_out = 0;

  [[nodiscard]] bool has(std::string_view feature) const;
  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

/// With the leading 131, without frame. Asserts that the limits above are kept.
[[nodiscard]] Bytes encode_capabilities(const Capabilities& capabilities);
/// Errc::malformed when it is no such map, Errc::limit_exceeded when it is too long.
[[nodiscard]] Result<Capabilities> decode_capabilities(BytesView etf);

}  // namespace barrel::dist
