#include "barrel/term/term.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <thread>

#include "barrel/term/big_int.hpp"
#include "barrel/term/result.hpp"
#include "barrel/term/shared_bytes.hpp"

namespace barrel {
namespace {

TEST(Term, TheDefaultIsTheEmptyList) {
  EXPECT_TRUE(Term().is_nil());
  EXPECT_TRUE(Term().is_proper_list());
  EXPECT_FALSE(Term().is_list());
  EXPECT_EQ(Term(), Term::list({}));
  EXPECT_EQ(sizeof(Term), 16U);
}

TEST(Term, IntegersOfEveryWidth) {
  EXPECT_EQ(Term(std::int8_t{-1}).as_int64(), -1);
  EXPECT_EQ(Term(std::numeric_limits<std::int64_t>::min()).as_int64(),
            std::numeric_limits<std::int64_t>::min());
  const std::uint64_t large = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(Term(large).as_uint64(), large);
  EXPECT_FALSE(Term(large).as_int64());
  EXPECT_EQ(Term(large), Term(*BigInt::parse("18446744073709551615")));
  EXPECT_FALSE(Term(-1).as_uint64());
  EXPECT_EQ(Term(BigInt(7)), Term(7));
  EXPECT_EQ(Term(7).as_big_int(), BigInt(7));
  EXPECT_FALSE(Term(7.0).as_int64());
  EXPECT_FALSE(Term(7).as_real());
}

TEST(Term, BooleansAreAtoms) {
  EXPECT_EQ(Term(true), Term(Atom("true")));
  EXPECT_EQ(Term(false).as_bool(), false);
  EXPECT_FALSE(Term(Atom("yes")).as_bool());
}

TEST(Term, TextIsABinary) {
  const Term text("héllo");
  EXPECT_TRUE(text.is_binary());
  EXPECT_EQ(text.as_text(), "héllo");
  EXPECT_EQ(text.last_byte_bits(), 8U);
  EXPECT_EQ(Term(std::string("x")), Term(std::string_view("x")));
  EXPECT_FALSE(Term(Atom("x")).as_text());
}

TEST(Term, CharlistsTakeOneElementForEachCharacter) {
  EXPECT_EQ(Term::charlist("aé"), Term::list({97, 233}));
  EXPECT_EQ(Term::charlist("a\xff"), Term::list({97, 255}));
  EXPECT_EQ(Term::charlist(""), Term());
}

TEST(Term, TuplesAndLists) {
  const Term tuple = Term::tuple_of(Atom("join"), 1, "x");
  EXPECT_TRUE(tuple.is_tagged("join", 3));
  EXPECT_FALSE(tuple.is_tagged("join", 2));
  EXPECT_FALSE(tuple.is_tagged("leave", 3));
  EXPECT_EQ(tuple.elements()[1], Term(1));
  EXPECT_TRUE(tuple.tail().is_nil());

  const Term improper = Term::list({1, 2}, 3);
  EXPECT_FALSE(improper.is_proper_list());
  EXPECT_EQ(improper.elements().size(), 2U);
  EXPECT_EQ(improper.tail(), Term(3));
  EXPECT_EQ(Term::list({1}, Term::list({2, 3})), Term::list({1, 2, 3}));
  EXPECT_EQ(Term::list({1}, Term::list({2}, 3)), improper);
  EXPECT_EQ(Term::list({}, 3), Term(3));
}

TEST(Term, MapsFindTheirKeysAndKeepTheLastOfEqualOnes) {
  const Term map = Term::map({{Atom("b"), 1}, {1, 2}, {1.0, 3}, {Atom("b"), 4}, {"b", 5}});
  EXPECT_EQ(map.entries().size(), 4U);
  EXPECT_EQ(*map.find(Atom("b")), Term(4));
  EXPECT_EQ(*map.find(1), Term(2));
  EXPECT_EQ(*map.find(1.0), Term(3));
  EXPECT_EQ(*map.find("b"), Term(5));
  EXPECT_EQ(map.find(Atom("c")), nullptr);
  EXPECT_EQ(*map.find_atom("b"), Term(4));
  EXPECT_EQ(map.find_atom("a"), nullptr);
  EXPECT_EQ(Term(1).find(1), nullptr);
}

TEST(Term, BitstringsClearTheBitsThatAreNotUsed) {
  const Bytes ones{0xff, 0xff};
  const Term bits = Term::bitstring(ones, 3);
  EXPECT_EQ(bits.kind(), Term::Kind::bitstring);
  EXPECT_EQ(bits.last_byte_bits(), 3U);
  EXPECT_EQ(bits.bytes()[1], 0xe0);
  EXPECT_EQ(Term::bitstring(ones, 8), Term::binary(ones));
}

TEST(Term, SharedBinariesKeepTheirBytesAlive) {
  Term binary;
  {
    const SharedBytes bytes(Bytes{1, 2, 3, 4});
    binary = Term::binary(bytes.slice(1, 2));
    EXPECT_EQ(binary.bytes().data(), bytes.view().data() + 1);
  }
  EXPECT_EQ(binary, Term::binary(Bytes{2, 3}));
}

TEST(Term, PidsReferencesAndPortsComeBackWhole) {
  const Pid pid{Atom("n1@h"), 1, 2, 3};
  EXPECT_EQ(Term(pid).as_pid(), pid);
  const Ref ref{Atom("n1@h"), 4, 5, {1, 2, 3, 4, 5}};
  EXPECT_EQ(Term(ref).as_ref(), ref);
  const Port port{Atom("n1@h"), 1ULL << 40, 7};
  EXPECT_EQ(Term(port).as_port(), port);
  EXPECT_FALSE(Term(pid).as_ref());
  // The same words, but not the same number of them.
  EXPECT_NE(Term(Ref{Atom("n1@h"), 4, 1, {1}}), Term(Ref{Atom("n1@h"), 4, 2, {1, 0}}));
}

TEST(Term, CopiesAreIndependentObjects) {
  Term a = Term::tuple_of(1, 2);
  Term b = a;
  a = Term(5);
  EXPECT_EQ(b, Term::tuple_of(1, 2));
  b = std::move(b).elements()[0];
  EXPECT_EQ(b, Term(1));
  const Term& alias = b;
  b = alias;
  EXPECT_EQ(b, Term(1));
}

TEST(Term, MayBeSharedBetweenThreads) {
  const Term shared = Term::list({Term::tuple_of("some text", 1), Pid{Atom("n@h"), 1, 1, 1}});
  std::atomic<int> equal{0};
  {
    std::vector<std::jthread> running;
    for (int t = 0; t < 4; ++t) {
      running.emplace_back([&, copy = shared]() mutable {
        for (int i = 0; i < 10'000; ++i) {
          const Term other = copy;
          copy = other.elements()[0];
          copy = other;
        }
        equal += copy == shared ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(equal, 4);
}

TEST(Term, NestsAsDeepAsPromised) {
  Term deep;
  for (int i = 0; i < Term::depth_max; ++i) deep = Term::list({std::move(deep)});
  const Term copy = deep;
  EXPECT_EQ(copy, deep);
  EXPECT_EQ(to_string(deep).size(), 2U * (Term::depth_max + 1));
  EXPECT_DEATH((void)Term::list({deep}), "assertion failed");
}

TEST(Term, HashesAgreeWithEquality) {
  EXPECT_EQ(Term::tuple_of(Atom("a"), "b", 3).hash(), Term::tuple_of(Atom("a"), "b", 3).hash());
  EXPECT_NE(Term(1).hash(), Term(1.0).hash());
  EXPECT_EQ(Term(*BigInt::parse("99999999999999999999")).hash(),
            Term(*BigInt::parse("99999999999999999999")).hash());
}

TEST(Error, SaysItsCodeAndWhatWasWrong) {
  EXPECT_EQ(Error{Errc::busy}.message(), "busy");
  EXPECT_EQ((Error{Errc::io, "disk full"}.message()), "io: disk full");
  EXPECT_EQ((Error{Errc::rejected, Term::tuple_of(Atom("why"), 1)}.message()), "rejected: {why,1}");
}

TEST(Result, PassesValuesAndErrorsOn) {
  const auto half = [](int n) -> Result<int> {
    if (n % 2 != 0) return Error{Errc::invalid_argument};
    return n / 2;
  };
  EXPECT_EQ(*Result<int>(8).and_then(half).and_then(half), 2);
  EXPECT_EQ(Result<int>(6).and_then(half).and_then(half).error().code, Errc::invalid_argument);
  EXPECT_EQ(*Result<int>(6).transform([](int n) { return n + 1; }), 7);
  EXPECT_EQ(*Result<int>(Error{Errc::busy}).or_else([](const Error&) { return Result<int>(1); }), 1);
  EXPECT_EQ(Result<int>(Error{Errc::busy}).value_or(3), 3);
  EXPECT_DEATH((void)*Result<int>(Error{Errc::busy}), "assertion failed");
}

}  // namespace
}  // namespace barrel
