#include "node/discovery_endpoint.hpp"

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>

#include "node/discovery.hpp"

namespace barrel::node {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Walks over the text; every function leaves it behind what it has read.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<NodeAddress> endpoint() {
    NodeAddress address;
    if (!punctuation('{') || !host(address.host) || !punctuation(',')) return std::nullopt;
    const auto port = integer(65'535);
    if (!port || *port == 0 || !punctuation('}') || !end_of_term()) return std::nullopt;
    address.port = static_cast<std::uint16_t>(*port);
    return address;
  }
  [[nodiscard]] std::size_t position() const { return at_; }

 private:
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[at_]; }

  void skip_blanks() {
    while (!at_end()) {
      if (is_blank(peek())) ++at_;
      else if (peek() == '%') at_ = std::min(text_.find('\n', at_), text_.size());
      else return;
    }
  }

  bool punctuation(char wanted) {
    skip_blanks();
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }

  bool literal(std::string_view wanted) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(wanted)) return false;
    at_ += wanted.size();
    return true;
  }

  /// A full stop, which must be followed by white space, a comment or the end, and then by nothing.
  bool end_of_term() {
    if (!punctuation('.')) return false;
    if (!at_end() && !is_blank(peek()) && peek() != '%') return false;
    skip_blanks();
    return at_end();
  }

  std::optional<unsigned> integer(unsigned most) {
    skip_blanks();
    if (!is_digit(peek())) return std::nullopt;
    unsigned value = 0;
    while (is_digit(peek())) {
      value = value * 10 + static_cast<unsigned>(peek() - '0');
      if (value > most) return std::nullopt;
      ++at_;
    }
    return value;
  }

  bool host(std::string& out) {
    skip_blanks();
    bool read = false;
    switch (peek()) {
      case '"':
      case '\'': read = quoted(peek(), out); break;
      case '<': read = literal("<<") && (skip_blanks(), quoted('"', out)) && literal(">>"); break;
      case '{': read = ipv4(out); break;
      default: return false;
    }
    return read && valid_host(out);
  }

  bool ipv4(std::string& out) {
    ++at_;
    for (int i = 0; i < 4; ++i) {
      if (i > 0 && !punctuation(',')) return false;
      const auto byte = integer(255);
      if (!byte) return false;
      out += fmt::format("{}{}", i > 0 ? "." : "", *byte);
    }
    return punctuation('}');
  }

  bool quoted(char quote, std::string& out) {
    if (peek() != quote) return false;
    ++at_;
    while (!at_end()) {
      const char c = text_[at_++];
      if (c == quote) return true;
      if (c != '\\') {
        out.push_back(c);
      } else if (const auto escaped = escape()) {
        out.push_back(*escaped);
      } else {
        return false;
      }
    }
    return false;
  }

  /// What follows a backslash: \x41, \x{41}, \101, \^A, the named ones, and any other character for itself.
  /// No host has a character above 127.
  std::optional<char> escape() {
    if (at_end()) return std::nullopt;
    const char c = text_[at_++];
    switch (c) {
      case 'x': return hexadecimal();
      case '^': return at_end() ? std::nullopt : std::optional(static_cast<char>(text_[at_++] & 0x1f));
      case 'b': return '\b';
      case 'd': return '\x7f';
      case 'e': return '\x1b';
      case 'f': return '\f';
      case 'n': return '\n';
      case 'r': return '\r';
      case 's': return ' ';
      case 't': return '\t';
      case 'v': return '\v';
      default: break;
    }
    if (c < '0' || c > '7') return c;
    int value = c - '0';
    for (int digits = 1; digits < 3 && peek() >= '0' && peek() <= '7'; ++digits)
      value = value * 8 + text_[at_++] - '0';
    return value < 0x80 ? std::optional(static_cast<char>(value)) : std::nullopt;
  }

  std::optional<char> hexadecimal() {
    const bool braced = peek() == '{';
    if (braced) ++at_;
    int value = 0;
    int digits = 0;
    for (; hex_value(peek()) >= 0 && (braced ? digits < 8 : digits < 2); ++digits) {
      value = value * 16 + hex_value(text_[at_++]);
      if (value >= 0x80) return std::nullopt;
    }
    if (digits == 0 || (!braced && digits != 2)) return std::nullopt;
    if (braced && !literal("}")) return std::nullopt;
    return static_cast<char>(value);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string format_endpoint(const NodeAddress& address) {
  return fmt::format("{{\"{}\",{}}}.\n", address.host, address.port);
}

Result<NodeAddress> parse_endpoint(BytesView text) {
  if (text.size() > endpoint_bytes_max) {
    return Error{Errc::malformed, Term(fmt::format("longer than {} bytes", endpoint_bytes_max))};
  }
  Parser parser(as_text(text));
  if (auto address = parser.endpoint()) return std::move(*address);
  return Error{Errc::malformed,
               Term(fmt::format("not {{\"host\",port}}. as expected, at byte {}", parser.position()))};
}

}  // namespace barrel::node
