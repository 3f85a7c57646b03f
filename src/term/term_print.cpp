#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "barrel/term/term.hpp"
#include "term/characters.hpp"
#include "term/io_format.hpp"
#include "term/short_text.hpp"
#include "term/term_node.hpp"
#include "term/utf8.hpp"

namespace barrel {

using detail::Form;
using detail::TermAccess;

namespace {

constexpr std::array<std::string_view, 27> reserved_words = {
    "after", "and",  "andalso", "band", "begin",   "bnot", "bor", "bsl",  "bsr",
    "bxor",  "case", "catch",   "cond", "div",     "end",  "fun", "if",   "let",
    "not",   "of",   "orelse",  "or",   "receive", "rem",  "try", "when", "xor"};

/// One quoted character of `quote` kind of text, escaped as io_lib:write_string/2 does.
void append_escaped(std::string& out, char32_t c, char quote) {
  if (c == static_cast<char32_t>(quote) || c == '\\') {
    out.push_back('\\');
    out.push_back(static_cast<char>(c));
  } else if (const char letter = characters::escape_letter(c)) {
    out.push_back('\\');
    out.push_back(letter);
  } else if (c < 0x20 || (c > 0x7e && c < 0xa0)) {
    out.push_back('\\');
    for (const unsigned shift : {6U, 3U, 0U}) out.push_back(static_cast<char>('0' + ((c >> shift) & 7)));
  } else {
    utf8::append(out, c);
  }
}

bool bare_atom(std::string_view text) {
  if (std::ranges::find(reserved_words, text) != reserved_words.end()) return false;
  std::size_t position = 0;
  const auto first = utf8::next(text, position);
  if (!first || !characters::atom_start(*first)) return false;
  while (position < text.size()) {
    if (!characters::atom_part(*utf8::next(text, position))) return false;
  }
  return true;
}

void append_quoted(std::string& out, std::string_view text, char quote) {
  out.push_back(quote);
  for (std::size_t position = 0; position < text.size();)
    append_escaped(out, *utf8::next(text, position), quote);
  out.push_back(quote);
}

void append_atom(std::string& out, std::string_view text) {
  if (bare_atom(text)) out += text;
  else append_quoted(out, text, '\'');
}

/// A node inside a pid, reference or port. `open_ended` says that an unknown count of numbers follows, from
/// which a name that ends in a number could not be told.
void append_node(std::string& out, std::string_view node, bool open_ended) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-' || c == '@';
  };
  const std::string_view last_label = node.substr(node.find_last_of(".@") + 1);
  const bool ends_in_number = std::ranges::all_of(last_label, [](char c) { return c >= '0' && c <= '9'; });
  const bool begins_as_local = node.starts_with("0.");
  if (node.find('@') != std::string_view::npos && std::ranges::all_of(node, plain) && !begins_as_local &&
      !(open_ended && ends_in_number)) {
    out += node;
  } else {
    append_quoted(out, node, '\'');
  }
}

/// Digits and exponent of the shortest text that reads back as `value`, which is positive and finite.
struct Shortest {
  explicit Shortest(double value) {
    std::array<char, 32> buffer{};
    const char* end = std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::scientific).ptr;
    const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
    const std::size_t e = text.find('e');
    for (const char c : text.substr(0, e)) {
      if (c != '.') digits.push_back(c);
    }
    const std::size_t first = text[e + 1] == '+' ? e + 2 : e + 1;
    std::from_chars(buffer.data() + first, end, exponent);
  }
  std::string digits;
  int exponent = 0;
};

/// The shorter of 123.4 and 1.234e2, as float_to_list(F, [short]).
void append_real(std::string& out, double value) {
  if (std::signbit(value)) out.push_back('-');
  if (value == 0) {
    out += "0.0";
    return;
  }
  constexpr double whole_limit = 9007199254740992.0;  // 2^53: beyond it the last digits are not exact
  const auto [digits, exponent] = Shortest(std::fabs(value));
  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;
  const std::string exponent_text = std::to_string(exponent);
  const int exponent_cost = static_cast<int>(exponent_text.size()) + (count == 1 ? 3 : 2);
  const bool small = point < 0 && 2 - point > exponent_cost;
  const bool large = point >= count && point - count + 2 > exponent_cost;
  if (small || large || std::fabs(value) >= whole_limit) {
    out.push_back(digits[0]);
    out.push_back('.');
    out += count == 1 ? std::string_view("0") : std::string_view(digits).substr(1);
    out.push_back('e');
    out += exponent_text;
  } else if (point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-point), '0');
    out += digits;
  } else if (point >= count) {
    out += digits;
    out.append(static_cast<std::size_t>(point - count), '0');
    out += ".0";
  } else {
    out.append(digits, 0, static_cast<std::size_t>(point));
    out.push_back('.');
    out.append(digits, static_cast<std::size_t>(point));
  }
}

