#include "term/io_format.hpp"

#include <gtest/gtest.h>

#include "barrel/term/term_text.hpp"

namespace barrel {
namespace {

/// The arguments in Erlang's notation.
std::string format(std::string_view text, std::string_view arguments) {
  const auto parsed = parse_term(arguments);
  EXPECT_TRUE(parsed) << arguments;
  return io_format(Term::charlist(text), *parsed).value_or("(no)");
}

// What io_lib:format/2 of OTP 25 gives.
TEST(IoFormat, GivesWhatErlangGives) {
  EXPECT_EQ(format("~p ~w~n", R"([{a,"bc",<<"d">>},"bc"])"), "{a,\"bc\",<<\"d\">>} [98,99]\n");
  EXPECT_EQ(format("~s|~ts", "[<<120,195,169>>,<<120,195,169>>]"), "x\u00c3\u00a9|x\u00e9");
  EXPECT_EQ(format("~10s|~-10s|~.3s|~10.3s|~-10.3.xs", R"(["abcdef","abcdef","abcdef","abcdef","abcdef"])"),
            "    abcdef|abcdef    |abc|       abc|abcxxxxxxx");
  EXPECT_EQ(format("~5w|~-5w|~2w", "[abc,abc,abc]"), "  abc|abc  |**");
  EXPECT_EQ(format("~5..0b|~16B|~.16B|~.16b|~#|~.16#|~.16+", "[42,42,255,255,5,255,255]"),
            "00042|              42|FF|ff|10#5|16#FF|16#ff");
  EXPECT_EQ(format("~x|~.16X", R"([5,"p-",255,"0x"])"), "p-5|0xFF");
  EXPECT_EQ(format("~f|~.2f|~10.3f|~e|~.3e|~g|~g|~g", "[1.5,2.0,3.14159,1.5,12345.678,1.5,123456.0,0.01]"),
            "1.500000|2.00|     3.142|1.50000e+0|1.23e+4|1.50000|1.23456e+5|1.00000e-2");
  EXPECT_EQ(format("~c~3c~5.2c", "[97,98,99]"), "abbb   cc");
  EXPECT_EQ(format("~~~3n|~i.", "[x]"), "~\n\n\n|.");
  EXPECT_EQ(format("~*w|~*.*.0f", "[5,a,8,2,1.5]"), "    a|00001.50");
  EXPECT_EQ(format("~W|~P", R"([[1,2],9,"ab",9])"), "[1,2]|\"ab\"");
  EXPECT_EQ(format("~P|~W", "[[1,2,3,4,5],4,{a,b,c},2]"), "[1,2,3|...]|{a,...}");
  EXPECT_EQ(format("~P|~P", "[#{a => 1,b => 2},2,<<\"a long text\">>,3]"),
            "#{a => 1,...}|<<\"a long t\"...>>");
  EXPECT_EQ(format("~b ~.16b", "[-5,-255]"), "-5 -ff");
  EXPECT_EQ(format("~.16b ~.2B ~.36B",
                   "[18446744073709551616,-36893488147419103233,340282366920938463463374607431768211455]"),
            "10000000000000000 -100000000000000000000000000000000000000000000000000000000000000001 "
            "F5LXX1ZZ5PNORYNQGLHZMSP33");
  EXPECT_EQ(format("~.7b ~.16b", "[1000000000000000000000000000000,0]"),
            "243230604464041356413054436032064451 0");
  EXPECT_EQ(format("~s ~3s ~.6s|~ts", R"([abc,"abcdef","abc",[[<<"a">>,[98,[99]]]]])"), "abc abc abc   |abc");
}

TEST(IoFormat, RefusesWhatErlangRefuses) {
  for (const auto& [text, arguments] : {std::pair("~p", "[]"),
                                        {"~p", "[1,2]"},
                                        {"~", "[]"},
                                        {"~f", "[3]"},
                                        {"~b", "[a]"},
                                        {"~s", "[17]"},
                                        {"~y", "[1]"},
                                        {"~.37b", "[1]"},
                                        {"~c", "[-1]"},
                                        {"~x", "[5,17]"},
                                        {"~P", "[[1,2],a]"},
                                        {"~p", "a"},
                                        {"~*p", "[a,1]"}}) {
    EXPECT_EQ(format(text, arguments), "(no)") << text << ' ' << arguments;
  }
  EXPECT_EQ(format("~100000000000000000000p", "[1]"), "(no)");
  std::string long_format;
  for (int i = 0; i < 7'000; ++i) long_format += "~9999n";
  EXPECT_EQ(format(long_format, "[]"), "(no)") << "more than formatted_bytes_max";
  EXPECT_EQ(format("~99999999c", "[97]"), "(no)") << "more than format_field_max";
}

TEST(IoFormat, CharactersComeAsListsAndBinariesNested) {
  const auto text = [](std::string_view term, TextEncoding encoding = TextEncoding::unicode) {
    return chardata_text(*parse_term(term), encoding).value_or("(no)");
  };
  EXPECT_EQ(text(R"([104,<<"al">>,["l",[111]]])"), "hallo");
  EXPECT_EQ(text("[955|<<33>>]"), "\u03bb!");
  EXPECT_EQ(text("[]"), "");
  EXPECT_EQ(text("<<233>>"), "(no)");
  EXPECT_EQ(text("<<233>>", TextEncoding::latin1), "\u00e9");
  EXPECT_EQ(text("[55296]"), "(no)");
  EXPECT_EQ(text("17"), "(no)");
  EXPECT_EQ(text("abc"), "(no)");
}

}  // namespace
}  // namespace barrel
