#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "barrel/base/bytes.hpp"
#include "dist/flags.hpp"

namespace barrel::dist {

/// How the messages of a connection are wrapped (OTP "Distribution Protocol" and "Distribution Header"). Both
/// sides use the form that was negotiated, for every message.
enum class Envelope : std::uint8_t {
  /// `112, 131 Control [, 131 Payload]`.
  pass_through,
  /// `131 68 0 Control [Payload]`, with no further 131; what is large comes in fragments, if these were
  /// negotiated:
  /// `131 69 SequenceId:64 FragmentId:64 0 Control Part`, then `131 70 SequenceId:64 FragmentId:64 Part`.
  /// FragmentId is the number of fragments that are still to come, this one included. The 0 in front of
  /// Control is that of atoms from the cache (atom_cache.hpp).
  header,
};

/// First byte of a message in the pass-through envelope.
inline constexpr std::uint8_t pass_through = 112;

// Of the header envelope: the second byte, behind the version.
inline constexpr std::uint8_t version_byte = 131;
inline constexpr std::uint8_t header_whole = 68;
inline constexpr std::uint8_t header_first_fragment = 69;
inline constexpr std::uint8_t header_next_fragment = 70;

/// Bytes in front of the control message, of a whole one and of a first fragment; and in front of the part of
/// a fragment that follows.
inline constexpr std::size_t header_bytes = 3;
inline constexpr std::size_t first_fragment_header_bytes = 2 + 8 + 8 + 1;
inline constexpr std::size_t next_fragment_header_bytes = 2 + 8 + 8;

/// Payload in one fragment; the last one has up to a half more. Erlang's ERTS_DIST_FRAGMENT_SIZE.
inline constexpr std::size_t fragment_payload_bytes = 64U << 10;
/// The largest payload that goes whole. Whoever receives fragments has to put them together, which is not
/// worth it for a short one behind a long one: a binary of 64 KiB and its tag, say, which Erlang splits.
inline constexpr std::size_t whole_payload_bytes_max = fragment_payload_bytes + fragment_payload_bytes / 2;

/// The form that two nodes use which have negotiated `flags`.
[[nodiscard]] constexpr Envelope envelope_of(Flags flags) {
  return (flags & (flag::fragments | flag::dist_hdr_atom_cache)) != 0 ? Envelope::header
                                                                      : Envelope::pass_through;
}

/// Whether messages refer to atoms of a cache; only in the header envelope.
[[nodiscard]] constexpr bool has_atom_cache(Flags flags) {
  return (flags & flag::dist_hdr_atom_cache) != 0;
}

/// Whether large messages go in fragments; only in the header envelope.
[[nodiscard]] constexpr bool has_fragments(Flags flags) {
  return (flags & flag::fragments) != 0;
}

/// Bytes of the term that `bytes` begin with, which has no leading 131; none when it is malformed, or nests
/// so deep that no peer would read it.
[[nodiscard]] std::optional<std::size_t> leading_term_bytes(BytesView bytes);

}  // namespace barrel::dist
