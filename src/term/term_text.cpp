#include "barrel/term/term_text.hpp"

#include <algorithm>
#include <limits>

#include "term/characters.hpp"
#include "term/term_node.hpp"
#include "term/text_scanner.hpp"
#include "term/utf8.hpp"

namespace barrel {
namespace {

constexpr std::uint64_t max32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t max64 = std::numeric_limits<std::uint64_t>::max();

class Parser {
 public:
  Parser(std::string_view text, const TextOptions& options) : scanner_(text), options_(options) {}

  Result<Term> parse() {
    auto parsed = term();
    if (!parsed) return scanner_.error();
    scanner_.accept(".");
    if (!scanner_.more()) return *std::move(parsed);
    scanner_.fail("expected the end");
    return scanner_.error();
  }

 private:
  /// A node with the numbers behind it.
  struct Identifier {
    Term node;
    std::uint32_t creation;
    std::vector<std::uint64_t> numbers;
  };

  std::optional<Term> term();
  std::optional<Term> hash();
  std::optional<Term> atom_or_fun();
  std::optional<Term> tuple();
  std::optional<Term> list();
  std::optional<Term> map();
  std::optional<Term> string();
  std::optional<Term> binary();
  bool segment(Bytes& bytes, unsigned& bits);
  std::optional<Term> pid();
  std::optional<Term> port();
  std::optional<Term> reference();
  std::optional<Identifier> identifier(std::size_t numbers_min, std::size_t numbers_max, std::uint64_t max);
  std::optional<Term> node_term(std::string_view name, bool quoted);
  bool terms(std::string_view end, std::vector<Term>& out);

  /// Runs a parser of something that nests.
  std::optional<Term> nested(std::optional<Term> (Parser::*parser)()) {
    if (depth_ >= options_.depth_max || depth_ + 1U >= Term::depth_max) return scanner_.exceed("depth_max");
    ++depth_;
    auto parsed = (this->*parser)();
    --depth_;
    return parsed;
  }

