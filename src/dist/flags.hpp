#pragma once

#include <cstdint>
#include <string>

namespace barrel::dist {

/// The 64 distribution capability bits of the handshake; names and values are OTP's (`dist.hrl`).
using Flags = std::uint64_t;

namespace flag {
inline constexpr Flags published = 0x1;
inline constexpr Flags extended_references = 0x4;
inline constexpr Flags dist_monitor = 0x8;
inline constexpr Flags fun_tags = 0x10;
inline constexpr Flags dist_monitor_name = 0x20;
inline constexpr Flags new_fun_tags = 0x80;
inline constexpr Flags extended_pids_ports = 0x100;
inline constexpr Flags export_ptr_tag = 0x200;
inline constexpr Flags bit_binaries = 0x400;
inline constexpr Flags new_floats = 0x800;
inline constexpr Flags unicode_io = 0x1000;
inline constexpr Flags dist_hdr_atom_cache = 0x2000;
inline constexpr Flags small_atom_tags = 0x4000;
inline constexpr Flags utf8_atoms = 0x10000;
inline constexpr Flags map_tag = 0x20000;
inline constexpr Flags big_creation = 0x40000;
inline constexpr Flags send_sender = 0x80000;
inline constexpr Flags big_seqtrace_labels = 0x100000;
inline constexpr Flags exit_payload = 0x400000;
inline constexpr Flags fragments = 0x800000;
inline constexpr Flags handshake_23 = 0x1000000;
inline constexpr Flags unlink_id = 0x2000000;
inline constexpr Flags mandatory_25_digest = 0x4000000;
inline constexpr Flags spawn = 0x1'0000'0000;
inline constexpr Flags name_me = 0x2'0000'0000;
inline constexpr Flags v4_nc = 0x4'0000'0000;
inline constexpr Flags alias = 0x8'0000'0000;
}  // namespace flag

/// What a Barrel node offers to another over QUIC: no FRAGMENTS and no atom cache, so every message is in the
/// pass-through envelope.
inline constexpr Flags offered_flags = 0xd'075f'5fbd;

/// What it offers to an Erlang node over QUIC, the same as the original does: with FRAGMENTS, so that a large
/// message of one process does not hold up those of others, in either direction.
inline constexpr Flags offered_to_erlang = offered_flags | flag::fragments;
static_assert(offered_to_erlang == 0xd'07df'5fbd);

/// What it offers over TCP, where an Erlang node also offers its atom cache. The original has none over QUIC.
inline constexpr Flags offered_over_tcp = offered_to_erlang | flag::dist_hdr_atom_cache;

/// What OTP 26 and later demand of a peer (`erts_internal:get_dflags()`), without the digest shorthand. OTP
/// 25 offers all of it, but demands neither UNLINK_ID nor V4_NC.
inline constexpr Flags otp_mandatory_flags = 0x4'0307'0f94;

/// What our encoder relies on without asking (sender in every message, exit reasons as payload, monitors,
/// also by name), so that a message can be encoded before a peer has been reached. Every OTP release since 25
/// offers all of it.
inline constexpr Flags required_flags = otp_mandatory_flags | flag::dist_monitor | flag::dist_monitor_name |
                                        flag::send_sender | flag::exit_payload;

/// What we demand of a peer that offers `flags`. A node that is no Erlang VM (C nodes with ei, Java nodes
/// with jinterface) has only what OTP's law demands; where `plain_peers` are welcome, plain_forms.hpp puts
/// into older forms what goes to it. Those forms exist in the pass-through envelope only.
[[nodiscard]] constexpr Flags demanded_flags(Flags flags, bool plain_peers) {
  const bool may_be_plain = plain_peers && (flags & (flag::fragments | flag::dist_hdr_atom_cache)) == 0;
  return may_be_plain ? otp_mandatory_flags : required_flags;
}

/// MANDATORY_25_DIGEST stands for all that OTP 25 demanded: the flags with those set too, when it is.
[[nodiscard]] constexpr Flags expand_digest(Flags flags) {
  constexpr Flags implied = 0x0107'0f94;
  return (flags & flag::mandatory_25_digest) != 0 ? flags | implied : flags;
}

/// Of the `demanded` flags those that `flags` lacks, by name, for an error message: "UNLINK_ID V4_NC".
[[nodiscard]] std::string missing_flag_names(Flags flags, Flags demanded);

}  // namespace barrel::dist
