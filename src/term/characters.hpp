#pragma once

namespace barrel::characters {

/// Control characters that Erlang prints as a letter behind a backslash inside strings.
[[nodiscard]] constexpr bool printable_control(char32_t c) {
  return (c >= 8 && c <= 13) || c == 27;
}

/// io_lib:printable_latin1_list/1.
[[nodiscard]] constexpr bool printable_latin1(char32_t c) {
  return (c >= 0x20 && c <= 0x7e) || (c >= 0xa0 && c <= 0xff) || printable_control(c);
}

/// io_lib:printable_unicode_list/1.
[[nodiscard]] constexpr bool printable(char32_t c) {
  return printable_latin1(c) || (c > 0xff && c < 0xd800) || (c > 0xdfff && c < 0xfffe) ||
         (c > 0xffff && c <= 0x10ffff);
}

[[nodiscard]] constexpr bool digit(char32_t c) {
  return c >= '0' && c <= '9';
}

/// Starts an atom that needs no quotes: Latin-1 lower case.
[[nodiscard]] constexpr bool atom_start(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 0xdf && c <= 0xff && c != 0xf7);
}

/// Continues an atom that needs no quotes.
[[nodiscard]] constexpr bool atom_part(char32_t c) {
  return atom_start(c) || (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) || digit(c) ||
         c == '_' || c == '@';
}

/// The letter that stands behind a backslash for a character, or 0.
[[nodiscard]] constexpr char escape_letter(char32_t c) {
  switch (c) {
    case 8: return 'b';
    case 9: return 't';
    case 10: return 'n';
    case 11: return 'v';
    case 12: return 'f';
    case 13: return 'r';
    case 27: return 'e';
    case 127: return 'd';
    default: return 0;
  }
}

}  // namespace barrel::characters