  detail::TextScanner scanner_;
  const TextOptions& options_;
  std::uint32_t depth_ = 0;
};

std::optional<Term> Parser::term() {
  if (!scanner_.more()) return scanner_.fail("expected a term");
  switch (const char c = scanner_.peek()) {
    case '{': return nested(&Parser::tuple);
    case '[': return nested(&Parser::list);
    case '"': return string();
    case '$': return scanner_.character();
    case '#': return hash();
    case '<': return scanner_.starts_with("<<") ? binary() : pid();
    default:
      if (c == '-' || c == '+' || characters::digit(static_cast<unsigned char>(c))) return scanner_.number();
      return atom_or_fun();
  }
}

std::optional<Term> Parser::hash() {
  if (scanner_.starts_with("#{")) return nested(&Parser::map);
  if (scanner_.starts_with("#Ref<")) return reference();
  if (scanner_.starts_with("#Port<")) return port();
  if (scanner_.starts_with("#Fun<")) return scanner_.fail("a closure cannot be read back");
  return scanner_.fail("expected a term");
}

std::optional<Term> Parser::atom_or_fun() {
  const bool quoted = scanner_.peek() == '\'';
  const auto name = scanner_.atom();
  if (!name) return std::nullopt;
  if (quoted || *name != "fun") return detail::atom_term(*name);
  const auto part = [&]() -> std::optional<Term> {
    if (!scanner_.more()) return scanner_.fail("expected an atom");
    const auto text = scanner_.atom();
    return text ? std::optional(detail::atom_term(*text)) : std::nullopt;
  };
  auto module = part();
  if (!module || !scanner_.expect(":")) return std::nullopt;
  auto function = part();
  if (!function || !scanner_.expect("/") || !scanner_.more()) return scanner_.fail("expected an arity");
  const auto arity = scanner_.whole_number(255);
  if (!arity) return std::nullopt;
  return detail::export_term(*std::move(module), *std::move(function), static_cast<std::uint8_t>(*arity));
}

/// Terms with commas between them up to `end`, which is consumed.
bool Parser::terms(std::string_view end, std::vector<Term>& out) {
  if (scanner_.accept(end)) return true;
  do {
    auto parsed = term();
    if (!parsed) return false;
    out.push_back(*std::move(parsed));
  } while (scanner_.accept(","));
  return scanner_.expect(end);
}

std::optional<Term> Parser::tuple() {
  scanner_.skip(1);
  std::vector<Term> elements;
  if (!terms("}", elements)) return std::nullopt;
  return Term::tuple(std::move(elements));
}

std::optional<Term> Parser::list() {
  scanner_.skip(1);
  if (scanner_.accept("]")) return Term();
  std::vector<Term> elements;
  do {
    auto parsed = term();
    if (!parsed) return std::nullopt;
    elements.push_back(*std::move(parsed));
  } while (scanner_.accept(","));
  std::optional<Term> tail = Term();
  if (scanner_.accept("|")) tail = term();
  if (!tail || !scanner_.expect("]")) return std::nullopt;
  return Term::list(std::move(elements), *std::move(tail));
}

std::optional<Term> Parser::map() {
  scanner_.skip(2);
  std::vector<Term::MapEntry> entries;
  if (scanner_.accept("}")) return Term::map({});
  do {
    auto key = term();
    if (!key || !scanner_.expect("=>")) return std::nullopt;
    auto value = term();
    if (!value) return std::nullopt;
    entries.push_back({*std::move(key), *std::move(value)});
  } while (scanner_.accept(","));
  if (!scanner_.expect("}")) return std::nullopt;
  return Term::map(std::move(entries));
}

std::optional<Term> Parser::string() {
  const auto text = scanner_.quoted('"');
  if (!text) return std::nullopt;
  std::vector<Term> elements(text->begin(), text->end());
  return Term::list(std::move(elements));
}

/// Appends the low bits of a number, high ones first. `bits` is how many of the last byte are in use, 8 for
/// all.
void append_bits(Bytes& bytes, unsigned& bits, std::uint64_t value, unsigned count) {
  while (count > 0) {
    if (bits == 8) {
      bytes.push_back(0);
      bits = 0;
    }
    const unsigned taken = std::min(8 - bits, count);
    const auto part = static_cast<unsigned>(value >> (count - taken)) & ((1U << taken) - 1);
    bytes.back() = static_cast<std::uint8_t>(bytes.back() | part << (8 - bits - taken));
    bits += taken;
    count -= taken;
  }
}

std::optional<Term> Parser::binary() {
  scanner_.skip(2);
  Bytes bytes;
  unsigned bits = 8;
  if (scanner_.accept(">>")) return Term::binary(bytes);
  do {
    if (!segment(bytes, bits)) return std::nullopt;
  } while (scanner_.accept(","));
  if (!scanner_.expect(">>")) return std::nullopt;
  return Term::bitstring(bytes, bits);
}

bool Parser::segment(Bytes& bytes, unsigned& bits) {
  if (!scanner_.more()) scanner_.fail("expected an integer or a string");
  if (scanner_.peek() == '"') {
    const auto text = scanner_.quoted('"');
    if (!text) return false;
    std::string encoded;
    const bool utf8 = scanner_.accept("/utf8");
    for (const char32_t c : *text) {
      if (utf8 ? !utf8::is_scalar(c) : c > 0xff) {
        scanner_.fail("a character that does not fit; is /utf8 meant?");
        return false;
      }
      if (utf8) utf8::append(encoded, c);
      else encoded.push_back(static_cast<char>(c));
    }
    for (const char c : encoded) append_bits(bytes, bits, static_cast<unsigned char>(c), 8);
    return true;
  }
  const auto number = scanner_.peek() == '$' ? scanner_.character() : scanner_.number();
  if (!number) return false;
  const auto value = number->as_int64();
  if (!value) {
    scanner_.fail("expected an integer of 64 bits");
    return false;
  }
  std::optional<std::uint64_t> size = 8;
  if (scanner_.accept(":")) size = scanner_.whole_number(64);
  if (!size) return false;
  append_bits(bytes, bits, static_cast<std::uint64_t>(*value), static_cast<unsigned>(*size));
  return true;
}

std::optional<Term> Parser::node_term(std::string_view name, bool quoted) {
  const auto plain = [](char c) {
    return c == '@' || c == '.' || c == '-' || c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
  };
  const bool known = quoted || (name.find('@') != std::string_view::npos && std::ranges::all_of(name, plain));
  if (!known || (!quoted && name.size() > Atom::characters_max))
    return scanner_.fail("expected 0 or a node's name");
  return detail::atom_term(name);
}

/// What stands between < and >: a node, then numbers, with full stops between them.
std::optional<Parser::Identifier> Parser::identifier(std::size_t numbers_min, std::size_t numbers_max,
                                                     std::uint64_t max) {
  std::optional<std::string> quoted_name;
  if (scanner_.peek() == '\'') {
    quoted_name = scanner_.atom();
    if (!quoted_name) return std::nullopt;
    if (scanner_.peek() != '.') return scanner_.fail("expected .");
    scanner_.skip(1);
  }
  const auto body = scanner_.until('>');
  if (!body) return std::nullopt;
  std::string_view rest = *body;
  const bool local = !quoted_name && rest.starts_with("0.");
  if (local) rest.remove_prefix(2);
  const bool numbers_only = local || quoted_name;
  Identifier found{Term(), local ? options_.creation : 0, {}};
  bool all_read = false;
  // From the end, because a node's name may have full stops too.
  while (!all_read && found.numbers.size() < numbers_max) {
    const std::size_t stop = rest.rfind('.');
    all_read = stop == std::string_view::npos;
    if (all_read && !numbers_only) break;
    const auto number = detail::parse_number(rest.substr(all_read ? 0 : stop + 1), max);
    if (!number) break;
    found.numbers.push_back(*number);
    rest = rest.substr(0, all_read ? 0 : stop);
  }
  if (found.numbers.size() < numbers_min || (numbers_only && !all_read)) {
    return scanner_.fail("expected numbers behind the node");
  }
  const std::string_view last_label = rest.substr(rest.find_last_of(".@") + 1);
  if (!numbers_only && numbers_max > numbers_min && detail::parse_number(last_label, max64)) {
    return scanner_.fail("a name that ends in a number needs quotes here");
  }
  auto node = local ? std::optional(Term(options_.local))
                    : node_term(quoted_name ? *quoted_name : rest, numbers_only);
  if (!node) return std::nullopt;
  found.node = *std::move(node);
  return found;
}

std::optional<Term> Parser::pid() {
  scanner_.skip(1);
  auto found = identifier(2, 2, max32);
  if (!found) return std::nullopt;
  return detail::pid_term(std::move(found->node), static_cast<std::uint32_t>(found->numbers[1]),
                          static_cast<std::uint32_t>(found->numbers[0]), found->creation);
}

std::optional<Term> Parser::port() {
  scanner_.skip(std::string_view("#Port<").size());
  auto found = identifier(1, 1, max64);
  if (!found) return std::nullopt;
  return detail::port_term(std::move(found->node), found->numbers[0], found->creation);
}

std::optional<Term> Parser::reference() {
  scanner_.skip(std::string_view("#Ref<").size());
  auto found = identifier(1, Ref::words_max, max32);
  if (!found) return std::nullopt;
  std::vector<std::uint32_t> words;
  for (const std::uint64_t number : found->numbers) words.push_back(static_cast<std::uint32_t>(number));
  return detail::ref_term(std::move(found->node), found->creation, words);
}

}  // namespace

Result<Term> parse_term(std::string_view text, const TextOptions& options) {
  if (text.size() > options.bytes_max) return Error{Errc::limit_exceeded, Atom("bytes_max")};
  return Parser(text, options).parse();
}

}  // namespace barrel
