#include "term/text_scanner.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "barrel/term/atom.hpp"
#include "term/characters.hpp"
#include "term/utf8.hpp"

namespace barrel::detail {
namespace {

std::optional<unsigned> digit_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > max)
    return std::nullopt;
  return value;
}

std::nullopt_t TextScanner::fail(const std::string& what) {
  if (error_) return std::nullopt;
  const std::string_view before = text_.substr(0, std::min(at_, text_.size()));
  const auto line = std::ranges::count(before, '\n') + 1;
  const std::string_view row = before.substr(before.rfind('\n') + 1);
  const auto column = std::ranges::count_if(row, [](char c) { return (c & 0xc0) != 0x80; }) + 1;
  error_ = Error{Errc::malformed,
                 "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + what};
  return std::nullopt;
}

std::nullopt_t TextScanner::exceed(const char* limit) {
  if (!error_) error_ = Error{Errc::limit_exceeded, Atom(limit)};
  return std::nullopt;
}

bool TextScanner::more() {
  while (at_ < text_.size()) {
    const char c = peek();
    if (c == '%') at_ = std::min(text_.find('\n', at_), text_.size());
    else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') ++at_;
    else return true;
  }
  return false;
}

bool TextScanner::accept(std::string_view word) {
  if (!more() || !starts_with(word)) return false;
  at_ += word.size();
  return true;
}

bool TextScanner::expect(std::string_view word) {
  if (accept(word)) return true;
  fail("expected " + std::string(word));
  return false;
}

std::optional<std::string_view> TextScanner::until(char end) {
  const std::size_t found = text_.find(end, at_);
  if (found == std::string_view::npos) return fail(std::string("expected ") + end);
  const std::string_view body = text_.substr(at_, found - at_);
  at_ = found + 1;
  return body;
}

std::optional<std::string> TextScanner::atom() {
  std::string name;
  if (peek() == '\'') {
    const auto characters_read = quoted('\'');
    if (!characters_read) return std::nullopt;
    if (characters_read->size() > Atom::characters_max) return fail("an atom of too many characters");
    for (const char32_t c : *characters_read) {
      if (!utf8::is_scalar(c)) return fail("a character that an atom cannot have");
      utf8::append(name, c);
    }
    return name;
  }
  std::size_t end = at_;
  std::size_t count = 0;
  for (auto c = utf8::next(text_, end); c; c = utf8::next(text_, end), ++count) {
    if (!(count == 0 ? characters::atom_start(*c) : characters::atom_part(*c))) break;
    utf8::append(name, *c);
    if (count >= Atom::characters_max) return fail("an atom of too many characters");
  }
  if (name.empty()) return fail("expected a term");
  at_ += name.size();
  return name;
}

std::optional<char32_t> TextScanner::next_character() {
  const auto c = utf8::next(text_, at_);
  if (!c) return fail(at_ < text_.size() ? "text that is not UTF-8" : "the text ends here");
  return *c == '\\' ? escape() : c;
}

std::optional<std::vector<char32_t>> TextScanner::quoted(char quote) {
  ++at_;
  std::vector<char32_t> read;
  while (peek() != quote) {
    const auto c = next_character();
    if (!c) return std::nullopt;
    read.push_back(*c);
  }
  ++at_;
  return read;
}

std::optional<char32_t> TextScanner::escape() {
  const char c = peek();
  const auto octal = [](char digit) { return digit >= '0' && digit <= '7'; };
  if (octal(c)) {
    char32_t value = 0;
    for (int i = 0; i < 3 && octal(peek()); ++i, ++at_)
      value = value * 8 + static_cast<char32_t>(peek() - '0');
    return value;
  }
  if (c == 'x') return hexadecimal_escape();
  const auto literal = utf8::next(text_, at_);
  if (!literal) return fail("the text ends here");
  switch (*literal) {
    case 'b': return 8;
    case 't': return 9;
    case 'n': return 10;
    case 'v': return 11;
    case 'f': return 12;
    case 'r': return 13;
    case 'e': return 27;
    case 's': return 32;
    case 'd': return 127;
    case '^': {
      const char control = peek();
      if (control == 0) return fail("the text ends here");
      ++at_;
      return static_cast<char32_t>(control & 31);
    }
    default: return literal;
  }
}

std::optional<char32_t> TextScanner::hexadecimal_escape() {
  ++at_;
  const bool braces = peek() == '{';
  if (braces) ++at_;
  char32_t value = 0;
  std::size_t count = 0;
  for (; braces ? peek() != '}' : count < 2; ++count, ++at_) {
    const auto digit = digit_value(peek());
    if (!digit || *digit > 15) return fail("expected a hexadecimal digit");
    value = value * 16 + *digit;
    if (value > 0x10ffff) return fail("a character beyond 10FFFF");
  }
  if (count == 0) return fail("expected a hexadecimal digit");
  if (braces) ++at_;
  return value;
}

std::optional<Term> TextScanner::character() {
  ++at_;
  const auto c = next_character();
  return c ? std::optional(Term(static_cast<std::uint32_t>(*c))) : std::nullopt;
}

std::string TextScanner::digits() {
  std::string read;
  while (characters::digit(static_cast<unsigned char>(peek())) ||
         (peek() == '_' && !read.empty() && characters::digit(static_cast<unsigned char>(peek(1))))) {
    if (peek() != '_') read.push_back(peek());
    ++at_;
  }
  return read;
}

std::optional<Term> TextScanner::number() {
  const std::size_t start = at_;
  const bool negative = peek() == '-';
  if (negative || peek() == '+') ++at_;
  const std::string whole = digits();
  if (whole.empty()) return fail("expected a number");
  if (peek() == '#') {
    at_ = start + (negative || text_[start] == '+' ? 1 : 0);
    return based_integer(negative);
  }
  if (peek() == '.' && characters::digit(static_cast<unsigned char>(peek(1)))) return real(start);
  const auto value = BigInt::parse((negative ? "-" : "") + whole);
  if (!value) return exceed("digits_max");
  return Term(*value);
}

std::optional<Term> TextScanner::real(std::size_t start) {
  ++at_;
  digits();
  const std::size_t sign = peek(1) == '-' || peek(1) == '+' ? 1 : 0;
  if ((peek() == 'e' || peek() == 'E') && characters::digit(static_cast<unsigned char>(peek(1 + sign)))) {
    at_ += 1 + sign;
    digits();
  }
  std::string literal(text_.substr(start, at_ - start));
  std::erase(literal, '_');
  if (literal.starts_with('+')) literal.erase(0, 1);
  double value = 0;
  const auto [end, error] = std::from_chars(literal.data(), literal.data() + literal.size(), value);
  // Too small a float is 0 or next to it; from_chars does not say which.
  if (error != std::errc{} || end != literal.data() + literal.size() || !std::isfinite(value)) {
    return fail("a float out of range");
  }
  return Term(value);
}

std::optional<Term> TextScanner::based_integer(bool negative) {
  const auto base = parse_number(digits(), 36);
  if (!base || *base < 2) return fail("expected a base from 2 to 36");
  ++at_;
  std::string read;
  for (auto digit = digit_value(peek()); digit && *digit < *base; digit = digit_value(peek())) {
    read.push_back(peek());
    ++at_;
  }
  if (read.empty()) return fail("expected a digit");
  if (*base == 16) return Term(*BigInt::parse((negative ? "-16#" : "16#") + read));
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(read.data(), read.data() + read.size(), value, static_cast<int>(*base));
  if (error != std::errc{}) return fail("an integer of more than 64 bits in this base");
  const BigInt magnitude = BigInt::from_uint64(value);
  return Term(BigInt(negative, Bytes(magnitude.magnitude().begin(), magnitude.magnitude().end())));
}

std::optional<std::uint64_t> TextScanner::whole_number(std::uint64_t max) {
  const auto value = parse_number(digits(), max);
  return value ? value : fail("expected a number up to " + std::to_string(max));
}

}  // namespace barrel::detail
