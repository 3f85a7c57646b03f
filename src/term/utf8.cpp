#include "term/utf8.hpp"

namespace barrel::utf8 {

std::optional<char32_t> next(std::string_view text, std::size_t& position) noexcept {
  const auto byte_at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (position >= text.size()) return std::nullopt;
  const unsigned lead = byte_at(position);
  if (lead < 0x80) {
    ++position;
    return lead;
  }
  const std::size_t width = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() - position < width) return std::nullopt;
  char32_t code = lead & (0x7fU >> width);
  for (std::size_t i = 1; i < width; ++i) {
    const unsigned follow = byte_at(position + i);
    if ((follow & 0xc0) != 0x80) return std::nullopt;
    code = code << 6 | (follow & 0x3f);
  }
  const bool overlong = (width == 3 && code < 0x800) || (width == 4 && code < 0x10000);
  if (overlong || !is_scalar(code)) return std::nullopt;
  position += width;
  return code;
}

std::optional<std::size_t> length(std::string_view text) noexcept {
  std::size_t characters = 0;
  for (std::size_t position = 0; position < text.size(); ++characters) {
    if (static_cast<unsigned char>(text[position]) < 0x80) ++position;
    else if (!next(text, position)) return std::nullopt;
  }
  return characters;
}

void append(std::string& out, char32_t code) {
  const auto follow = [&](unsigned shift) {
    out.push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3f)));
  };
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0 | (code >> 6)));
    follow(0);
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | (code >> 12)));
    follow(6);
    follow(0);
  } else {
    out.push_back(static_cast<char>(0xf0 | (code >> 18)));
    follow(12);
    follow(6);
    follow(0);
  }
}

}  // namespace barrel::utf8
