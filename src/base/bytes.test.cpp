#include "barrel/base/bytes.hpp"

#include <gtest/gtest.h>

namespace barrel {
namespace {

TEST(Hex, ReadsBackWhatItWrites) {
  const Bytes bytes{0x00, 0x0f, 0xa5, 0xff};
  EXPECT_EQ(to_hex(bytes), "000fa5ff");
  EXPECT_EQ(from_hex("000fA5fF"), bytes);
  EXPECT_EQ(from_hex(""), Bytes{});
  for (const char* bad : {"0", "0g", "g0", "00 1", "0x"}) EXPECT_FALSE(from_hex(bad)) << bad;
}

TEST(ByteWriter, AppendsHighBytesFirst) {
  Bytes bytes{9};
  ByteWriter out(bytes);
  out.u8(1);
  out.u16(0x0203);
  out.u32(0x04050607);
  out.u64(0x08090a0b0c0d0e0fU);
  out.bytes({});
  out.bytes(Bytes{16, 17});
  out.text("ab");
  EXPECT_EQ(to_hex(bytes), "090102030405060708090a0b0c0d0e0f10116162");
  EXPECT_EQ(out.size(), bytes.size());
}

TEST(ByteReader, ReadsWhatAWriterWrote) {
  const Bytes bytes = *from_hex("0102030405060708090a0b0c0d0e0f1011");
  ByteReader in(bytes);
  EXPECT_EQ(in.u8(), 1);
  EXPECT_EQ(in.u16(), 0x0203);
  EXPECT_EQ(in.u32(), 0x04050607U);
  EXPECT_EQ(in.u64(), 0x08090a0b0c0d0e0fU);
  EXPECT_EQ(in.position(), 15U);
  EXPECT_EQ(to_hex(in.rest()), "1011");
  EXPECT_EQ(to_hex(in.take(2)), "1011");
  EXPECT_TRUE(in.at_end());
  EXPECT_TRUE(in.ok());
}

TEST(ByteReader, NeverLeavesItsBytesAndStaysFailed) {
  const Bytes bytes{1, 2, 3};
  ByteReader in(bytes);
  EXPECT_EQ(in.u8(), 1);
  EXPECT_EQ(in.u32(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(in.u8(), 0);
  EXPECT_TRUE(in.take(0).empty());
  EXPECT_TRUE(in.take(1).empty());
  in.rewind(0);
  EXPECT_EQ(in.u8(), 0);
  EXPECT_FALSE(in.ok());

  ByteReader far(bytes);
  EXPECT_TRUE(far.take(~std::size_t{0}).empty());
  EXPECT_FALSE(far.ok());
}

TEST(ByteReader, GoesBackToAPlace) {
  const Bytes bytes{1, 2, 3};
  ByteReader in(bytes);
  in.skip(1);
  const std::size_t place = in.position();
  EXPECT_EQ(in.u16(), 0x0203);
  in.rewind(place);
  EXPECT_EQ(in.u8(), 2);
}

TEST(ByteReader, MayBeEmpty) {
  ByteReader in({});
  EXPECT_TRUE(in.ok());
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(in.u8(), 0);
  EXPECT_FALSE(in.ok());
}

}  // namespace
}  // namespace barrel
