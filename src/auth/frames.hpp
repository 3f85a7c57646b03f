#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "auth/failure.hpp"
#include "auth/identity.hpp"
#include "barrel/base/bytes.hpp"

namespace barrel::auth {

/// The version of HELLO that erlang_quic/barrel_p2p 0.1 speak.
inline constexpr std::uint8_t protocol_version = 2;
/// Longest message accepted. The longest HELLO has 291 bytes; FAIL reasons in use have 17; the rest is room
/// for reasons of later versions.
inline constexpr std::size_t message_bytes_max = 512;

struct Hello {
  std::string name;
  PublicKey key;
  friend bool operator==(const Hello&, const Hello&) = default;
};
struct Challenge {
  Nonce nonce{};
  /// Milliseconds since the Unix epoch.
  std::uint64_t timestamp_ms = 0;
  friend bool operator==(const Challenge&, const Challenge&) = default;
};
struct Response {
  Signature signature{};
  friend bool operator==(const Response&, const Response&) = default;
};
struct Ok {
  friend bool operator==(const Ok&, const Ok&) = default;
};
struct Fail {
  std::string reason;
  friend bool operator==(const Fail&, const Fail&) = default;
};
using Message = std::variant<Hello, Challenge, Response, Ok, Fail>;

/// Appends `Len:16, Msg`.
void encode_frame(Bytes& out, const Message& message);

/// What is wrong with a message, or the message.
struct Decoded {
  std::variant<Message, Failure> outcome;
  [[nodiscard]] const Message* message() const { return std::get_if<Message>(&outcome); }
  [[nodiscard]] const Failure* failure() const { return std::get_if<Failure>(&outcome); }
};
/// Decodes one message without its length; checks the node name rule of a HELLO too.
[[nodiscard]] Decoded decode_message(BytesView message);

/// Cuts a byte stream into frames. Holds at most 2 + message_bytes_max bytes, whatever is fed.
class FrameReader {
 public:
  enum class Step : std::uint8_t { need_more, frame, too_long };

  /// Takes bytes from the front of `bytes` up to the end of the current frame and shrinks the view by them.
  /// After `frame`, message() is valid until the next call; after `too_long` the stream cannot be read
  /// further.
  [[nodiscard]] Step feed(BytesView& bytes);
  [[nodiscard]] BytesView message() const { return BytesView(buffer_).subspan(2); }
  /// Bytes of the frame being collected, its length included.
  [[nodiscard]] std::size_t buffered() const { return buffer_.size(); }

 private:
  Bytes buffer_;
  bool complete_ = false;
};

/// The 104 bytes a signer signs: the peer's nonce and timestamp, its own public key, and the channel binding.
[[nodiscard]] Bytes signed_payload(const Challenge& challenge, const PublicKey& signer,
                                   const ChannelBinding& binding);

}  // namespace barrel::auth
