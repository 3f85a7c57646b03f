#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <zlib.h>

#include "barrel/term/etf.hpp"
#include "barrel/term/mapping.hpp"
#include "term/random_term.hpp"
#include "term/test_closures.hpp"

namespace barrel {
namespace {

std::string outcome(BytesView bytes, const EtfLimits& limits = {}) {
  const auto term = decode_etf(bytes, limits);
  return term ? "a term" : term.error().message();
}

std::string outcome(std::string_view digits, const EtfLimits& limits = {}) {
  return outcome(*from_hex(digits), limits);
}

Bytes compressed(const Bytes& plain, std::uint32_t declared) {
  uLongf size = compressBound(plain.size());
  Bytes packed(size);
  EXPECT_EQ(compress(packed.data(), &size, plain.data(), plain.size()), Z_OK);
  Bytes term{131, 80};
  ByteWriter out(term);
  out.u32(declared);
  out.bytes(BytesView(packed).first(size));
  return term;
}

/// The external form of a binary of zeros, without the leading 131.
Bytes zeros(std::uint32_t count) {
  Bytes plain;
  ByteWriter out(plain);
  out.u8(109);
  out.u32(count);
  plain.resize(plain.size() + count);
  return plain;
}

TEST(EtfLimits, ClosuresWithinClosuresAreBounded) {
  const auto nested = [](std::size_t depth) {
    Bytes bytes{97, 1};
    for (std::size_t i = 0; i < depth; ++i) bytes = closure(bytes);
    bytes.insert(bytes.begin(), 131);
    return bytes;
  };
  EXPECT_EQ(outcome(nested(16)), "a term");
  EXPECT_EQ(outcome(nested(17)), "limit_exceeded: nested_funs_max");
}

TEST(EtfLimits, WhereNoneBelongsACompressedTermIsNotUnfolded) {
  const Bytes bytes = compressed(zeros(100), 105);
  EXPECT_EQ(outcome(bytes), "a term");
  EXPECT_EQ(outcome(bytes, {.uncompressed_bytes_max = 0}), "malformed: a compressed term where none belongs");
  // What term_to_binary has compressed is a binary for us.
  const Term inside = Term::binary(BytesView(bytes));
  EXPECT_EQ(outcome(encode_etf(inside), {.uncompressed_bytes_max = 0}), "a term");
}

TEST(EtfLimits, AClosureEndsWithinTheOneItIsHeldBy) {
  Bytes inner = closure(Bytes{97, 1});
  inner[4] = static_cast<std::uint8_t>(inner[4] + 40);
  Bytes bytes = closure(inner);
  bytes.insert(bytes.begin(), 131);
  bytes.insert(bytes.end(), 60, 97);
  EXPECT_EQ(outcome(bytes).substr(0, 9), "malformed");
}

TEST(EtfLimits, AClosureBeginsWithinTheOneItIsHeldBy) {
  // By its own account the outer one ends before those which a map compares: what they are then lies outside
  // of its bytes, as AddressSanitizer sees.
  const Bytes inner = closures_as_keys(1);
  Bytes parts{104, 2};
  ByteWriter out(parts);
  encode_etf(out, Term(std::string(200, 'x')));
  out.bytes(inner);
  for (const std::size_t early : {std::size_t{1}, inner.size(), inner.size() + 100}) {
    Bytes bytes = closure(parts);
    const std::size_t size = bytes.size() - 1 - early;
    bytes[3] = static_cast<std::uint8_t>(size >> 8);
    bytes[4] = static_cast<std::uint8_t>(size);
    bytes.insert(bytes.begin(), 131);
    EXPECT_EQ(outcome(bytes).substr(0, 9), "malformed") << early;
  }
}

TEST(EtfLimits, WhatClosuresHoldCountsAsNesting) {
  Bytes bytes{106};
  for (int i = 0; i < 3; ++i) {
    bytes = closure(bytes);
    bytes.insert(bytes.begin(), {104, 1});
  }
  bytes.insert(bytes.begin(), 131);
  EXPECT_EQ(outcome(bytes, {.depth_max = 6}), "a term");
  EXPECT_EQ(outcome(bytes, {.depth_max = 5}), "limit_exceeded: depth_max");
}

TEST(EtfLimits, AListInManyPartsIsReadAsOne) {
  // [0|[1|[2|...]]], of more parts than may be nested.
  Bytes bytes{131};
  ByteWriter out(bytes);
  std::vector<Term> expected;
  for (std::uint8_t i = 0; i < 200; ++i) {
    out.u8(108);
    out.u32(1);
    encode_etf(out, Term(i));
    expected.emplace_back(i);
  }
  Bytes improper = bytes;
  ByteWriter(improper).u8(97);
  ByteWriter(improper).u8(7);
  Bytes of_bytes = bytes;
  for (const std::uint8_t byte : {107, 0, 1, 200}) of_bytes.push_back(byte);
  bytes.push_back(106);
  const EtfLimits limits{.depth_max = 2};
  EXPECT_EQ(decode_etf(bytes, limits), Result<Term>(Term::list(expected)));
  EXPECT_EQ(decode_etf(improper, limits), Result<Term>(Term::list(expected, Term(7))));
  expected.emplace_back(200);
  EXPECT_EQ(decode_etf(of_bytes, limits), Result<Term>(Term::list(expected)));
  Bytes empty_part{131, 108, 0, 0, 0, 1, 97, 1, 108, 0, 0, 0, 0};
  EXPECT_EQ(outcome(empty_part), "malformed: byte 13: more elements declared than bytes left");
  empty_part.push_back(106);
  EXPECT_EQ(decode_etf(empty_part), Result<Term>(Term::list({Term(1)})));
  empty_part.back() = 97;
  empty_part.push_back(1);
  EXPECT_EQ(outcome(empty_part), "malformed: byte 15: a list without elements");
}

TEST(EtfLimits, NestingIsBounded) {
  const auto nested = [](std::size_t depth) {
    Bytes bytes{131};
    for (std::size_t i = 0; i < depth; ++i) bytes.insert(bytes.end(), {104, 1});
    bytes.push_back(106);
    return bytes;
  };
  EXPECT_EQ(outcome(nested(256)), "a term");
  EXPECT_EQ(outcome(nested(257)), "limit_exceeded: depth_max");
  EXPECT_EQ(outcome(nested(1'000'000)), "limit_exceeded: depth_max");
  // A limit set too high does not cost the stack.
  EXPECT_EQ(outcome(nested(1'000'000), {.depth_max = 2'000'000}), "limit_exceeded: depth_max");
  Bytes lists{131};
  for (int i = 0; i < 300'000; ++i) lists.insert(lists.end(), {108, 0, 0, 0, 0});
  EXPECT_EQ(outcome(lists), "limit_exceeded: depth_max");
}

TEST(EtfLimits, DeclaredSizesAreCheckedBeforeAnythingIsAllocated) {
  EXPECT_EQ(outcome("8369ffffffff6a"), "malformed: byte 6: more elements declared than bytes left");
  EXPECT_EQ(outcome("836cffffffff6a"), "malformed: byte 6: more elements declared than bytes left");
  EXPECT_EQ(outcome("8374ffffffff6a6a"), "malformed: byte 6: more elements declared than bytes left");
  EXPECT_EQ(outcome("836dffffffff00"), "malformed: the term is cut off");
  EXPECT_EQ(outcome("836f0007ffff00"), "malformed: the term is cut off");
  EXPECT_EQ(outcome("836fffffffff00"), "malformed: the term is cut off");
  EXPECT_EQ(outcome("83770a61"), "malformed: the term is cut off");
}

TEST(EtfLimits, TermsAreCounted) {
  // Three bytes of a string would become terms.
  EXPECT_EQ(outcome("836b0003616263", {.terms_max = 3}), "limit_exceeded: terms_max");
  EXPECT_EQ(outcome("836b0003616263", {.terms_max = 4}), "a term");
  EXPECT_EQ(outcome("8368036a6a6a", {.terms_max = 3}), "limit_exceeded: terms_max");
}

TEST(EtfLimits, CompressedTermsUnfoldWithinTheirDeclaredSizeOnly) {
  const Bytes plain = zeros(1'000'000);
  const auto size = static_cast<std::uint32_t>(plain.size());
  EXPECT_EQ(outcome(compressed(plain, size)), "a term");
  EXPECT_EQ(outcome(compressed(plain, size - 1)), "malformed: a compressed term of more bytes than declared");
  EXPECT_EQ(outcome(compressed(plain, size + 1)), "malformed: a compressed term that is damaged");
  EXPECT_EQ(outcome(compressed(plain, 0xffffffff)), "limit_exceeded: uncompressed_bytes_max");
  EXPECT_EQ(outcome(compressed(plain, size), {.uncompressed_bytes_max = size - 1}),
            "limit_exceeded: uncompressed_bytes_max");
  Bytes cut = compressed(plain, size);
  cut.resize(cut.size() - 10);
  EXPECT_EQ(outcome(cut), "malformed: a compressed term that is damaged");
  Bytes longer = compressed(plain, size);
  longer.push_back(0);
  EXPECT_EQ(outcome(longer), "malformed: bytes after the term");
  Bytes two = zeros(1);
  two.push_back(106);
  EXPECT_EQ(outcome(compressed(two, static_cast<std::uint32_t>(two.size()))),
            "malformed: bytes after the term");
}

TEST(EtfLimits, CompressionIsOnlyRightBehindTheVersion) {
  const Bytes inner = compressed({106}, 1);
  Bytes nested{131, 104, 1};
  nested.insert(nested.end(), inner.begin() + 1, inner.end());
  EXPECT_EQ(outcome(nested), "malformed: byte 4: unknown tag");
  // Nor inside another compressed term.
  const Bytes body(inner.begin() + 1, inner.end());
  EXPECT_NE(outcome(compressed(body, static_cast<std::uint32_t>(body.size()))), "a term");
}

TEST(EtfLimits, RefusesWhatNoErlangWouldSend) {
  EXPECT_EQ(outcome(""), "malformed: a term that does not start with 131");
  EXPECT_EQ(outcome("83"), "malformed: the term is cut off");
  EXPECT_EQ(outcome("6101"), "malformed: a term that does not start with 131");
  EXPECT_EQ(outcome("8361"), "malformed: the term is cut off");
  EXPECT_EQ(outcome("8361016a"), "malformed: bytes after the term");
  EXPECT_EQ(outcome("8352"
                    "00"),
            "malformed: byte 2: unknown tag");  // ATOM_CACHE_REF
  EXPECT_EQ(outcome("8375"
                    "0000"),
            "malformed: byte 2: unknown tag");  // FUN of old
  EXPECT_EQ(outcome("83467ff0000000000000"), "malformed: byte 10: a float that is not finite");
  EXPECT_EQ(outcome("83467ff8000000000001"), "malformed: byte 10: a float that is not finite");
  EXPECT_EQ(outcome("8363" + std::string(62, '0')), "malformed: byte 33: a float that is not one");
  EXPECT_EQ(outcome("837702c328"), "malformed: byte 5: an atom that is not UTF-8");
  EXPECT_EQ(outcome("83760100" + to_hex(Bytes(256, 'a'))),
            "malformed: byte 260: an atom of too many characters");
  EXPECT_EQ(outcome("83640100" + to_hex(Bytes(256, 'a'))),
            "malformed: byte 260: an atom of too many characters");
  EXPECT_EQ(outcome("836c000000006101"), "malformed: byte 8: a list without elements");
  EXPECT_EQ(outcome("836e010201"), "malformed: byte 5: an integer without sign");
  EXPECT_EQ(outcome("834d000000010"
                    "900"),
            "malformed: byte 8: a bit string without bits");
  EXPECT_EQ(outcome("834d0000000100"
                    "00"),
            "malformed: byte 8: a bit string without bits");
  EXPECT_EQ(outcome("835a0006"
                    "7700"
                    "00000001" +
                    std::string(48, '0')),
            "malformed: byte 4: a reference of too many words or none");
  EXPECT_EQ(outcome("835a0000"
                    "7700"
                    "00000001"),
            "malformed: byte 4: a reference of too many words or none");
  EXPECT_EQ(outcome("835861010000000000000000"
                    "00000000"),
            "malformed: byte 3: not an atom");
  EXPECT_EQ(outcome("837177016177016262"
                    "00000001"),
            "malformed: byte 8: a fun whose arity is not a small integer");
  EXPECT_EQ(outcome("837400000002610161026101"
                    "6103"),
            "malformed: byte 14: a map with equal keys");
}

TEST(EtfLimits, OneAndOnePointZeroAreTwoKeys) {
  EXPECT_EQ(outcome("83740000000261016a463ff00000000000006a"), "a term");
}

RC_GTEST_PROP(EtfLimits, DamagedBytesAreRefusedOrReadButNothingElse, (std::uint64_t seed)) {
  Random random(seed);
  Bytes bytes = encode_etf(random_term(random));
  for (std::uint64_t i = 1 + random.below(4); i > 0; --i) {
    bytes[1 + random.below(bytes.size() - 1)] = static_cast<std::uint8_t>(random.next());
    if (random.chance(200'000)) bytes.resize(2 + random.below(bytes.size() - 1));
  }
  const auto term = decode_etf(bytes, {.depth_max = 50, .terms_max = 10'000});
  if (term) RC_ASSERT(decode_etf(encode_etf(*term)) == *term);
}

}  // namespace
}  // namespace barrel
