#include "term/io_format.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

#include "barrel/term/big_int.hpp"
#include "term/cut_text.hpp"
#include "term/utf8.hpp"

namespace barrel {

namespace {

bool append_latin1(std::string& out, BytesView bytes) {
  for (const std::uint8_t byte : bytes) utf8::append(out, byte);
  return true;
}

bool append_chardata(std::string& out, const Term& data, TextEncoding encoding) {
  if (const auto text = data.as_text()) {
    if (encoding == TextEncoding::latin1) return append_latin1(out, data.bytes());
    if (!utf8::length(*text)) return false;
    out += *text;
    return true;
  }
  if (const auto code = data.as_int64()) {
    if (!utf8::is_scalar(*code)) return false;
    utf8::append(out, static_cast<char32_t>(*code));
    return true;
  }
  if (data.is_nil()) return true;
  if (!data.is_list()) return false;
  const auto append = [&](const Term& part) { return append_chardata(out, part, encoding); };
  // Of an improper list only a binary may be the tail.
  return std::ranges::all_of(data.elements(), append) && (data.tail().is_nil() || append(data.tail()));
}

/// One control sequence: ~F.P.PadModC.
struct Directive {
  std::optional<std::int64_t> width;  ///< Negative: to the left.
  std::optional<std::int64_t> precision;
  char32_t pad = ' ';
  bool translate = false;
  char control = 0;
};

/// The digits of a little-endian magnitude. The time that it takes grows with the square of the size.
std::string digits_of_magnitude(BytesView magnitude, std::uint32_t base) {
  std::vector<std::uint32_t> words((magnitude.size() + 3) / 4);
  for (std::size_t i = 0; i < magnitude.size(); ++i)
    words[i / 4] |= static_cast<std::uint32_t>(magnitude[i]) << (8 * (i % 4));
  // As many digits by one division as fit a word.
  std::uint32_t divisor = base;
  int count = 1;
  for (; std::uint64_t{divisor} * base <= UINT32_MAX; ++count) divisor *= base;
  std::string digits;
  while (!words.empty()) {
    std::uint64_t rest = 0;
    for (std::size_t i = words.size(); i-- > 0;) {
      rest = rest << 32 | words[i];
      words[i] = static_cast<std::uint32_t>(rest / divisor);
      rest %= divisor;
    }
    while (!words.empty() && words.back() == 0) words.pop_back();
    for (int i = 0; i < count && (rest != 0 || !words.empty()); ++i, rest /= base)
      digits += "0123456789abcdefghijklmnopqrstuvwxyz"[rest % base];
  }
  if (digits.empty()) return "0";
  std::ranges::reverse(digits);
  return digits;
}

class Formatter {
 public:
  Formatter(std::string_view format, const Term& arguments, NodeName local)
      : format_(format), arguments_(arguments.elements()), local_(local) {}

  bool run() {
    while (at_ < format_.size()) {
      const char c = format_[at_++];
      if (c != '~') {
        out_.push_back(c);
        continue;
      }
      Directive directive;
      if (!parse(directive) || !apply(directive) || out_.size() > formatted_bytes_max) return false;
    }
    return used_ == arguments_.size();
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  const Term* next() { return used_ < arguments_.size() ? &arguments_[used_++] : nullptr; }

  bool parse_number(std::optional<std::int64_t>& number) {
    if (at_ < format_.size() && format_[at_] == '*') {
      ++at_;
      const Term* argument = next();
      number = argument != nullptr ? argument->as_int64() : std::nullopt;
      if (!number) return false;
    } else {
      std::int64_t value = 0;
      const char* begin = format_.data() + at_;
      const auto [end, error] = std::from_chars(begin, format_.data() + format_.size(), value);
      if (error == std::errc::result_out_of_range) return false;
      if (error == std::errc()) number = value;
      at_ += static_cast<std::size_t>(end - begin);
    }
    const auto most = static_cast<std::int64_t>(format_field_max);
    return !number || (*number >= -most && *number <= most);
  }

  bool parse(Directive& directive) {
    if (!parse_number(directive.width)) return false;
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      if (!parse_number(directive.precision)) return false;
      if (directive.precision && *directive.precision < 0) return false;
      if (at_ < format_.size() && format_[at_] == '.') {
        ++at_;
        const auto pad = utf8::next(format_, at_);
        if (!pad) return false;
        directive.pad = *pad;
      }
    }
    for (; at_ < format_.size(); ++at_) {
      const char c = format_[at_];
      if (c != 't' && c != 'l' && c != 'k') break;
      directive.translate = directive.translate || c == 't';
    }
    if (at_ == format_.size()) return false;
    directive.control = format_[at_++];
    return true;
  }

  bool apply(const Directive& directive) {
    switch (directive.control) {
      case '~': return repeat("~", directive.width);
      case 'n': return repeat("\n", directive.width);
      default: break;
    }
    const Term* argument = next();
    if (argument == nullptr) return false;
    switch (directive.control) {
      case 'i': return true;
      case 'c': return character(directive, *argument);
      case 's': return text(directive, *argument);
      case 'w': return field(directive, to_raw_string(*argument, local_));
      case 'p': return field(directive, to_string(*argument, local_));
      case 'W': return cut(directive, *argument, true);
      case 'P': return cut(directive, *argument, false);
      case 'b':
      case 'B':
      case '#':
      case '+':
      case 'x':
      case 'X': return integer(directive, *argument);
      case 'e':
      case 'f':
      case 'g': return real(directive, *argument);
      default: return false;
    }
  }

  bool cut(const Directive& directive, const Term& argument, bool raw) {
    const Term* given = next();
    const auto depth = given != nullptr ? given->as_int64() : std::nullopt;
    return depth && field(directive, cut_text(argument, *depth, raw, local_));
  }

