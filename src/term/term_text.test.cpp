#include "barrel/term/term_text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "barrel/term/big_int.hpp"
#include "barrel/term/etf.hpp"
#include "term/random_term.hpp"
#include "term/short_text.hpp"

namespace barrel {
namespace {

std::string printed(const Term& term) {
  return to_string(term, "me@here");
}

Term read(std::string_view text) {
  const auto term = parse_term(text, {.local = "me@here"});
  EXPECT_TRUE(term) << text << ": " << term.error().message();
  return term.value_or(Atom("failed"));
}

TEST(TermText, PrintsNumbersAsErlang) {
  EXPECT_EQ(printed(0), "0");
  EXPECT_EQ(printed(-42), "-42");
  EXPECT_EQ(printed(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(printed(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(printed(1.0), "1.0");
  EXPECT_EQ(printed(-0.0), "-0.0");
  EXPECT_EQ(printed(0.1), "0.1");
  EXPECT_EQ(printed(100.0), "100.0");
  EXPECT_EQ(printed(1000.0), "1.0e3");
  EXPECT_EQ(printed(123456.0), "123456.0");
  EXPECT_EQ(printed(0.0001), "0.0001");
  EXPECT_EQ(printed(0.00001), "1.0e-5");
  EXPECT_EQ(printed(9007199254740991.0), "9007199254740991.0");
  EXPECT_EQ(printed(9007199254740992.0), "9.007199254740992e15");
  EXPECT_EQ(printed(1e23), "1.0e23");
  EXPECT_EQ(printed(5e-324), "5.0e-324");
  EXPECT_EQ(printed(-1.7976931348623157e308), "-1.7976931348623157e308");
}

TEST(TermText, QuotesAtomsThatNeedIt) {
  EXPECT_EQ(printed(Atom("ok")), "ok");
  EXPECT_EQ(printed(Atom("a_1@B")), "a_1@B");
  EXPECT_EQ(printed(Atom("éÀ")), "éÀ");
  EXPECT_EQ(printed(Atom("")), "''");
  EXPECT_EQ(printed(Atom("A")), "'A'");
  EXPECT_EQ(printed(Atom("_a")), "'_a'");
  EXPECT_EQ(printed(Atom("λ")), "'λ'");
  EXPECT_EQ(printed(Atom("a b")), "'a b'");
  EXPECT_EQ(printed(Atom("it's\\\n\x01\x7f")), "'it\\'s\\\\\\n\\001\\d'");
  EXPECT_EQ(printed(Atom("receive")), "'receive'");
  EXPECT_EQ(printed(Atom("n1@127.0.0.1")), "'n1@127.0.0.1'");
}

TEST(TermText, ShowsPrintableListsAndBinariesAsText) {
  EXPECT_EQ(printed(Term::charlist("abc")), "\"abc\"");
  EXPECT_EQ(printed(Term::charlist("a\"\\\n\x1b")), "\"a\\\"\\\\\\n\\e\"");
  EXPECT_EQ(printed(Term::charlist("é")), "\"é\"");
  EXPECT_EQ(printed(Term::list({955, 2000})), "[955,2000]");
  EXPECT_EQ(printed(Term::list({1, 97})), "[1,97]");
  EXPECT_EQ(printed(Term::list({97}, 98)), "[97|98]");
  EXPECT_EQ(printed(Term::list({127})), "[127]");
  EXPECT_EQ(printed("abc"), "<<\"abc\">>");
  EXPECT_EQ(printed("é"), "<<\"é\"/utf8>>");
  EXPECT_EQ(printed("λ"), "<<\"λ\"/utf8>>");
  EXPECT_EQ(printed("\xe9"), "<<\"é\">>");
  EXPECT_EQ(printed(""), "<<>>");
  EXPECT_EQ(printed(Term::binary(Bytes{1, 2})), "<<1,2>>");
  EXPECT_EQ(printed(Term::bitstring(Bytes{'a', 0xa0}, 3)), "<<97,5:3>>");
  EXPECT_EQ(printed(Term::bitstring(Bytes{0xa0}, 3)), "<<5:3>>");
}

TEST(TermText, PrintsWhatNests) {
  EXPECT_EQ(printed(Term::tuple({})), "{}");
  EXPECT_EQ(printed(Term()), "[]");
  EXPECT_EQ(printed(Term::map({})), "#{}");
  EXPECT_EQ(printed(Term::tuple_of(Atom("a"), Term::list({1, Atom("b")}, Atom("c")))), "{a,[1,b|c]}");
  EXPECT_EQ(printed(Term::map({{Atom("b"), 2}, {Atom("a"), Term::list({})}})), "#{a => [],b => 2}");
}

TEST(TermText, PrintsIdentifiersOfThisAndOtherNodes) {
  EXPECT_EQ(printed(Pid{Atom("me@here"), 12, 3, 1}), "<0.12.3>");
  EXPECT_EQ(printed(Pid{Atom("n1@127.0.0.1"), 12, 3, 1}), "<n1@127.0.0.1.12.3>");
  EXPECT_EQ(printed(Pid{Atom("odd node"), 12, 3, 1}), "<'odd node'.12.3>");
  EXPECT_EQ(printed(Pid{Atom("0.@h"), 12, 3, 1}), "<'0.@h'.12.3>") << "0. is the node of the reader";
  EXPECT_EQ(printed(Pid{Atom("0"), 12, 3, 1}), "<'0'.12.3>");
  EXPECT_EQ(printed(Ref{Atom("me@here"), 1, 3, {1, 2, 3}}), "#Ref<0.3.2.1>");
  EXPECT_EQ(printed(Ref{Atom("a@b.c"), 1, 2, {1, 2}}), "#Ref<a@b.c.2.1>");
  EXPECT_EQ(printed(Ref{Atom("a@127.0.0.1"), 1, 2, {1, 2}}), "#Ref<'a@127.0.0.1'.2.1>");
  EXPECT_EQ(printed(Port{Atom("a@127.0.0.1"), 1ULL << 40, 1}), "#Port<a@127.0.0.1.1099511627776>");
  EXPECT_EQ(printed(Term::export_fun("lists", "map", 2)), "fun lists:map/2");
  EXPECT_EQ(printed(Term::export_fun("erlang", "+", 2)), "fun erlang:'+'/2");
}

TEST(TermText, ReadsErlangsOtherNotations) {
  EXPECT_EQ(read(" { a , [ 1 , 2 | b ] } . "), Term::tuple_of(Atom("a"), Term::list({1, 2}, Atom("b"))));
  EXPECT_EQ(read("% comment\n{a,% more\nb}"), Term::tuple_of(Atom("a"), Atom("b")));
  EXPECT_EQ(read("[$a,$\\n,$ ,$é,$\\x{3bb}]"), Term::list({97, 10, 32, 233, 955}));
  EXPECT_EQ(read("[16#fF,2#101,1_000_000,-16#10,+5]"), Term::list({255, 5, 1'000'000, -16, 5}));
  EXPECT_EQ(read("[1.5e3,-2.0E-2,1.0]"), Term::list({1500.0, -0.02, 1.0}));
  EXPECT_EQ(read("\"a\\x41\\101\\s\\^a\\q\""), Term::list({97, 65, 65, 32, 1, 113}));
  EXPECT_EQ(read("<<1,\"ab\",256,-1,5:4,3:12>>"), Term::binary(Bytes{1, 97, 98, 0, 255, 0x50, 0x03}));
  EXPECT_EQ(read("<<\"λ\"/utf8,1:1>>"), Term::bitstring(Bytes{0xce, 0xbb, 0x80}, 1));
  EXPECT_EQ(read("#{a=>1,a=>2}"), Term::map({{Atom("a"), 2}}));
  EXPECT_EQ(read("''"), Term(Atom()));
  EXPECT_EQ(read("'fun'"), Term(Atom("fun")));
  EXPECT_EQ(read("\"\""), Term());
}

TEST(TermText, IdentifiersOfThisNodeGetItsCreation) {
  const auto pid = parse_term("<0.12.3>", {.local = "me@here", .creation = 77});
  ASSERT_TRUE(pid);
  EXPECT_EQ(pid->as_pid(), (Pid{Atom("me@here"), 12, 3, 77}));
  EXPECT_EQ(read("<n1@127.0.0.1.12.3>").as_pid(), (Pid{Atom("n1@127.0.0.1"), 12, 3, 0}));
}

TEST(TermText, AddsNoAtoms) {
  (void)printed(read("{ok,<0.1.2>}"));  // what the code itself interns on first use
  const auto before = Atom::table_size();
  const Term term = read("{text_test_unknown,<text_test@nowhere.1.2>}");
  EXPECT_EQ(Atom::table_size(), before);
  EXPECT_EQ(printed(term), "{text_test_unknown,<text_test@nowhere.1.2>}");
}

TEST(TermText, ErrorsNameThePlace) {
  const auto message = [](std::string_view text) {
    const auto term = parse_term(text);
    return term ? "read as " + to_string(*term) : term.error().message();
  };
  EXPECT_EQ(message(""), "malformed: line 1, column 1: expected a term");
  EXPECT_EQ(message("{a,\n  b"), "malformed: line 2, column 4: expected }");
  EXPECT_EQ(message("{é,?}"), "malformed: line 1, column 4: expected a term");
  EXPECT_EQ(message("a b"), "malformed: line 1, column 3: expected the end");
  EXPECT_EQ(message("[a|b,c]"), "malformed: line 1, column 5: expected ]");
  EXPECT_EQ(message("#{a}"), "malformed: line 1, column 4: expected =>");
  EXPECT_EQ(message("\"abc"), "malformed: line 1, column 5: the text ends here");
  EXPECT_EQ(message("<<\"λ\">>"),
            "malformed: line 1, column 6: a character that does not fit; is /utf8 meant?");
  EXPECT_EQ(message("<12.0>"), "malformed: line 1, column 7: expected numbers behind the node");
  EXPECT_EQ(message("<9208.12.0>"), "malformed: line 1, column 12: expected 0 or a node's name");
  EXPECT_EQ(message("#Ref<n1@127.0.0.1.3.2.1>"),
            "malformed: line 1, column 25: a name that ends in a number needs quotes here");
  EXPECT_EQ(message("#Fun<erl_eval.43.3316493>"),
            "malformed: line 1, column 1: a closure cannot be read back");
  EXPECT_EQ(message("1.0e999"), "malformed: line 1, column 8: a float out of range");
  EXPECT_EQ(message("'\\xff"), "malformed: line 1, column 6: the text ends here");
}

TEST(TermText, HasLimits) {
  const auto reason = [](const Result<Term>& term) { return term ? Term() : term.error().reason; };
  EXPECT_EQ(reason(parse_term(std::string(300, '[') + std::string(300, ']'))), Term(Atom("depth_max")));
  EXPECT_TRUE(parse_term(std::string(256, '[') + std::string(256, ']')));
  EXPECT_EQ(reason(parse_term("[1,2,3]", {.bytes_max = 6})), Term(Atom("bytes_max")));
  EXPECT_EQ(reason(parse_term(std::string(30'000, '1'))), Term(Atom("digits_max")));
  EXPECT_FALSE(parse_term(std::string(256, 'a')));
}

RC_GTEST_PROP(TermText, ReadsBackWhatIsPrinted, (std::uint64_t seed)) {
  Random random(seed);
  const Term term = random_term(random, {.closures = false, .creations = false});
  const auto back = parse_term(printed(term), {.local = "me@here"});
  if (!back) RC_FAIL(printed(term) + ": " + back.error().message());
  if (!(*back == term)) RC_FAIL(printed(term) + " came back as " + printed(*back));
}

RC_GTEST_PROP(TermText, DamagedTextIsRefusedOrReadButNothingElse, (std::uint64_t seed)) {
  Random random(seed);
  std::string text = printed(random_term(random));
  for (int i = 0; i < 3 && !text.empty(); ++i) {
    text[random.below(text.size())] = "\"'<>[]{}#$\\%.0a\xff"[random.below(17)];
    if (random.chance(300'000)) text.resize(random.below(text.size() + 1));
  }
  const auto term = parse_term(text);
  if (term) RC_ASSERT(parse_term(to_string(*term)) == *term);
}

TEST(ShortText, SaysWhatToStringSaysOfWhatIsShort) {
  const Term term = Term::tuple_of(Atom("exit"), Term("text"), Term::list({1, 2}), Term::map({{1, 2.5}}));
  EXPECT_EQ(short_text(term, "me@here"), printed(term));
}

TEST(ShortText, CutsWhatIsLongWhateverItIs) {
  const std::string long_text(100'000, 'x');
  const std::vector<Term> many(100'000, Term(Atom("element")));
  std::vector<Term::MapEntry> entries;
  for (int i = 0; i < 10'000; ++i) entries.push_back({i, i});
  for (const Term& term : {Term(long_text), Term(std::string(100'000, '\1')),
                           Term(std::string(100'000, '\x80')), Term::charlist(long_text), Term::list(many),
                           Term::tuple(many), Term::map(entries), Term::list(many, Term(Atom("tail")))}) {
    const std::string text = short_text(term);
    EXPECT_EQ(text.size(), short_text_bytes_max + 3);
    EXPECT_TRUE(text.ends_with("..."));
    EXPECT_TRUE(printed(term).starts_with(text.substr(0, short_text_bytes_max)));
  }
}

TEST(ShortText, CutsBetweenCharacters) {
  for (const std::string_view before : {"", "a", "ab"}) {
    std::string text(before);
    while (text.size() < 2 * short_text_bytes_max) text += "\u20ac";  // three bytes
    const std::string shortened = short_text(Term(text));
    EXPECT_TRUE(printed(Term(text)).starts_with(shortened.substr(0, shortened.size() - 3))) << before;
    EXPECT_GT(shortened.size(), short_text_bytes_max - 3);
  }
}

}  // namespace
}  // namespace barrel