class Printer {
 public:
  Printer(std::string& out, std::string_view local, bool raw = false,
          std::size_t bytes_max = std::numeric_limits<std::size_t>::max())
      : out_(out), local_(local), bytes_max_(bytes_max), raw_(raw) {}

  void print(const Term& term);

 private:
  void print_fun(const Term& term);
  void print_pid(const Term& term);
  void print_reference(const Term& term);
  void print_port(const Term& term);
  void print_list(const Term& list);
  bool print_charlist(const Term& list);
  void print_map(const Term& map);
  void print_binary(const Term& binary);
  bool print_text(BytesView bytes);
  void print_all(std::span<const Term> terms);
  void print_node(const Term& node, bool open_ended);
  void number(std::uint64_t value) {
    std::array<char, 20> buffer{};
    out_.append(buffer.data(), std::to_chars(buffer.begin(), buffer.end(), value).ptr);
  }

  /// The rest would be cut off.
  [[nodiscard]] bool is_full() const noexcept { return out_.size() > bytes_max_; }
  /// As many bytes as are shown, and, of text, whole characters.
  [[nodiscard]] BytesView shown(BytesView bytes) const noexcept;

  std::string& out_;
  std::string_view local_;
  std::size_t bytes_max_;
  /// Lists and binaries as numbers, whatever they say.
  bool raw_;
};

void Printer::print(const Term& term) {
  switch (term.kind()) {
    case Term::Kind::integer:
      if (const auto value = term.as_int64()) out_ += std::to_string(*value);
      else out_ += TermAccess::node<detail::BigNode>(term).value.to_string();
      return;
    case Term::Kind::real: return append_real(out_, TermAccess::real(term));
    case Term::Kind::atom: return append_atom(out_, term.atom_text());
    case Term::Kind::reference: return print_reference(term);
    case Term::Kind::fun: return print_fun(term);
    case Term::Kind::port: return print_port(term);
    case Term::Kind::pid: return print_pid(term);
    case Term::Kind::tuple:
      out_.push_back('{');
      print_all(term.elements());
      out_.push_back('}');
      return;
    case Term::Kind::map: return print_map(term);
    case Term::Kind::nil: out_ += "[]"; return;
    case Term::Kind::list: return print_list(term);
    case Term::Kind::binary:
    case Term::Kind::bitstring: return print_binary(term);
  }
}

void Printer::print_all(std::span<const Term> terms) {
  for (std::size_t i = 0; i < terms.size() && !is_full(); ++i) {
    if (i != 0) out_.push_back(',');
    print(terms[i]);
  }
}

void Printer::print_node(const Term& node, bool open_ended) {
  if (node.atom_text() == local_) out_.push_back('0');
  else append_node(out_, node.atom_text(), open_ended);
}

void Printer::print_pid(const Term& term) {
  const auto& pid = TermAccess::node<detail::PidNode>(term);
  out_.push_back('<');
  print_node(pid.node, false);
  out_.push_back('.');
  number(pid.id);
  out_.push_back('.');
  number(pid.serial);
  out_.push_back('>');
}

void Printer::print_reference(const Term& term) {
  const auto& ref = TermAccess::node<detail::RefNode>(term);
  out_ += "#Ref<";
  print_node(ref.node, true);
  for (std::size_t i = ref.size; i-- > 0;) {
    out_.push_back('.');
    number(ref.words[i]);
  }
  out_.push_back('>');
}

void Printer::print_port(const Term& term) {
  const auto& port = TermAccess::node<detail::PortNode>(term);
  out_ += "#Port<";
  print_node(port.node, false);
  out_.push_back('.');
  number(port.id);
  out_.push_back('>');
}

