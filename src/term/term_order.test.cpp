#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

#include "barrel/term/big_int.hpp"
#include "barrel/term/etf.hpp"
#include "barrel/term/term_text.hpp"
#include "term/random_term.hpp"
#include "term/test_closures.hpp"

namespace barrel {
namespace {

Term read(std::string_view text) {
  const auto term = parse_term(text);
  EXPECT_TRUE(term) << text << ": " << term.error().message();
  return term.value_or(Term());
}

int sign(std::weak_ordering order) {
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}
int sign(std::strong_ordering order) {
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

TEST(TermOrder, KindsStandInErlangsOrder) {
  const std::vector<Term> ordered = {
      read("7"),         read("a"),  read("#Ref<n@h.1>"), read("fun a:b/1"), read("#Port<n@h.1>"),
      read("<n@h.1.1>"), read("{}"), read("#{}"),         read("[]"),        read("[1]"),
      read("<<>>")};
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t j = 0; j < ordered.size(); ++j) {
      EXPECT_EQ(sign(compare(ordered[i], ordered[j])), sign(i <=> j))
          << to_string(ordered[i]) << to_string(ordered[j]);
    }
  }
}

TEST(TermOrder, RowsThatErlangCallsAscending) {
  // Each row as `erl` sorts it.
  for (const char* row :
       {"[-1.5,-1,0,0.5,1,2]", "[9007199254740991,9007199254740992.0,9007199254740993,9007199254740994.0]",
        "[9223372036854775807,9223372036854775808.0,9223372036854775809]",
        "[-9223372036854775809,-9223372036854775808.0,-9223372036854775807]",
        "[-100000000000000000000000,-1.0e20,1.0e20,100000000000000000001,1.0e300]", "['',a,aa,b,'é','日本']",
        "[{z},{a,a},{a,b},{b,a}]", "[[a|b],[a],[a,b],[b]]", "[[a|1],[a],[a,1],[a|<<>>]]",
        "[#{z=>1},#{a=>1,b=>2},#{a=>1,b=>3},#{a=>0,c=>0}]", "[#{2=>1},#{1.0=>1}]",
        "[<<>>,<<0>>,<<1:2>>,<<1:1>>,<<128>>,<<128,0>>,<<255>>]", "[<b@h.1.0>,<a@h.2.0>,<a@h.1.1>]",
        "[#Port<a@h.2>,#Port<b@h.1>]", "[#Ref<a@h.9>,#Ref<b@h.1>,#Ref<b@h.1.0>,#Ref<b@h.1.1>]",
        "[fun a:z/0,fun b:a/0,fun b:a/1,fun b:b/0]"}) {
    const Term terms = read(row);
    for (std::size_t i = 0; i + 1 < terms.elements().size(); ++i) {
      EXPECT_EQ(sign(compare(terms.elements()[i], terms.elements()[i + 1])), -1) << row << " at " << i;
      EXPECT_LT(terms.elements()[i], terms.elements()[i + 1]) << row << " at " << i;
    }
  }
}

TEST(TermOrder, AnIntegerEqualsItsFloatAndComesFirstInTheTotalOrder) {
  EXPECT_EQ(sign(compare(1, 1.0)), 0);
  EXPECT_LT(Term(1), Term(1.0));
  EXPECT_NE(Term(1), Term(1.0));
  EXPECT_EQ(sign(compare(0.0, -0.0)), 0);
  EXPECT_LT(Term(-0.0), Term(0.0));
  EXPECT_NE(Term(-0.0), Term(0.0));
  EXPECT_EQ(sign(compare(read("18446744073709551616"), 18446744073709551616.0)), 0);
  EXPECT_EQ(sign(compare(read("{1,b}"), read("{1.0,b}"))), 0);
  // The tie does not decide before a real difference.
  EXPECT_GT(read("{1,b}"), read("{1.0,a}"));
}

TEST(TermOrder, KeysOfAMapPutIntegersBeforeFloats) {
  EXPECT_EQ(to_string(read("#{a=>1,2.5=>1,-3.5=>1,7=>1,-100000000000000000000=>1}")),
            "#{-100000000000000000000 => 1,7 => 1,-3.5 => 1,2.5 => 1,a => 1}");
}

TEST(TermOrder, TextThatNobodyInternedIsTheSameAtom) {
  const auto unknown = decode_etf(Bytes{131, 119, 7, 'o', 'r', 'd', 'e', 'r', '_', '1'});
  ASSERT_TRUE(unknown);
  const Term known{Atom("order_1")};
  EXPECT_EQ(*unknown, known);
  EXPECT_EQ(unknown->hash(), known.hash());
  EXPECT_EQ(sign(*unknown <=> known), 0);
}

TEST(TermOrder, ClosuresDifferByWhatTheyHoldAndNotByWhoMadeThem) {
  const auto read_closure = [](const Bytes& bytes) {
    ByteReader in(bytes);
    return decode_etf(in).value_or(Term());
  };
  const Term one = read_closure(closure(Bytes{97, 1}));
  const Term of_another = read_closure(closure(Bytes{97, 1}, 0, {"other@h", 7, 7, 7}));
  EXPECT_NE(to_hex(one.bytes()), to_hex(of_another.bytes()));
  EXPECT_EQ(one, of_another);
  EXPECT_EQ(one.hash(), of_another.hash());
  // The same number with another tag.
  EXPECT_EQ(one, read_closure(closure(Bytes{98, 0, 0, 0, 1})));
  EXPECT_LT(one, read_closure(closure(Bytes{97, 2})));
  EXPECT_LT(one, read_closure(closure(Bytes{97, 0}, 1))) << "uniq before what they hold";
}

/// Compares exactly, the slow way: both as integers scaled by 2^1074.
int slow_sign(const Term& a, const Term& b) {
  const auto scaled = [](const Term& number) {
    const auto shift = [](const BigInt& value, std::size_t bits) {
      Bytes magnitude(bits / 8, 0);
      unsigned carry = 0;
      for (const std::uint8_t byte : value.magnitude()) {
        carry |= static_cast<unsigned>(byte) << (bits % 8);
        magnitude.push_back(static_cast<std::uint8_t>(carry));
        carry >>= 8;
      }
      magnitude.push_back(static_cast<std::uint8_t>(carry));
      return BigInt(value.negative(), std::move(magnitude));
    };
    if (number.is_integer()) return shift(*number.as_big_int(), 1074);
    int exponent = 0;
    const double fraction = std::frexp(*number.as_real(), &exponent);
    const auto mantissa = BigInt(static_cast<std::int64_t>(std::ldexp(fraction, 53)));
    const int bits = 1074 + exponent - 53;
    // A denormal's mantissa has zeros where it would be shifted out.
    return bits >= 0 ? shift(mantissa, static_cast<std::size_t>(bits))
                     : BigInt(*mantissa.to_int64() / (std::int64_t{1} << -bits));
  };
  return sign(scaled(a) <=> scaled(b));
}

RC_GTEST_PROP(TermOrder, NumbersCompareExactly, (std::uint64_t seed)) {
  Random random(seed);
  for (int i = 0; i < 20; ++i) {
    const Term a = random_number(random);
    const Term b = random_number(random);
    RC_ASSERT(sign(compare(a, b)) == slow_sign(a, b));
  }
}

RC_GTEST_PROP(TermOrder, IsTotalAndAgreesWithEquality, (std::uint64_t seed)) {
  Random random(seed);
  std::vector<Term> terms;
  for (int i = 0; i < 12; ++i) {
    terms.push_back(i % 4 == 3 ? terms.back() : random_term(random, {.depth_max = 2, .width_max = 3}));
    if (i % 3 == 0) terms.push_back(random_number(random));
  }
  for (const Term& a : terms) {
    for (const Term& b : terms) {
      RC_ASSERT(sign(a <=> b) == -sign(b <=> a));
      RC_ASSERT((a == b) == (sign(a <=> b) == 0));
      RC_ASSERT(sign(compare(a, b)) == -sign(compare(b, a)));
      if (compare(a, b) != 0) RC_ASSERT(sign(compare(a, b)) == sign(a <=> b));
      if (a == b) RC_ASSERT(a.hash() == b.hash());
      for (const Term& c : terms) {
        if (a <= b && b <= c) RC_ASSERT(a <= c);
        if (sign(compare(a, b)) <= 0 && sign(compare(b, c)) <= 0) RC_ASSERT(sign(compare(a, c)) <= 0);
      }
    }
  }
}

RC_GTEST_PROP(TermOrder, MapsDoNotDependOnTheOrderOfTheirEntries, (std::uint64_t seed)) {
  Random random(seed);
  std::vector<Term::MapEntry> entries;
  for (int i = 0; i < 8; ++i) entries.push_back({random_term(random, {.depth_max = 1}), i});
  const Term map = Term::map(entries);
  for (const Term::MapEntry& entry : map.entries()) RC_ASSERT(*map.find(entry.key) == entry.value);
  std::vector<Term::MapEntry> shuffled(map.entries().begin(), map.entries().end());
  random.shuffle(shuffled);
  RC_ASSERT(Term::map(shuffled) == map);
}

}  // namespace
}  // namespace barrel
