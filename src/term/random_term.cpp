#include "term/random_term.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "term/etf_reader.hpp"
#include "term/etf_tags.hpp"
#include "term/etf_writer.hpp"
#include "term/term_node.hpp"
#include "term/utf8.hpp"

namespace barrel {
namespace {

using Texts = std::array<std::string_view, 24>;
constexpr Texts atom_texts = {"ok",   "a",     "b",    "undefined", "true", "false", "'",     "",
                              "A",    "a b",   "a@b",  "if",        "é",    "λ",     "\x01",  "_x",
                              "a_1B", "\\n\n", "日本", "a.b",       "ÿ÷",   "αβγδ",  "a\x7f", "fun"};
constexpr std::array<std::string_view, 6> node_texts = {"n1@127.0.0.1", "nonode@nohost", "n2@host.example",
                                                        "a@b",          "not a node",    "0"};

/// Known and unknown atoms: those that nobody interned stay text.
Term random_atom(Random& random) {
  if (random.chance(700'000)) return detail::atom_term(atom_texts[random.below(atom_texts.size())]);
  std::string text = "r";
  for (std::uint64_t i = random.below(300'000) == 0 ? 254 : random.below(5); i > 0; --i) {
    text.push_back(static_cast<char>('a' + random.below(26)));
  }
  return detail::atom_term(text);
}

Term random_node(Random& random) {
  return detail::atom_term(node_texts[random.below(node_texts.size())]);
}

Term random_integer(Random& random) {
  const auto bits = static_cast<unsigned>(random.below(66));
  const std::int64_t offset = random.between(-2, 2);
  if (bits < 63) {
    const auto power = static_cast<std::int64_t>(std::uint64_t{1} << bits);
    return Term(random.chance(500'000) ? power + offset : -power + offset);
  }
  Bytes magnitude(random.chance(950'000) ? 8 + random.below(10) : 250 + random.below(12));
  if (random.chance(500'000)) random.fill(magnitude);
  magnitude.back() = 1;
  return Term(BigInt(random.chance(500'000), std::move(magnitude)));
}

double random_real(Random& random) {
  constexpr std::array<double, 16> special = {0.0,
                                              -0.0,
                                              1.0,
                                              -1.0,
                                              0.1,
                                              1.5,
                                              100.0,
                                              1e10,
                                              1e22,
                                              1e23,
                                              9007199254740992.0,
                                              9223372036854775808.0,
                                              std::numeric_limits<double>::max(),
                                              std::numeric_limits<double>::min(),
                                              std::numeric_limits<double>::denorm_min(),
                                              18446744073709551616.0};
  switch (random.below(4)) {
    case 0: return special[random.below(special.size())];
    case 1: return static_cast<double>(random.between(-1'000'000, 1'000'000)) / 1000;
    case 2:
      return std::ldexp(1.0, static_cast<int>(random.between(50, 70))) +
             static_cast<double>(random.between(-2, 2));
    default: break;
  }
  const auto any = std::bit_cast<double>(random.next());
  return std::isfinite(any) ? any : 2.5;
}

char32_t random_character(Random& random) {
  switch (random.below(6)) {
    case 0: return static_cast<char32_t>(random.below(160));
    case 1: return static_cast<char32_t>(random.below(0x800));
    case 2: return U"\n\t\"\\'é€𝄞\x7f\x9f"[random.below(10)];
    default: return static_cast<char32_t>(random.between(0x20, 0x7e));
  }
}

Term random_text(Random& random) {
  std::string text;
  for (std::uint64_t i = random.below(12); i > 0; --i) utf8::append(text, random_character(random));
  return random.chance(500'000) ? Term(text) : Term::charlist(text);
}

Term random_binary(Random& random) {
  Bytes bytes(random.chance(900'000) ? random.below(12) : 60 + random.below(300));
  random.fill(bytes);
  return random.chance(600'000) ? Term::binary(bytes)
                                : Term::bitstring(bytes, static_cast<unsigned>(1 + random.below(8)));
}

std::uint32_t random_word(Random& random) {
  return static_cast<std::uint32_t>(random.chance(500'000) ? random.below(3) : random.next());
}

Term random_identifier(Random& random, const RandomTermOptions& options) {
  // Erlang reserves the creations below 4.
  const std::uint32_t creation = options.creations ? static_cast<std::uint32_t>(4 + random.below(2)) : 0;
  switch (random.below(3)) {
    case 0: return detail::pid_term(random_node(random), random_word(random), random_word(random), creation);
    case 1: return detail::port_term(random_node(random), random.next() >> random.below(64), creation);
    default: break;
  }
  std::array<std::uint32_t, Ref::words_max> words{};
  for (std::uint32_t& word : words) word = random_word(random);
  const std::size_t count = random.chance(500'000) ? 3 : 5;
  // Erlang takes high words of 0 for absent.
  words[count - 1] |= 1;
  return detail::ref_term(random_node(random), creation, std::span(words).first(count));
}

/// The external form of a closure of a module that nobody has.
Term random_closure(Random& random) {
  Bytes body;
  ByteWriter out(body);
  const std::size_t free_variables = random.below(3);
  out.u8(static_cast<std::uint8_t>(random.below(4)));
  for (int i = 0; i < 2; ++i) out.u64(random.next());
  out.u32(static_cast<std::uint32_t>(random.below(100)));
  out.u32(static_cast<std::uint32_t>(free_variables));
  etf::write_atom(out, "some_module");
  etf::write_integer(out, static_cast<std::int64_t>(random.below(100)));
  etf::write_integer(out, static_cast<std::int64_t>(random.below(100'000'000)));
  etf::write_pid(out, "n1@127.0.0.1", 10, 0, 4);
  for (std::size_t i = 0; i < free_variables; ++i) etf::write_integer(out, random.between(0, 300));
  Bytes external;
  ByteWriter whole(external);
  whole.u8(etf::new_fun);
  whole.u32(static_cast<std::uint32_t>(body.size() + 4));
  whole.bytes(body);
  ByteReader in(external);
  return *decode_etf(in);
}

Term random_fun(Random& random, const RandomTermOptions& options) {
  if (options.closures && random.chance(500'000)) return random_closure(random);
  return detail::export_term(random_atom(random), random_atom(random),
                             static_cast<std::uint8_t>(random.below(256)));
}

Term random_leaf(Random& random, const RandomTermOptions& options) {
  switch (random.below(9)) {
    case 0:
    case 1: return random_number(random);
    case 2:
    case 3: return random_atom(random);
    case 4: return random_text(random);
    case 5: return random_binary(random);
    case 6: return random_fun(random, options);
    case 7: return random.chance(500'000) ? Term() : Term(random.between(0, 255));
    default: return random_identifier(random, options);
  }
}

Term random_at(Random& random, const RandomTermOptions& options, unsigned depth) {
  if (depth >= options.depth_max || random.chance(350'000)) return random_leaf(random, options);
  std::vector<Term> parts(random.below(options.width_max + 1));
  for (Term& part : parts) part = random_at(random, options, depth + 1);
  switch (random.below(4)) {
    case 0: return Term::tuple(std::move(parts));
    case 1: return Term::list(std::move(parts));
    case 2: {
      if (parts.empty()) return Term();
      Term tail = random_leaf(random, options);
      return Term::list(std::move(parts), std::move(tail));
    }
    default: break;
  }
  std::vector<Term::MapEntry> entries;
  // Before OTP 27 the two zeros are one key.
  for (const Term& part : parts) {
    if (part.kind() != Term::Kind::real) entries.push_back({part, random_at(random, options, depth + 1)});
  }
  return Term::map(std::move(entries));
}

}  // namespace

Term random_number(Random& random) {
  return random.chance(600'000) ? random_integer(random) : Term(random_real(random));
}

Term random_term(Random& random, const RandomTermOptions& options) {
  return random_at(random, options, 0);
}

}  // namespace barrel
