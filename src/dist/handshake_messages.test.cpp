#include "dist/handshake_messages.hpp"

#include <gtest/gtest.h>

namespace barrel::dist {
namespace {

Bytes hex(std::string_view text) {
  const auto bytes = from_hex(text);
  EXPECT_TRUE(bytes.has_value());
  return bytes.value_or(Bytes{});
}

template <class M>
const Parsed<M>& parsed(const ParseOutcome<M>& outcome) {
  EXPECT_TRUE(std::holds_alternative<Parsed<M>>(outcome));
  return std::get<Parsed<M>>(outcome);
}

TEST(CookieDigest, MatchesErlang) {
  EXPECT_EQ(to_hex(cookie_digest("speccookie", 16909060)), "8d309149f2533fde3e27f621a647337a");
  EXPECT_EQ(to_hex(cookie_digest("barrel_p2p", 4294967295)), "4c50519ec96518797e208a2da28bd487");
}

// Captured between two nodes of the original.
TEST(HandshakeMessages, AreThoseOfTheCapture) {
  const Bytes name = encode(NameMessage{0xd07df5fbd, 4, "n2@127.0.0.1"});
  EXPECT_EQ(to_hex(name), "4e0000000d07df5fbd00000004000c6e32403132372e302e302e31");
  EXPECT_EQ(to_hex(encode(StatusMessage{Status::ok})), "736f6b");
  const ChallengeMessage challenge{0xd07df5fbd, 0xc3d1fd12, 4, "n1@127.0.0.1"};
  EXPECT_EQ(to_hex(encode(challenge)), "4e0000000d07df5fbdc3d1fd1200000004000c6e31403132372e302e302e31");
  const ReplyMessage reply{0x5c186da6, cookie_digest("speccookie", 0xc3d1fd12)};
  EXPECT_EQ(to_hex(encode(reply)), "725c186da69afe9aa7803a21a8a6260b56f9e66457");
  const AckMessage ack{cookie_digest("speccookie", 0x5c186da6)};
  EXPECT_EQ(to_hex(encode(ack)), "61da4746ca0793ebb6afd2a1b126401e12");
}

TEST(HandshakeMessages, AreReadBack) {
  const NameMessage name{0xd07df5fbd, 4, "n2@127.0.0.1"};
  const ChallengeMessage challenge{offered_flags, 1, 2, "n1@127.0.0.1"};
  const ReplyMessage reply{7, cookie_digest("c", 1)};
  const AckMessage ack{cookie_digest("c", 2)};
  EXPECT_EQ(parsed(parse_name(encode(name))).message, name);
  EXPECT_EQ(parsed(parse_challenge(encode(challenge))).message, challenge);
  EXPECT_EQ(parsed(parse_reply(encode(reply))).message, reply);
  EXPECT_EQ(parsed(parse_ack(encode(ack))).message, ack);
}

TEST(HandshakeMessages, WaitForTheirLastByte) {
  const Bytes name = encode(NameMessage{1, 4, "a@b"});
  const Bytes reply = encode(ReplyMessage{7, {}});
  for (std::size_t size = 0; size < name.size(); ++size) {
    EXPECT_TRUE(std::holds_alternative<NeedMore>(parse_name(BytesView(name).first(size)))) << size;
  }
  for (std::size_t size = 0; size < reply.size(); ++size) {
    EXPECT_TRUE(std::holds_alternative<NeedMore>(parse_reply(BytesView(reply).first(size)))) << size;
  }
}

TEST(HandshakeMessages, LeaveWhatFollowsThem) {
  Bytes bytes = encode(NameMessage{1, 4, "a@b"});
  const std::size_t size = bytes.size();
  bytes.push_back(0x72);
  EXPECT_EQ(parsed(parse_name(bytes)).bytes, size);
}

TEST(StatusMessage, EndsWhereTheNextMessageBegins) {
  const auto bytes_of = [](std::string_view text) {
    return parsed(parse_status(as_bytes(text), false)).bytes;
  };
  EXPECT_EQ(bytes_of("sokN"), 3U);
  EXPECT_EQ(bytes_of("sok_simultaneousN"), 16U);
  EXPECT_EQ(bytes_of("sok_simultaneous"), 16U);
  EXPECT_EQ(bytes_of("snok"), 4U);
  EXPECT_EQ(bytes_of("snot_allowed"), 12U);
  EXPECT_EQ(bytes_of("salive"), 6U);
  EXPECT_EQ(bytes_of("struer"), 5U);
  EXPECT_EQ(bytes_of("sfalse"), 6U);
}

TEST(StatusMessage, IsUndecidedWhileItMayGoOn) {
  for (const std::string_view text : {"", "s", "so", "sok", "sok_", "sok_simultaneou", "sno", "salive"}) {
    const bool complete = text == "salive";
    EXPECT_EQ(std::holds_alternative<NeedMore>(parse_status(as_bytes(text), false)), !complete) << text;
  }
  EXPECT_TRUE(std::holds_alternative<Parsed<StatusMessage>>(parse_status(as_bytes("sok"), true)));
}

TEST(StatusMessage, SaysWhatIsWrongWithOthers) {
  for (const std::string_view text : {"sokay", "sx", "snamed:", "N", "sok_simultanX"}) {
    if (text == "sokay") continue;  // "ok" and then another message, which is refused as such
    EXPECT_TRUE(std::holds_alternative<Malformed>(parse_status(as_bytes(text), false))) << text;
  }
  EXPECT_TRUE(std::holds_alternative<Malformed>(parse_status(as_bytes("sokay"), true)));
}

TEST(HandshakeMessages, RefuseOtherVersionsTypesAndNamesThatAreTooLong) {
  const auto outcome = parse_name(hex("6e"));
  const auto* old = std::get_if<Malformed>(&outcome);
  ASSERT_NE(old, nullptr);
  EXPECT_NE(old->what.find("version 5"), std::string::npos);
  EXPECT_TRUE(std::holds_alternative<Malformed>(parse_name(hex("72"))));
  EXPECT_TRUE(std::holds_alternative<Malformed>(parse_name(hex("4e0000000d07df5fbd000000040100"))));
  EXPECT_TRUE(
      std::holds_alternative<Malformed>(parse_challenge(hex("4e0000000d07df5fbd0000000400000004ffff"))));
  EXPECT_TRUE(std::holds_alternative<Malformed>(parse_ack(hex("72"))));
}

}  // namespace
}  // namespace barrel::dist
