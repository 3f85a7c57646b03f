#include "auth/frames.hpp"

#include <gtest/gtest.h>

#include "auth/test_pair.hpp"

namespace barrel::auth {
namespace {

using testing::frame;
using testing::hex;

std::optional<FailureReason> refusal(std::string_view message_hex) {
  const Decoded decoded = decode_message(hex(message_hex));
  return decoded.failure() == nullptr ? std::nullopt : std::optional(decoded.failure()->reason);
}

Bytes hello_message(std::string_view name) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(1);
  out.u8(2);
  out.u16(static_cast<std::uint16_t>(name.size()));
  out.text(name);
  out.bytes(Bytes(32, 7));
  return bytes;
}

TEST(Frames, RefusalsAreThoseOfTheVector) {
  EXPECT_EQ(to_hex(frame(Fail{"key_mismatch"})), "000f05000c6b65795f6d69736d61746368");
  EXPECT_EQ(to_hex(frame(Fail{"untrusted_key"})), "001005000d756e747275737465645f6b6579");
  EXPECT_EQ(to_hex(frame(Fail{"signature_invalid"})), "00140500117369676e61747572655f696e76616c6964");
  EXPECT_EQ(to_hex(frame(Ok{})), "000104");
}

TEST(Frames, EveryMessageDecodesToWhatWasEncoded) {
  const Message messages[] = {Hello{"alice@127.0.0.1", PublicKey{}},
                              Challenge{testing::nonce_of(3), 1U << 31}, Response{}, Ok{}, Fail{"why"}};
  for (const Message& message : messages) {
    const Bytes bytes = frame(message);
    const Decoded decoded = decode_message(BytesView(bytes).subspan(2));
    ASSERT_NE(decoded.message(), nullptr);
    EXPECT_EQ(*decoded.message(), message);
  }
}

TEST(Frames, WrongLengthsAreMalformed) {
  EXPECT_EQ(refusal(""), FailureReason::malformed_frame);
  EXPECT_EQ(refusal("0400"), FailureReason::malformed_frame);
  EXPECT_EQ(refusal("05000361626364"), FailureReason::malformed_frame);
  EXPECT_EQ(refusal("0500056162"), FailureReason::malformed_frame);
  EXPECT_EQ(refusal("05"), FailureReason::malformed_frame);
  EXPECT_EQ(refusal("02" + std::string(80, '0')), std::nullopt);
  EXPECT_EQ(refusal("02" + std::string(78, '0')), FailureReason::malformed_frame);
  EXPECT_EQ(refusal("02" + std::string(82, '0')), FailureReason::malformed_frame);
  EXPECT_EQ(refusal("03" + std::string(128, '0')), std::nullopt);
  EXPECT_EQ(refusal("03" + std::string(126, '0')), FailureReason::malformed_frame);
  EXPECT_EQ(refusal("03" + std::string(130, '0')), FailureReason::malformed_frame);
}

TEST(Frames, HelloMustFillItsFrame) {
  Bytes bytes = hello_message("a@b");
  ASSERT_NE(decode_message(bytes).message(), nullptr);
  bytes.push_back(0);
  ASSERT_NE(decode_message(bytes).failure(), nullptr);
  EXPECT_EQ(decode_message(bytes).failure()->reason, FailureReason::malformed_frame);
  for (std::size_t size = 1; size < bytes.size() - 1; ++size) {
    EXPECT_NE(decode_message(BytesView(bytes).first(size)).failure(), nullptr) << size;
  }
}

TEST(Frames, UnknownTypesAndVersionsAreNamed) {
  EXPECT_EQ(refusal("00"), FailureReason::unknown_message);
  EXPECT_EQ(refusal("06"), FailureReason::unknown_message);
  EXPECT_EQ(refusal("ff00"), FailureReason::unknown_message);
  EXPECT_EQ(refusal("0101"), FailureReason::unsupported_version);
  EXPECT_EQ(refusal("0103"), FailureReason::unsupported_version);
}

TEST(Frames, NodeNameRule) {
  for (const std::string_view name : {"a@b", "_a@b", "a.b-c_d@10.0.0.1", "A9@x"}) {
    EXPECT_NE(decode_message(hello_message(name)).message(), nullptr) << name;
  }
  const std::string longest(253, 'a');
  EXPECT_NE(decode_message(hello_message(longest + "@b")).message(), nullptr);
  for (const std::string& name :
       {std::string(""), std::string("a@b@c"), std::string(".a@b"), std::string("-a@b"), std::string("a@-b"),
        std::string("a@.b"), std::string("@b"), std::string("a@"), std::string("a"), std::string("a@::1"),
        std::string("\xc3\xa9@b"), std::string("a@b\n"), std::string("a @b"), std::string("a\0@b", 4),
        longest + "a@b"}) {
    const Decoded decoded = decode_message(hello_message(name));
    ASSERT_NE(decoded.failure(), nullptr) << name;
    EXPECT_EQ(decoded.failure()->reason, FailureReason::invalid_name) << name;
  }
}

TEST(Frames, PeersTextCannotForgeLogLines) {
  const Decoded decoded = decode_message(hello_message("a@b\nerror: x"));
  ASSERT_NE(decoded.failure(), nullptr);
  EXPECT_EQ(decoded.failure()->detail, "a@b?error: x");
  const Bytes fail = frame(Fail{"x\x1b[2J\xff"});
  EXPECT_EQ(std::get<Fail>(*decode_message(BytesView(fail).subspan(2)).message()).reason, "x?[2J?");
}

TEST(FrameReader, CutsFramesWhateverThePieces) {
  Bytes stream;
  encode_frame(stream, Hello{"alice@127.0.0.1", PublicKey{}});
  encode_frame(stream, Ok{});
  encode_frame(stream, Response{});
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    FrameReader reader;
    std::vector<std::size_t> sizes;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      BytesView bytes = BytesView(stream).subspan(at, std::min(piece, stream.size() - at));
      while (reader.feed(bytes) == FrameReader::Step::frame) sizes.push_back(reader.message().size());
    }
    EXPECT_EQ(sizes, (std::vector<std::size_t>{51, 1, 65})) << piece;
  }
}

TEST(FrameReader, HoldsNoMoreThanOneFrame) {
  FrameReader reader;
  const Bytes flood(100'000, 0x01);  // announces 257 bytes, again and again
  BytesView bytes = flood;
  while (!bytes.empty()) {
    ASSERT_NE(reader.feed(bytes), FrameReader::Step::too_long);
    ASSERT_LE(reader.buffered(), 2 + message_bytes_max);
  }
}

TEST(FrameReader, RefusesALongFrameByItsLengthAlone) {
  FrameReader reader;
  Bytes longest{0x02, 0x00};
  longest.resize(2 + message_bytes_max);
  BytesView bytes = longest;
  EXPECT_EQ(reader.feed(bytes), FrameReader::Step::frame);
  const Bytes too_long{0x02, 0x01};
  bytes = too_long;
  EXPECT_EQ(reader.feed(bytes), FrameReader::Step::too_long);
}

}  // namespace
}  // namespace barrel::auth
