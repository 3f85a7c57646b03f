#include "term/etf_writer.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include "barrel/base/assert.hpp"
#include "barrel/base/shared_parts.hpp"
#include "term/etf_tags.hpp"

namespace barrel::etf {
namespace {

std::uint32_t length32(std::size_t length) {
  BARREL_ASSERT(length <= std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(length);
}

/// A SMALL_BIG of up to 8 bytes.
void write_magnitude(ByteWriter& out, bool negative, std::uint64_t magnitude) {
  const auto bytes = static_cast<unsigned>((std::bit_width(magnitude) + 7) / 8);
  out.u8(small_big);
  out.u8(static_cast<std::uint8_t>(bytes));
  out.u8(negative ? 1 : 0);
  for (unsigned i = 0; i < bytes; ++i) out.u8(static_cast<std::uint8_t>(magnitude >> (8 * i)));
}

}  // namespace

void write_integer(ByteWriter& out, std::int64_t value) {
  if (value >= 0 && value <= 255) {
    out.u8(small_integer);
    out.u8(static_cast<std::uint8_t>(value));
  } else if (value >= std::numeric_limits<std::int32_t>::min() &&
             value <= std::numeric_limits<std::int32_t>::max()) {
    out.u8(integer);
    out.u32(static_cast<std::uint32_t>(value));
  } else {
    const auto bits = static_cast<std::uint64_t>(value);
    write_magnitude(out, value < 0, value < 0 ? 0 - bits : bits);
  }
}

void write_unsigned(ByteWriter& out, std::uint64_t value) {
  if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    write_integer(out, static_cast<std::int64_t>(value));
  } else {
    write_magnitude(out, false, value);
  }
}

void write_big_integer(ByteWriter& out, const BigInt& value) {
  const BytesView magnitude = value.magnitude();
  if (magnitude.size() <= 255) {
    out.u8(small_big);
    out.u8(static_cast<std::uint8_t>(magnitude.size()));
  } else {
    out.u8(large_big);
    out.u32(length32(magnitude.size()));
  }
  out.u8(value.negative() ? 1 : 0);
  out.bytes(magnitude);
}

void write_real(ByteWriter& out, double value) {
  BARREL_ASSERT(std::isfinite(value));
  out.u8(new_float);
  out.u64(std::bit_cast<std::uint64_t>(value));
}

void write_atom(ByteWriter& out, std::string_view text) {
  if (text.size() <= 255) {
    out.u8(small_atom);
    out.u8(static_cast<std::uint8_t>(text.size()));
  } else {
    out.u8(atom);
    out.u16(static_cast<std::uint16_t>(text.size()));
  }
  out.text(text);
}

void write_binary(ByteWriter& out, BytesView bytes) {
  out.u8(binary);
  out.u32(length32(bytes.size()));
  out.bytes(bytes);
}

void write_binary(ByteWriter& out, const SharedBytes& bytes) {
  if (out.parts() == nullptr || bytes.size() < SharedParts::part_bytes_min)
    return write_binary(out, bytes.view());
  out.u8(binary);
  out.u32(length32(bytes.size()));
  out.parts()->add({out.size(), bytes.view(), bytes.owner()});
}

void write_string(ByteWriter& out, BytesView bytes) {
  BARREL_ASSERT(bytes.size() <= string_max);
  out.u8(string);
  out.u16(static_cast<std::uint16_t>(bytes.size()));
  out.bytes(bytes);
}

void write_tuple_header(ByteWriter& out, std::size_t arity) {
  if (arity <= 255) {
    out.u8(small_tuple);
    out.u8(static_cast<std::uint8_t>(arity));
  } else {
    out.u8(large_tuple);
    out.u32(length32(arity));
  }
}

void write_list_header(ByteWriter& out, std::size_t count) {
  out.u8(list);
  out.u32(length32(count));
}

void write_map_header(ByteWriter& out, std::size_t count) {
  out.u8(map);
  out.u32(length32(count));
}

void write_nil(ByteWriter& out) {
  out.u8(nil);
}

void write_pid(ByteWriter& out, std::string_view node, std::uint32_t id, std::uint32_t serial,
               std::uint32_t creation) {
  out.u8(new_pid);
  write_atom(out, node);
  out.u32(id);
  out.u32(serial);
  out.u32(creation);
}

void write_port(ByteWriter& out, std::string_view node, std::uint64_t id, std::uint32_t creation) {
  out.u8(v4_port);
  write_atom(out, node);
  out.u64(id);
  out.u32(creation);
}

void write_reference(ByteWriter& out, std::string_view node, std::uint32_t creation,
                     std::span<const std::uint32_t> words) {
  BARREL_ASSERT(words.size() <= Ref::words_max);
  out.u8(newer_reference);
  out.u16(static_cast<std::uint16_t>(words.empty() ? 1 : words.size()));
  write_atom(out, node);
  out.u32(creation);
  if (words.empty()) out.u32(0);
  for (const std::uint32_t word : words) out.u32(word);
}

}  // namespace barrel::etf
