#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "barrel/base/bytes.hpp"

namespace barrel {

/// An integer of any size: a sign and a magnitude. Only what carrying, comparing, printing and parsing need; not
/// arithmetic.
class BigInt {
 public:
  BigInt() = default;
  BigInt(std::int64_t value);  // NOLINT: implicit as for the built-in integers
  /// `magnitude` is little-endian; high zero bytes are dropped; zero is never negative.
  BigInt(bool negative, Bytes magnitude);

  [[nodiscard]] bool negative() const { return negative_; }
  /// Little-endian, without high zero bytes; empty for 0.
  [[nodiscard]] BytesView magnitude() const { return magnitude_; }
  [[nodiscard]] std::optional<std::int64_t> to_int64() const;
  [[nodiscard]] std::optional<std::uint64_t> to_uint64() const;
  /// Decimal.
  [[nodiscard]] std::string to_string() const;
  /// Decimal with an optional sign; empty on anything else.
  [[nodiscard]] static std::optional<BigInt> parse(std::string_view decimal);

  friend bool operator==(const BigInt&, const BigInt&) = default;
  friend std::strong_ordering operator<=>(const BigInt& a, const BigInt& b);

 private:
  bool negative_ = false;
  Bytes magnitude_;
};

}  // namespace barrel
