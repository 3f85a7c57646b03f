#include "barrel/base/bytes.hpp"

#include "barrel/base/assert.hpp"

namespace barrel {

std::string to_hex(BytesView bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    hex.push_back(digits[byte >> 4]);
    hex.push_back(digits[byte & 0xf]);
  }
  return hex;
}

namespace {
std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}
}  // namespace

std::optional<Bytes> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  Bytes bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const auto high = hex_digit(hex[i]);
    const auto low = hex_digit(hex[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(*high << 4 | *low));
  }
  return bytes;
}

BytesView ByteReader::take(std::size_t count) {
  if (!ok_ || count > remaining()) {
    fail();
    return {};
  }
  const BytesView taken = bytes_.subspan(position_, count);
  position_ += count;
  return taken;
}

void ByteReader::fail() {
  ok_ = false;
  position_ = bytes_.size();
}

void ByteReader::rewind(std::size_t position) {
  BARREL_ASSERT(position <= bytes_.size());
  if (ok_) position_ = position;
}

}  // namespace barrel
