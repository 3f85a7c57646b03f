#pragma once

#include <cstdint>
#include <memory>

#include "barrel/base/bytes.hpp"
#include "barrel/term/result.hpp"
#include "barrel/term/shared_bytes.hpp"
#include "barrel/term/term.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

class AtomQuota;

/// What a decoder accepts. Exceeding one gives Errc::limit_exceeded with the limit's name as reason.
struct EtfLimits {
  /// Nesting of tuples, lists and maps; 256 is a guess far above real messages, and bounds the C++ stack.
  std::uint32_t depth_max = 256;
  /// Terms in all, so that a few bytes cannot become gigabytes of nodes.
  std::uint32_t terms_max = 16'777'216;
  /// Bytes a compressed term may unfold to; 0: there must be none.
  std::uint32_t uncompressed_bytes_max = 64U << 20;
  /// Bytes of one integer; OTP 28 allows no more than 4,194,304 bits.
  std::uint32_t integer_bytes_max = 512 * 1024;
  /// Charged when an atom first seen from this source is interned (Term::as_atom); none: no charge.
  std::shared_ptr<AtomQuota> atom_quota{};
};

/// Whether a decoder stopped at that limit.
[[nodiscard]] inline bool is_over(const Error& error, std::string_view limit) {
  return error.code == Errc::limit_exceeded && error.reason.is_atom(limit);
}

/// Decodes one term in the external term format, with its leading 131, which must fill `bytes` exactly.
/// Binaries of 64 bytes and more share `bytes`; smaller ones are copied, so that they do not pin them, and so
/// are those that are less than an eighth of `bytes`, if these are more than 4 KiB.
[[nodiscard]] Result<Term> decode_etf(const SharedBytes& bytes, const EtfLimits& limits = {});
/// As above; copies every binary.
[[nodiscard]] Result<Term> decode_etf(BytesView bytes, const EtfLimits& limits = {});
/// Decodes the term at the reader's place (after a leading 131 if there is one) and leaves the reader behind
/// it.
[[nodiscard]] Result<Term> decode_etf(ByteReader& reader, const EtfLimits& limits = {});

/// Appends the external form of `term`, without the leading 131.
void encode_etf(ByteWriter& out, const Term& term);
/// With the leading 131.
[[nodiscard]] Bytes encode_etf(const Term& term);

}  // namespace barrel
#pragma GCC visibility pop
