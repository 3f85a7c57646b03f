#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "barrel/base/bytes.hpp"

namespace barrel::dist {

/// The tag of an atom that is said by its place among the atoms of the message: ATOM_CACHE_REF.
inline constexpr std::uint8_t atom_reference_tag = 82;
/// `82 Index`.
inline constexpr std::size_t atom_reference_bytes = 2;

/// Other bytes for the atoms of a term; see copy_term().
class AtomTranslation {
 public:
  virtual ~AtomTranslation() = default;
  /// For an atom that is spelled out, with its tag: what is to stand there.
  [[nodiscard]] virtual BytesView spelled(BytesView atom) = 0;
  /// For `82 index`; none: there can be no such reference here.
  [[nodiscard]] virtual std::optional<BytesView> reference(std::uint8_t index) = 0;
  /// Whether closures are gone through too, or copied as they are.
  [[nodiscard]] virtual bool enters_funs() const = 0;
};

/// Copies the term that `in` begins with to the end of `out`, other atoms in place of its own, without
/// decoding it. False when the term is malformed, compressed, or `out` would get larger than `bytes_max`:
/// then `in` and `out` are of no further use.
[[nodiscard]] bool copy_term(ByteReader& in, Bytes& out, std::size_t bytes_max, AtomTranslation& atoms);

struct TermExtent {
  std::size_t bytes = 0;
  /// Of its tuples, lists and maps; what is in closures does not count.
  std::size_t depth = 0;
};
/// Of the term that `bytes` begin with; none when it is malformed or compressed.
[[nodiscard]] std::optional<TermExtent> extent_of(BytesView bytes);

/// Whether more than `depth` of the bytes may begin a tuple, a list or a map: if not, no terms in them nest
/// deeper, whatever they are. Far quicker than extent_of().
[[nodiscard]] bool may_nest_deeper(BytesView bytes, std::size_t depth);

/// Whether the term that `bytes` begin with says an atom by reference; none when the term is malformed or
/// compressed.
[[nodiscard]] std::optional<bool> has_atom_references(BytesView bytes);

}  // namespace barrel::dist
