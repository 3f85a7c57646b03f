#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "barrel/auth/keys.hpp"
#include "barrel/term/node_name.hpp"

namespace barrel::auth {

/// Why an authentication handshake ended without success. Closed: switch without a default.
enum class FailureReason : std::uint8_t {
  timeout,              ///< Not finished within handshake_timeout.
  closed,               ///< The peer finished or reset its stream before the end.
  no_certificate,       ///< The connection has no server certificate to bind to.
  malformed_frame,      ///< Empty or too long a frame, or a message whose length does not fit its type.
  unknown_message,      ///< A message type that does not exist.
  unexpected_message,   ///< A known message at the wrong place of the sequence.
  unexpected_ok,        ///< The server skipped the signatures (cookie-only nodes); we do not.
  unsupported_version,  ///< A HELLO of another protocol version.
  invalid_name,         ///< The claimed name breaks the node name rule.
  own_name,             ///< The peer claims our own name.
  name_mismatch,        ///< The server claims another name than the one that was dialed.
  key_mismatch,         ///< Another key is pinned for the claimed name.
  untrusted_key,        ///< Strict mode, and no key is pinned for the claimed name.
  clock_skew,           ///< The peer's timestamp is too far from our clock.
  signature_invalid,    ///< The signature does not verify with the presented key.
  response_late,        ///< The signature came after auth_timestamp_window.
  rejected_by_peer,     ///< The peer sent FAIL; detail has its reason.
};

/// The name as written above; also what counters are named after (`auth.failed.<name>`).
[[nodiscard]] std::string_view to_string(FailureReason reason);

/// Everything an operator may want to know about a refused peer.
struct Failure {
  FailureReason reason = FailureReason::timeout;
  /// A FAIL frame was sent before: let it leave before closing the connection.
  bool fail_frame_sent = false;
  /// What the peer claimed, unproven; empty before its HELLO. Plain ASCII by the name rule.
  std::string claimed_name;
  std::optional<PublicKey> presented_key;
  /// Specifics: the peer's FAIL reason with anything but printable ASCII replaced, a length, a version.
  std::string detail;

  friend bool operator==(const Failure&, const Failure&) = default;
};

/// One sentence for the log of node `self`: what was refused, and for what an operator can mend, how.
[[nodiscard]] std::string explain(const Failure& failure, NodeName self);

}  // namespace barrel::auth
