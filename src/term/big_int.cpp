#include "barrel/term/big_int.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "barrel/base/assert.hpp"

namespace barrel {
namespace {

constexpr std::uint64_t chunk_base = 1'000'000'000;
constexpr std::size_t chunk_digits = 9;

Bytes little_endian(std::uint64_t value) {
  Bytes bytes;
  for (; value != 0; value >>= 8) bytes.push_back(static_cast<std::uint8_t>(value));
  return bytes;
}

std::optional<std::uint64_t> word_of(BytesView magnitude) {
  if (magnitude.size() > 8) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = magnitude.size(); i-- > 0;) value = value << 8 | magnitude[i];
  return value;
}

std::vector<std::uint32_t> words_of(BytesView magnitude) {
  std::vector<std::uint32_t> words((magnitude.size() + 3) / 4);
  for (std::size_t i = 0; i < magnitude.size(); ++i) {
    words[i / 4] |= static_cast<std::uint32_t>(magnitude[i]) << (8 * (i % 4));
  }
  return words;
}

Bytes bytes_of(const std::vector<std::uint32_t>& words) {
  Bytes bytes;
  bytes.reserve(words.size() * 4);
  for (const std::uint32_t word : words) {
    for (unsigned shift = 0; shift < 32; shift += 8)
      bytes.push_back(static_cast<std::uint8_t>(word >> shift));
  }
  return bytes;
}

std::string decimal(BytesView magnitude) {
  auto words = words_of(magnitude);
  std::string reversed;
  while (!words.empty()) {
    std::uint64_t remainder = 0;
    for (std::size_t i = words.size(); i-- > 0;) {
      const std::uint64_t value = remainder << 32 | words[i];
      words[i] = static_cast<std::uint32_t>(value / chunk_base);
      remainder = value % chunk_base;
    }
    while (!words.empty() && words.back() == 0) words.pop_back();
    for (std::size_t i = 0; i < chunk_digits && (!words.empty() || remainder != 0); ++i, remainder /= 10) {
      reversed.push_back(static_cast<char>('0' + remainder % 10));
    }
  }
  std::ranges::reverse(reversed);
  return reversed;
}

std::string hexadecimal(BytesView magnitude) {
  Bytes big_endian(magnitude.begin(), magnitude.end());
  std::ranges::reverse(big_endian);
  const std::string digits = to_hex(big_endian);
  return "16#" + digits.substr(digits.find_first_not_of('0'));
}

std::optional<Bytes> parse_decimal(std::string_view digits) {
  if (digits.empty() || digits.size() > BigInt::digits_max) return std::nullopt;
  std::vector<std::uint32_t> words;
  for (std::size_t at = 0; at < digits.size();) {
    std::uint64_t scale = 1;
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < chunk_digits && at < digits.size(); ++i, ++at, scale *= 10) {
      if (digits[at] < '0' || digits[at] > '9') return std::nullopt;
      carry = carry * 10 + static_cast<std::uint64_t>(digits[at] - '0');
    }
    for (std::uint32_t& word : words) {
      carry += word * scale;
      word = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) words.push_back(static_cast<std::uint32_t>(carry));
  }
  return bytes_of(words);
}

std::optional<Bytes> parse_hexadecimal(std::string_view digits) {
  if (digits.empty()) return std::nullopt;
  auto bytes = from_hex(digits.size() % 2 == 0 ? std::string(digits) : "0" + std::string(digits));
  if (bytes) std::ranges::reverse(*bytes);
  return bytes;
}

}  // namespace

BigInt::BigInt(std::int64_t value)
    : negative_(value < 0),
      magnitude_(little_endian(value < 0 ? 0 - static_cast<std::uint64_t>(value)
                                         : static_cast<std::uint64_t>(value))) {}

BigInt::BigInt(bool negative, Bytes magnitude) : negative_(negative), magnitude_(std::move(magnitude)) {
  while (!magnitude_.empty() && magnitude_.back() == 0) magnitude_.pop_back();
  if (magnitude_.empty()) negative_ = false;
}

BigInt BigInt::from_uint64(std::uint64_t value) {
  return {false, little_endian(value)};
}

BigInt BigInt::truncate(double value) {
  BARREL_ASSERT(std::isfinite(value));
  int exponent = 0;
  // |value| = fraction * 2^53 * 2^(exponent - 53), the first product being a whole number.
  const double fraction = std::frexp(std::fabs(value), &exponent);
  auto mantissa = static_cast<std::uint64_t>(std::ldexp(fraction, 53));
  exponent -= 53;
  if (exponent <= -64) return {};
  if (exponent < 0) return {value < 0, little_endian(mantissa >> -exponent)};
  const auto shift = static_cast<unsigned>(exponent);
  Bytes magnitude(shift / 8, 0);
  // 53 bits of mantissa leave room for a shift by 7.
  const Bytes top = little_endian(mantissa << (shift % 8));
  magnitude.insert(magnitude.end(), top.begin(), top.end());
  return {value < 0, std::move(magnitude)};
}

std::optional<std::uint64_t> BigInt::to_uint64() const {
  return negative_ ? std::nullopt : word_of(magnitude_);
}

std::optional<std::int64_t> BigInt::to_int64() const {
  constexpr std::uint64_t limit = std::uint64_t{1} << 63;
  const auto value = word_of(magnitude_);
  if (!value || *value > limit || (*value == limit && !negative_)) return std::nullopt;
  return static_cast<std::int64_t>(negative_ ? 0 - *value : *value);
}

std::optional<double> BigInt::to_double() const {
  constexpr std::size_t bytes_max = 128;  // 2^1024 is the first power of two that a double cannot hold
  if (magnitude_.size() > bytes_max) return std::nullopt;
  // The top 64 bits, with a sticky lowest bit for all below, round as the whole would.
  const std::size_t below = magnitude_.size() - std::min<std::size_t>(magnitude_.size(), 8);
  std::uint64_t top = 0;
  for (std::size_t i = magnitude_.size(); i-- > below;) top = top << 8 | magnitude_[i];
  if (std::any_of(magnitude_.begin(), magnitude_.begin() + static_cast<std::ptrdiff_t>(below),
                  [](std::uint8_t byte) { return byte != 0; })) {
    top |= 1;
  }
  const double value = std::ldexp(static_cast<double>(top), static_cast<int>(below * 8));
  if (!std::isfinite(value)) return std::nullopt;
  return negative_ ? -value : value;
}

std::string BigInt::to_string() const {
  if (magnitude_.empty()) return "0";
  const std::string sign = negative_ ? "-" : "";
  return sign + (magnitude_.size() > decimal_bytes_max ? hexadecimal(magnitude_) : decimal(magnitude_));
}

std::optional<BigInt> BigInt::parse(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  auto magnitude = text.starts_with("16#") ? parse_hexadecimal(text.substr(3)) : parse_decimal(text);
  return magnitude ? std::optional(BigInt(negative, std::move(*magnitude))) : std::nullopt;
}

std::strong_ordering BigInt::order(const BigInt& other) const {
  if (negative_ != other.negative_)
    return negative_ ? std::strong_ordering::less : std::strong_ordering::greater;
  const BigInt& low = negative_ ? other : *this;
  const BigInt& high = negative_ ? *this : other;
  if (low.magnitude_.size() != high.magnitude_.size())
    return low.magnitude_.size() <=> high.magnitude_.size();
  return std::lexicographical_compare_three_way(low.magnitude_.rbegin(), low.magnitude_.rend(),
                                                high.magnitude_.rbegin(), high.magnitude_.rend());
}

}  // namespace barrel
