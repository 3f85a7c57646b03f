#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace barrel::utf8 {

/// The code point at `text[position]`, moving `position` behind it. Empty, without moving, when the bytes
/// there are not valid UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF).
[[nodiscard]] std::optional<char32_t> next(std::string_view text, std::size_t& position) noexcept;

/// How many characters `text` has; empty when it is not valid UTF-8.
[[nodiscard]] std::optional<std::size_t> length(std::string_view text) noexcept;

/// A byte that is not the first of its character.
[[nodiscard]] constexpr bool continues(std::uint8_t byte) noexcept {
  return (byte & 0xc0U) == 0x80U;
}

/// A code point that UTF-8 can carry.
[[nodiscard]] constexpr bool is_scalar(std::int64_t code) noexcept {
  return (code >= 0 && code < 0xd800) || (code > 0xdfff && code <= 0x10ffff);
}

/// Appends the UTF-8 form of `code`, for which is_scalar() must hold.
void append(std::string& out, char32_t code);

}  // namespace barrel::utf8
