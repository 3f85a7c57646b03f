#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "barrel/base/bytes.hpp"
#include "dist/flags.hpp"

/// The messages of the distribution handshake, version 6 (OTP "Distribution Handshake"), without framing. All
/// of them delimit themselves, so that they can be read from a stream that does not.
namespace barrel::dist {

/// Longest node name in a handshake: what the node name rule allows.
inline constexpr std::size_t handshake_name_bytes_max = 255;

using Digest = std::array<std::uint8_t, 16>;
/// MD5 over the cookie's text and the challenge in decimal: what shows that both sides know the cookie.
[[nodiscard]] Digest cookie_digest(std::string_view cookie, std::uint32_t challenge);
/// In constant time.
[[nodiscard]] bool equal(const Digest& a, const Digest& b);

/// `N` of the initiator.
struct NameMessage {
  Flags flags = 0;
  std::uint32_t creation = 0;
  std::string name;
  friend bool operator==(const NameMessage&, const NameMessage&) = default;
};

enum class Status : std::uint8_t {
  ok,
  ok_simultaneous,
  nok,
  not_allowed,
  alive,
  yes,    ///< `true`, the initiator's answer to `alive`.
  no,     ///< `false`, as above.
  named,  ///< `named:`, to an initiator that asked for a name. Sent only: we have one.
};
/// As on the wire, without the leading 's'.
[[nodiscard]] std::string_view to_string(Status status);

struct StatusMessage {
  Status status = Status::ok;
  /// Of Status::named: what the initiator is called from now on.
  std::string name{};
  std::uint32_t creation = 0;
  friend bool operator==(const StatusMessage&, const StatusMessage&) = default;
};

/// `N` of the acceptor.
struct ChallengeMessage {
  Flags flags = 0;
  std::uint32_t challenge = 0;
  std::uint32_t creation = 0;
  std::string name;
  friend bool operator==(const ChallengeMessage&, const ChallengeMessage&) = default;
};

/// `r`: the initiator's own challenge, and its digest of the acceptor's.
struct ReplyMessage {
  std::uint32_t challenge = 0;
  Digest digest{};
  friend bool operator==(const ReplyMessage&, const ReplyMessage&) = default;
};

/// `a`: the acceptor's digest of the initiator's challenge.
struct AckMessage {
  Digest digest{};
  friend bool operator==(const AckMessage&, const AckMessage&) = default;
};

[[nodiscard]] Bytes encode(const NameMessage& message);
[[nodiscard]] Bytes encode(const StatusMessage& message);
[[nodiscard]] Bytes encode(const ChallengeMessage& message);
[[nodiscard]] Bytes encode(const ReplyMessage& message);
[[nodiscard]] Bytes encode(const AckMessage& message);

/// The bytes at hand are a proper beginning; more are needed.
struct NeedMore {};
/// What is wrong with them, for a log.
struct Malformed {
  std::string what;
};
/// The message and how many bytes it takes.
template <class M>
struct Parsed {
  M message;
  std::size_t bytes = 0;
};
template <class M>
using ParseOutcome = std::variant<NeedMore, Malformed, Parsed<M>>;

[[nodiscard]] ParseOutcome<NameMessage> parse_name(BytesView bytes);
/// `whole`: the bytes are one framed message. On a stream "ok" can be told from "ok_simultaneous" only by the
/// byte that follows, which the acceptor sends without being asked.
[[nodiscard]] ParseOutcome<StatusMessage> parse_status(BytesView bytes, bool whole);
[[nodiscard]] ParseOutcome<ChallengeMessage> parse_challenge(BytesView bytes);
[[nodiscard]] ParseOutcome<ReplyMessage> parse_reply(BytesView bytes);
[[nodiscard]] ParseOutcome<AckMessage> parse_ack(BytesView bytes);

}  // namespace barrel::dist
