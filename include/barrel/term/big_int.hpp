#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "barrel/base/bytes.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// An integer of any size: a sign and a magnitude. Only what carrying, comparing, printing and parsing need;
/// not arithmetic.
class BigInt {
 public:
  BigInt() = default;
  BigInt(std::int64_t value);  // NOLINT: implicit as for the built-in integers
  /// `magnitude` is little-endian; high zero bytes are dropped; zero is never negative.
  BigInt(bool negative, Bytes magnitude);
  [[nodiscard]] static BigInt from_uint64(std::uint64_t value);
  /// The integer nearest to a finite `value` towards zero.
  [[nodiscard]] static BigInt truncate(double value);

  [[nodiscard]] bool negative() const { return negative_; }
  /// Little-endian, without high zero bytes; empty for 0.
  [[nodiscard]] BytesView magnitude() const { return magnitude_; }
  [[nodiscard]] std::optional<std::int64_t> to_int64() const;
  [[nodiscard]] std::optional<std::uint64_t> to_uint64() const;
  /// Rounded to the nearest double; empty when it is too large for one.
  [[nodiscard]] std::optional<double> to_double() const;
  /// Decimal; in Erlang's hexadecimal notation (-16#ff) when the magnitude has more than decimal_bytes_max
  /// bytes, because the time that decimal takes grows with the square of the size.
  [[nodiscard]] std::string to_string() const;
  /// What to_string() writes, with an optional + too; empty on anything else and on a decimal of more than
  /// digits_max digits.
  [[nodiscard]] static std::optional<BigInt> parse(std::string_view text);

  /// About ten milliseconds of work.
  static constexpr std::size_t decimal_bytes_max = std::size_t{8} * 1024;
  /// As many digits as decimal_bytes_max bytes can give.
  static constexpr std::size_t digits_max = 19'729;

  friend bool operator==(const BigInt&, const BigInt&) = default;
  friend std::strong_ordering operator<=>(const BigInt& a, const BigInt& b) { return a.order(b); }

 private:
  // Behind the operator, as a friend that is only declared here would not be exported by the shared library.
  [[nodiscard]] std::strong_ordering order(const BigInt& other) const;

  bool negative_ = false;
  Bytes magnitude_;
};

}  // namespace barrel
#pragma GCC visibility pop
