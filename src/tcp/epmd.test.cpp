#include "tcp/epmd.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace barrel::tcp {
namespace {

Bytes hex(std::string_view text) {
  return *from_hex(text);
}

// Captured between epmd and OTP 25.
const std::string found_plain = "77008e314d00000600050005706c61696e0000";

TEST(Epmd, RegistersAsErlangDoes) {
  EXPECT_EQ(to_hex(encode_register({.name = "cppnode", .port = 0xb26e, .hidden = true})),
            "001478b26e48000006000500076370706e6f64650000");
  EXPECT_EQ(to_hex(encode_register({.name = "a", .port = 1})), "000e7800014d00000600050001610000");
}

TEST(Epmd, AsksAsErlangDoes) {
  EXPECT_EQ(to_hex(encode_lookup("plain")), "00067a706c61696e");
  EXPECT_EQ(to_hex(encode_names()), "00016e");
}

TEST(Epmd, BothFormsOfTheAnswerToARegistrationAreRead) {
  const auto present = parse_registered(hex("76006b02fdcc"));
  ASSERT_TRUE(present);
  EXPECT_EQ(*present, (EpmdRegistered{true, 0x6b02fdcc}));
  const auto old = parse_registered(hex("79000003"));
  ASSERT_TRUE(old);
  EXPECT_EQ(*old, (EpmdRegistered{true, 3}));
  const auto taken =
      parse_registered(hex("790163"
                           "00"));
  ASSERT_TRUE(taken);
  EXPECT_FALSE((*taken)->accepted);
}

TEST(Epmd, AnswersToALookupAreRead) {
  const auto found = parse_found(hex(found_plain));
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (EpmdFound{EpmdNode{.name = "plain", .port = 0x8e31}}));
  const auto unknown = parse_found(hex("7701"));
  ASSERT_TRUE(unknown);
  EXPECT_EQ(*unknown, EpmdFound{});
}

TEST(Epmd, AnswersThatArriveInPiecesAreWaitedFor) {
  for (const std::string& whole : {found_plain}) {
    for (std::size_t digits = 0; digits < whole.size(); digits += 2) {
      const auto part = parse_found(hex(whole.substr(0, digits)));
      ASSERT_TRUE(part) << digits;
      EXPECT_FALSE(*part) << digits;
    }
  }
  for (std::size_t digits = 0; digits < 12; digits += 2) {
    const auto part = parse_registered(hex(std::string("76006b02fdcc").substr(0, digits)));
    ASSERT_TRUE(part) << digits;
    EXPECT_FALSE(*part) << digits;
  }
}

TEST(Epmd, WhatIsNoAnswerIsAnError) {
  for (const char* bytes : {"00", "4e", "7600", "ff00000000"}) {
    EXPECT_FALSE(parse_found(hex(bytes))) << bytes;
  }
  for (const char* bytes : {"77", "00", "7a00"}) EXPECT_FALSE(parse_registered(hex(bytes))) << bytes;
  EXPECT_FALSE(parse_found(hex("770000004d00000600050005706c61696e0000"))) << "port 0";
  EXPECT_FALSE(parse_found(hex("77008e314d07000600050005706c61696e0000"))) << "another protocol";
  EXPECT_FALSE(parse_names({}));
}

TEST(Epmd, NamesAreReadLineByLine) {
  Bytes answer = hex("00001111");
  ByteWriter(answer).text(
      "name a at port 4000\nname b at port x at port 65535\nnonsense\nname c at port 70000");
  const auto names = parse_names(answer);
  ASSERT_TRUE(names);
  EXPECT_THAT(*names, testing::ElementsAre(EpmdNode{.name = "a", .port = 4000},
                                           EpmdNode{.name = "b at port x", .port = 65535}));
}

}  // namespace
}  // namespace barrel::tcp