  bool repeat(std::string_view what, std::optional<std::int64_t> times) {
    for (std::int64_t i = 0; i < times.value_or(1); ++i) out_ += what;
    return true;
  }

  /// What does not fit its field is shown as stars, except text.
  bool field(const Directive& directive, const std::string& content, bool cut = false) {
    if (!directive.width) {
      out_ += content;
      return true;
    }
    const std::size_t width = static_cast<std::size_t>(std::abs(*directive.width));
    const std::size_t length = utf8::length(content).value_or(content.size());
    if (length > width) {
      out_ += cut ? first_characters(content, width) : std::string(width, '*');
      return true;
    }
    std::string padding;
    for (std::size_t i = length; i < width; ++i) utf8::append(padding, directive.pad);
    out_ += *directive.width < 0 ? content + padding : padding + content;
    return true;
  }
  static std::string first_characters(std::string_view text, std::size_t count) {
    std::size_t position = 0;
    for (; count > 0 && utf8::next(text, position); --count) {}
    return std::string(text.substr(0, position));
  }

  bool character(const Directive& directive, const Term& argument) {
    const auto code = argument.as_int64();
    if (!code || !utf8::is_scalar(*code)) return false;
    std::string one;
    utf8::append(one, static_cast<char32_t>(*code));
    std::string all;
    const auto times = directive.precision ? *directive.precision : std::abs(directive.width.value_or(1));
    for (std::int64_t i = 0; i < times; ++i) all += one;
    return field(directive, all);
  }

  bool text(const Directive& directive, const Term& argument) {
    std::optional<std::string> content;
    if (argument.is_atom()) content.emplace(argument.atom_text());
    else
      content = chardata_text(argument, directive.translate ? TextEncoding::unicode : TextEncoding::latin1);
    if (!content) return false;
    if (!directive.precision) return field(directive, *content, true);
    Directive inner = directive;
    inner.width = directive.precision;
    if (!directive.width) {
      inner.width = -*directive.precision;
      return field(inner, *content, true);
    }
    return field(directive, first_characters(*content, static_cast<std::size_t>(*directive.precision)), true);
  }

  bool integer(const Directive& directive, const Term& argument) {
    const auto value = argument.as_big_int();
    const auto base = directive.precision.value_or(10);
    if (!value || base < 2 || base > 36) return false;
    std::string prefix;
    if (directive.control == 'x' || directive.control == 'X') {
      const Term* given = next();
      if (given == nullptr) return false;
      const auto written = given->is_atom() ? std::optional(std::string(given->atom_text()))
                                            : chardata_text(*given, TextEncoding::unicode);
      if (!written) return false;
      prefix = *written;
    } else if (directive.control == '#' || directive.control == '+') {
      prefix = std::to_string(base) + "#";
    }
    auto digits = digits_of(*value, static_cast<int>(base));
    if (!digits) return false;
    const bool upper = directive.control == 'B' || directive.control == 'X' || directive.control == '#';
    if (upper) std::ranges::transform(*digits, digits->begin(), [](char c) { return upper_case(c); });
    return field(directive, (value->negative() ? "-" : "") + prefix + *digits);
  }
  static char upper_case(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
  static std::optional<std::string> digits_of(const BigInt& value, int base) {
    if (base == 10) {
      const std::string text = value.to_string();
      return value.negative() ? text.substr(1) : text;
    }
    if (value.magnitude().size() > BigInt::decimal_bytes_max) return std::nullopt;
    return digits_of_magnitude(value.magnitude(), static_cast<std::uint32_t>(base));
  }

  bool real(const Directive& directive, const Term& argument) {
    const auto value = argument.as_real();
    if (!value) return false;
    const double size = std::abs(*value);
    const bool plain = directive.control == 'f' || (directive.control == 'g' && size >= 0.1 && size < 1e4);
    const auto precision = static_cast<int>(directive.precision.value_or(6));
    if (precision < 1) return false;
    // ~f counts digits after the point, ~e and ~g significant ones.
    const int after = directive.control == 'f' ? precision
                      : plain                  ? digits_after(size, precision)
                                               : precision - 1;
    std::string buffer(static_cast<std::size_t>(precision) + 400, '\0');
    const int length = std::snprintf(buffer.data(), buffer.size(), plain ? "%.*f" : "%.*e", after, *value);
    buffer.resize(static_cast<std::size_t>(length));
    if (!plain) shorten_exponent(buffer);
    return field(directive, buffer);
  }
  static int digits_after(double size, int significant) {
    const int before = size < 1 ? 0 : static_cast<int>(std::floor(std::log10(size))) + 1;
    return std::max(significant - before, 1);
  }
  /// Erlang writes e+0 where C writes e+00.
  static void shorten_exponent(std::string& text) {
    const std::size_t digits = text.find('e') + 2;
    while (digits + 1 < text.size() && text[digits] == '0') text.erase(digits, 1);
  }

  std::string_view format_;
  std::span<const Term> arguments_;
  NodeName local_;
  std::string out_;
  std::size_t at_ = 0;
  std::size_t used_ = 0;
};

}  // namespace

std::optional<std::string> chardata_text(const Term& chardata, TextEncoding encoding) {
  std::string text;
  if (chardata.is_integer() || !append_chardata(text, chardata, encoding)) return std::nullopt;
  return text;
}

std::optional<std::string> io_format(const Term& format, const Term& arguments, NodeName local) {
  const auto text = format.is_atom() ? std::optional(std::string(format.atom_text()))
                                     : chardata_text(format, TextEncoding::unicode);
  if (!text || !arguments.is_proper_list()) return std::nullopt;
  Formatter formatter(*text, arguments, local);
  if (!formatter.run()) return std::nullopt;
  return formatter.take();
}

}  // namespace barrel
