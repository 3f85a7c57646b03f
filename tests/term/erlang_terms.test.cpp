#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "barrel/base/random.hpp"
#include "barrel/term/etf.hpp"
#include "support/child.hpp"
#include "support/temp_dir.hpp"
#include "term/random_term.hpp"

namespace barrel {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t term_count = 10'000;
constexpr std::uint8_t not_compared = 3;

bool in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    if (fs::exists(fs::path(rest.substr(0, colon)) / program)) return true;
    rest.erase(0, colon + 1);
  }
  return false;
}

/// Whether `term` or something inside it is as asked.
template <class Predicate>
bool any_inside(const Term& term, const Predicate& predicate) {
  if (predicate(term)) return true;
  for (const Term& element : term.elements()) {
    if (any_inside(element, predicate)) return true;
  }
  for (const Term::MapEntry& entry : term.entries()) {
    if (any_inside(entry.key, predicate) || any_inside(entry.value, predicate)) return true;
  }
  return term.is_list() && any_inside(term.tail(), predicate);
}

bool is_closure(const Term& term) {
  return term.kind() == Term::Kind::fun && !term.bytes().empty();
}

/// Printed here otherwise than by Erlang on purpose: other nodes by name, and binaries of all scripts as
/// text.
bool has_text_of_its_own(const Term& term) {
  switch (term.kind()) {
    case Term::Kind::pid:
    case Term::Kind::reference:
    case Term::Kind::port: return true;
    case Term::Kind::binary: {
      const std::string text = to_string(term);
      // Beyond Latin-1, whose UTF-8 starts with C2 or C3.
      return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) > 0xc3; });
    }
    case Term::Kind::fun: {
      const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '/' && c <= ':') || c == ' '; };
      return is_closure(term) || !std::ranges::all_of(to_string(term), plain);
    }
    default: return false;
  }
}

std::uint8_t order_of(const Term& term, const Term& before) {
  const auto order = compare(term, before);
  return order < 0 ? 0 : order > 0 ? 2 : 1;
}

std::vector<Term> random_terms(Random& random) {
  std::vector<Term> terms;
  while (terms.size() < term_count) {
    // Numbers side by side, because that is where order is hard.
    if (terms.size() % 3 == 0) terms.push_back(random_number(random));
    else terms.push_back(random_term(random, {.depth_max = static_cast<unsigned>(random.below(5))}));
  }
  return terms;
}

void write_records(const fs::path& path, const std::vector<Term>& terms) {
  Bytes records;
  ByteWriter out(records);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const Bytes bytes = encode_etf(terms[i]);
    out.u32(static_cast<std::uint32_t>(bytes.size()));
    out.bytes(bytes);
    out.u8(i == 0 ? not_compared : order_of(terms[i], terms[i - 1]));
    out.u8(any_inside(terms[i], has_text_of_its_own) ? 0 : 1);
    const std::string text = to_string(terms[i]);
    out.u32(static_cast<std::uint32_t>(text.size()));
    out.text(text);
  }
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(records.data()), static_cast<std::streamsize>(records.size()));
}

Bytes read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ErlangTerms, ErlangReadsPrintsOrdersAndSendsBackTheSame) {
  ASSERT_TRUE(in_path("erl")) << "this test needs Erlang: install erlang-base, or put erl into PATH";
  const test::TempDir directory;
  const fs::path input = directory.path() / "terms";
  const fs::path output = directory.path() / "terms_again";
  Random random(20'240'601);
  const std::vector<Term> terms = random_terms(random);
  write_records(input, terms);

  const std::string program =
      "{ok, M, Code} = compile:file(\"" BARREL_COMPARE_TERMS
      "\", [binary, report]), {module, M} = code:load_binary(M, \"\", Code), M:main(\"" +
      input.string() + "\", \"" + output.string() + "\"), halt().";
  test::Child erl({.argv = {"erl", "-noshell", "-eval", program}, .directory = directory.path()});
  const auto code = erl.wait_exit(std::chrono::seconds(90));
  ASSERT_EQ(code, 0) << erl.transcript();
  EXPECT_EQ(erl.transcript(), "done " + std::to_string(term_count) + "\n");

  const Bytes again = read_file(output);
  ByteReader in(again);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const auto term = decode_etf(in.take(in.u32()));
    ASSERT_TRUE(term) << i << ": " << to_string(terms[i]) << ": " << term.error().message();
    EXPECT_EQ(*term, terms[i]) << i << ": " << to_string(terms[i]) << " came back as " << to_string(*term);
  }
  EXPECT_TRUE(in.ok() && in.at_end());
}

}  // namespace
}  // namespace barrel
