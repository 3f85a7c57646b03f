#include "process/tuple_start.hpp"

#include <algorithm>
#include <utility>

namespace barrel::detail {

namespace {

constexpr std::uint8_t version = 131;
constexpr std::uint8_t small_tuple = 104;
constexpr std::uint8_t large_tuple = 105;

/// Bytes that are looked at. A guess: a pid, a tag and a name of Erlang's longest take about 2 KiB.
constexpr std::size_t looked_at_bytes_max = 4'096;

EtfLimits limits_of_envelopes(const EtfLimits& limits) {
  return {.depth_max = 8,
          .terms_max = 64,
          .uncompressed_bytes_max = 0,
          .integer_bytes_max = 32,
          .atom_quota = limits.atom_quota};
}

}  // namespace

std::optional<TupleStart> tuple_start(BytesView bytes, std::size_t count, const EtfLimits& limits) {
  ByteReader in(bytes.first(std::min(bytes.size(), looked_at_bytes_max)));
  if (!in.at_end() && in.rest()[0] == version) in.skip(1);
  TupleStart start;
  const std::uint8_t tag = in.u8();
  if (tag == small_tuple) start.arity = in.u8();
  else if (tag == large_tuple) start.arity = in.u32();
  else return std::nullopt;
  if (!in.ok() || start.arity < count) return std::nullopt;
  const EtfLimits few = limits_of_envelopes(limits);
  for (std::size_t i = 0; i < count; ++i) {
    auto element = decode_etf(in, few);
    if (!element) return std::nullopt;
    start.elements.push_back(*std::move(element));
  }
  start.rest = bytes.subspan(in.position());
  return start;
}

}  // namespace barrel::detail