void Printer::print_fun(const Term& term) {
  if (TermAccess::form(term) == Form::export_fun) {
    const auto& fun = TermAccess::node<detail::ExportNode>(term);
    out_ += "fun ";
    append_atom(out_, fun.module.atom_text());
    out_.push_back(':');
    append_atom(out_, fun.function.atom_text());
    out_.push_back('/');
    return number(fun.arity);
  }
  out_ += "#Fun<";
  const detail::FunParts& fun = TermAccess::node<detail::FunNode>(term).parts;
  append_atom(out_, fun.module.atom_text());
  out_.push_back('.');
  print(fun.old_index);
  out_.push_back('.');
  print(fun.old_uniq);
  out_.push_back('>');
}

bool Printer::print_charlist(const Term& list) {
  if (!is_printable_charlist(list)) return false;
  out_.push_back('"');
  for (const Term& element : list.elements()) {
    if (is_full()) break;
    append_escaped(out_, static_cast<char32_t>(*element.as_int64()), '"');
  }
  out_.push_back('"');
  return true;
}

void Printer::print_list(const Term& list) {
  if (!raw_ && print_charlist(list)) return;
  out_.push_back('[');
  print_all(list.elements());
  if (!list.tail().is_nil()) {
    out_.push_back('|');
    print(list.tail());
  }
  out_.push_back(']');
}

void Printer::print_map(const Term& map) {
  out_ += "#{";
  for (const Term::MapEntry& entry : map.entries()) {
    if (is_full()) break;
    if (&entry != map.entries().data()) out_.push_back(',');
    print(entry.key);
    out_ += " => ";
    print(entry.value);
  }
  out_.push_back('}');
}

/// As UTF-8 when the bytes are that, else as Latin-1; false when they are not printable as such.
bool Printer::print_text(BytesView bytes) {
  const std::string_view text = as_text(bytes);
  const auto characters_count = utf8::length(text);
  std::string quoted;
  for (std::size_t position = 0; position < text.size();) {
    const char32_t c = characters_count ? *utf8::next(text, position) : bytes[position++];
    if (!(characters_count ? characters::printable(c) : characters::printable_latin1(c))) return false;
    append_escaped(quoted, c, '"');
  }
  out_.push_back('"');
  out_ += quoted;
  out_.push_back('"');
  if (characters_count && *characters_count != text.size()) out_ += "/utf8";
  return true;
}

BytesView Printer::shown(BytesView bytes) const noexcept {
  if (bytes.size() <= bytes_max_) return bytes;
  std::size_t end = bytes_max_ + 1;  // one more, so that it is seen that something is missing
  for (int i = 0; i < 3 && end < bytes.size() && utf8::continues(bytes[end]); ++i) --end;
  return bytes.first(end);
}

void Printer::print_binary(const Term& binary) {
  const BytesView bytes = shown(binary.bytes());
  out_ += "<<";
  const bool whole = binary.is_binary();
  if (bytes.empty() || !whole || raw_ || !print_text(bytes)) {
    for (std::size_t i = 0; i < bytes.size() && !is_full(); ++i) {
      if (i != 0) out_.push_back(',');
      const unsigned bits = i + 1 == binary.bytes().size() ? binary.last_byte_bits() : 8;
      number(bytes[i] >> (8 - bits));
      if (bits == 8) continue;
      out_.push_back(':');
      number(bits);
    }
  }
  out_ += ">>";
}

}  // namespace

bool is_printable_charlist(const Term& list) {
  const auto printable = [](const Term& element) {
    const auto code = element.as_int64();
    return code && *code >= 0 && *code <= 0xff && characters::printable_latin1(static_cast<char32_t>(*code));
  };
  return list.is_proper_list() && std::ranges::all_of(list.elements(), printable);
}

std::string to_string(const Term& term, NodeName local) {
  std::string text;
  Printer(text, local.text()).print(term);
  return text;
}

std::string short_text(const Term& term, NodeName local) {
  std::string text;
  Printer(text, local.text(), false, short_text_bytes_max).print(term);
  if (text.size() <= short_text_bytes_max) return text;
  std::size_t end = short_text_bytes_max;
  while (end > 0 && utf8::continues(static_cast<std::uint8_t>(text[end]))) --end;
  text.resize(end);
  text += "...";
  return text;
}

std::string to_raw_string(const Term& term, NodeName local) {
  std::string text;
  Printer(text, local.text(), true).print(term);
  return text;
}

std::string to_string(const Pid& pid, NodeName local) {
  return to_string(Term(pid), local);
}
std::string to_string(const Ref& ref, NodeName local) {
  return to_string(Term(ref), local);
}

}  // namespace barrel
