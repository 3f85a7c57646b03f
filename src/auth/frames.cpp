#include "auth/frames.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "barrel/base/assert.hpp"
#include "barrel/term/node_name.hpp"

namespace barrel::auth {

namespace {

enum class Type : std::uint8_t { hello = 1, challenge = 2, response = 3, ok = 4, fail = 5 };

constexpr std::size_t length_bytes = 2;

void write(ByteWriter& out, const Hello& hello) {
  out.u8(std::to_underlying(Type::hello));
  out.u8(protocol_version);
  out.u16(static_cast<std::uint16_t>(hello.name.size()));
  out.text(hello.name);
  out.bytes(hello.key.bytes);
}
void write(ByteWriter& out, const Challenge& challenge) {
  out.u8(std::to_underlying(Type::challenge));
  out.bytes(challenge.nonce);
  out.u64(challenge.timestamp_ms);
}
void write(ByteWriter& out, const Response& response) {
  out.u8(std::to_underlying(Type::response));
  out.bytes(response.signature);
}
void write(ByteWriter& out, const Ok&) {
  out.u8(std::to_underlying(Type::ok));
}
void write(ByteWriter& out, const Fail& fail) {
  out.u8(std::to_underlying(Type::fail));
  out.u16(static_cast<std::uint16_t>(fail.reason.size()));
  out.text(fail.reason);
}

Decoded bad(FailureReason reason, std::string detail) {
  Failure failure;
  failure.reason = reason;
  failure.detail = std::move(detail);
  return {std::move(failure)};
}

/// The wire text is the peer's: it must not be able to forge log lines.
std::string printable(BytesView text) {
  std::string out(as_text(text));
  std::ranges::replace_if(out, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

template <std::size_t N>
void read(ByteReader& in, std::array<std::uint8_t, N>& out) {
  const BytesView bytes = in.take(N);
  std::ranges::copy(bytes, out.begin());
}

Decoded finish(const ByteReader& in, std::string_view what, std::size_t length, Message message) {
  if (in.ok() && in.at_end()) return {std::move(message)};
  return bad(FailureReason::malformed_frame, fmt::format("{} of {} bytes", what, length));
}

Decoded decode_hello(ByteReader& in, std::size_t length) {
  const std::uint8_t version = in.u8();
  if (in.ok() && version != protocol_version) {
    return bad(FailureReason::unsupported_version,
               fmt::format("version {}, not {}", version, protocol_version));
  }
  const BytesView name = in.take(in.u16());
  Hello hello;
  read(in, hello.key.bytes);
  if (in.ok() && in.at_end() && !NodeName::valid(as_text(name))) {
    return bad(FailureReason::invalid_name, printable(name));
  }
  hello.name = as_text(name);
  return finish(in, "HELLO", length, std::move(hello));
}

}  // namespace

void encode_frame(Bytes& out, const Message& message) {
  const std::size_t start = out.size();
  ByteWriter writer(out);
  writer.u16(0);
  std::visit([&](const auto& each) { write(writer, each); }, message);
  const std::size_t length = out.size() - start - length_bytes;
  BARREL_ASSERT(length <= message_bytes_max);
  out[start] = static_cast<std::uint8_t>(length >> 8);
  out[start + 1] = static_cast<std::uint8_t>(length & 0xff);
}

Decoded decode_message(BytesView message) {
  if (message.empty()) return bad(FailureReason::malformed_frame, "empty frame");
  ByteReader in(message);
  switch (const std::uint8_t type = in.u8(); static_cast<Type>(type)) {
    case Type::hello: return decode_hello(in, message.size());
    case Type::challenge: {
      Challenge challenge;
      read(in, challenge.nonce);
      challenge.timestamp_ms = in.u64();
      return finish(in, "CHALLENGE", message.size(), challenge);
    }
    case Type::response: {
      Response response;
      read(in, response.signature);
      return finish(in, "RESPONSE", message.size(), response);
    }
    case Type::ok:
      // The original reads `04 00` as an unknown message 4, too.
      return finish(in, "OK", message.size(), Ok{});
    case Type::fail: {
      Fail fail;
      fail.reason = printable(in.take(in.u16()));
      return finish(in, "FAIL", message.size(), std::move(fail));
    }
    default: return bad(FailureReason::unknown_message, fmt::format("type {}", type));
  }
}

FrameReader::Step FrameReader::feed(BytesView& bytes) {
  if (complete_) {
    buffer_.clear();
    complete_ = false;
  }
  const auto take_up_to = [&](std::size_t size) {
    const std::size_t count = std::min(size - buffer_.size(), bytes.size());
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    return buffer_.size() == size;
  };
  if (buffer_.size() < length_bytes && !take_up_to(length_bytes)) return Step::need_more;
  const std::size_t length = static_cast<std::size_t>(buffer_[0]) << 8 | buffer_[1];
  if (length > message_bytes_max) return Step::too_long;
  if (!take_up_to(length_bytes + length)) return Step::need_more;
  complete_ = true;
  return Step::frame;
}

Bytes signed_payload(const Challenge& challenge, const PublicKey& signer, const ChannelBinding& binding) {
  Bytes payload;
  payload.reserve(104);
  ByteWriter out(payload);
  out.bytes(challenge.nonce);
  out.u64(challenge.timestamp_ms);
  out.bytes(signer.bytes);
  out.bytes(binding);
  return payload;
}

}  // namespace barrel::auth
