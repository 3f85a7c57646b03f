#include "dist/handshake_messages.hpp"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <algorithm>

#include "barrel/base/assert.hpp"

namespace barrel::dist {
namespace {

constexpr std::uint8_t tag_name = 'N';
constexpr std::uint8_t tag_status = 's';
constexpr std::uint8_t tag_reply = 'r';
constexpr std::uint8_t tag_ack = 'a';

struct StatusText {
  Status status;
  std::string_view text;
};
constexpr std::array statuses = {
    StatusText{Status::ok_simultaneous, "ok_simultaneous"},
    StatusText{Status::ok, "ok"},
    StatusText{Status::nok, "nok"},
    StatusText{Status::not_allowed, "not_allowed"},
    StatusText{Status::alive, "alive"},
    StatusText{Status::yes, "true"},
    StatusText{Status::no, "false"},
};

/// The first byte, as a peer's mistake should read in a log.
Malformed unexpected_tag(std::string_view expected, std::uint8_t got) {
  return {"expected " + std::string(expected) + ", got a message of type 0x" + to_hex({&got, 1})};
}

Malformed name_too_long(std::size_t bytes) {
  return {"a node name of " + std::to_string(bytes) + " bytes; the limit is " +
          std::to_string(handshake_name_bytes_max)};
}

void write_name(ByteWriter& writer, std::string_view name) {
  BARREL_ASSERT(name.size() <= handshake_name_bytes_max);
  writer.u16(static_cast<std::uint16_t>(name.size()));
  writer.text(name);
}

Digest read_digest(ByteReader& reader) {
  Digest digest{};
  const BytesView bytes = reader.take(digest.size());
  std::ranges::copy(bytes, digest.begin());
  return digest;
}

}  // namespace

Digest cookie_digest(std::string_view cookie, std::uint32_t challenge) {
  std::string text(cookie);
  text += std::to_string(challenge);
  Digest digest{};
  BARREL_ASSERT(gnutls_hash_fast(GNUTLS_DIG_MD5, text.data(), text.size(), digest.data()) == 0);
  return digest;
}

bool equal(const Digest& a, const Digest& b) {
  return gnutls_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view to_string(Status status) {
  if (status == Status::named) return "named:";
  for (const StatusText& known : statuses) {
    if (known.status == status) return known.text;
  }
  return "unknown";
}

Bytes encode(const NameMessage& message) {
  Bytes out;
  ByteWriter writer(out);
  writer.u8(tag_name);
  writer.u64(message.flags);
  writer.u32(message.creation);
  write_name(writer, message.name);
  return out;
}

Bytes encode(const StatusMessage& message) {
  Bytes out;
  ByteWriter writer(out);
  writer.u8(tag_status);
  writer.text(to_string(message.status));
  if (message.status == Status::named) {
    write_name(writer, message.name);
    writer.u32(message.creation);
  }
  return out;
}

Bytes encode(const ChallengeMessage& message) {
  Bytes out;
  ByteWriter writer(out);
  writer.u8(tag_name);
  writer.u64(message.flags);
  writer.u32(message.challenge);
  writer.u32(message.creation);
  write_name(writer, message.name);
  return out;
}

Bytes encode(const ReplyMessage& message) {
  Bytes out;
  ByteWriter writer(out);
  writer.u8(tag_reply);
  writer.u32(message.challenge);
  writer.bytes(message.digest);
  return out;
}

Bytes encode(const AckMessage& message) {
  Bytes out;
  ByteWriter writer(out);
  writer.u8(tag_ack);
  writer.bytes(message.digest);
  return out;
}

ParseOutcome<NameMessage> parse_name(BytesView bytes) {
  if (bytes.empty()) return NeedMore{};
  if (bytes[0] == 'n') {
    return Malformed{"the peer speaks version 5 of the distribution protocol (before OTP 23)"};
  }
  if (bytes[0] != tag_name) return unexpected_tag("the name message N", bytes[0]);
  ByteReader reader(bytes);
  reader.skip(1);
  NameMessage message;
  message.flags = reader.u64();
  message.creation = reader.u32();
  const std::size_t length = reader.u16();
  if (!reader.ok()) return NeedMore{};
  if (length > handshake_name_bytes_max) return name_too_long(length);
  message.name = as_text(reader.take(length));
  if (!reader.ok()) return NeedMore{};
  return Parsed<NameMessage>{std::move(message), reader.position()};
}

ParseOutcome<StatusMessage> parse_status(BytesView bytes, bool whole) {
  if (bytes.empty()) return NeedMore{};
  if (bytes[0] != tag_status) return unexpected_tag("a status", bytes[0]);
  const std::string_view text = as_text(bytes.subspan(1));
  for (const StatusText& known : statuses) {
    if (whole ? text == known.text : text.starts_with(known.text)) {
      if (!whole && known.status == Status::ok && text.size() == known.text.size()) return NeedMore{};
      // "ok_" that is not yet "ok_simultaneous": no message starts with '_'.
      if (!whole && known.status == Status::ok && text[known.text.size()] == '_') break;
      return Parsed<StatusMessage>{{.status = known.status}, 1 + known.text.size()};
    }
  }
  const bool beginning =
      std::ranges::any_of(statuses, [text](const StatusText& known) { return known.text.starts_with(text); });
  if (!whole && beginning) return NeedMore{};
  if (text.starts_with("named:")) return Malformed{"the peer gave us another name, which we did not ask for"};
  return Malformed{"an unknown status"};
}

ParseOutcome<ChallengeMessage> parse_challenge(BytesView bytes) {
  if (bytes.empty()) return NeedMore{};
  if (bytes[0] != tag_name) return unexpected_tag("the challenge N", bytes[0]);
  ByteReader reader(bytes);
  reader.skip(1);
  ChallengeMessage message;
  message.flags = reader.u64();
  message.challenge = reader.u32();
  message.creation = reader.u32();
  const std::size_t length = reader.u16();
  if (!reader.ok()) return NeedMore{};
  if (length > handshake_name_bytes_max) return name_too_long(length);
  message.name = as_text(reader.take(length));
  if (!reader.ok()) return NeedMore{};
  return Parsed<ChallengeMessage>{std::move(message), reader.position()};
}

ParseOutcome<ReplyMessage> parse_reply(BytesView bytes) {
  if (bytes.empty()) return NeedMore{};
  if (bytes[0] != tag_reply) return unexpected_tag("the challenge reply r", bytes[0]);
  ByteReader reader(bytes);
  reader.skip(1);
  ReplyMessage message;
  message.challenge = reader.u32();
  message.digest = read_digest(reader);
  if (!reader.ok()) return NeedMore{};
  return Parsed<ReplyMessage>{message, reader.position()};
}

ParseOutcome<AckMessage> parse_ack(BytesView bytes) {
  if (bytes.empty()) return NeedMore{};
  if (bytes[0] != tag_ack) return unexpected_tag("the challenge acknowledgement a", bytes[0]);
  ByteReader reader(bytes);
  reader.skip(1);
  const AckMessage message{read_digest(reader)};
  if (!reader.ok()) return NeedMore{};
  return Parsed<AckMessage>{message, reader.position()};
}

}  // namespace barrel::dist
