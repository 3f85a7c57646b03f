#pragma once

#include <string_view>

#include "barrel/base/bytes.hpp"
#include "barrel/term/big_int.hpp"
#include "barrel/term/shared_bytes.hpp"
#include "barrel/term/term.hpp"

/// The pieces of which the external form of a term is made.
namespace barrel::etf {

void write_integer(ByteWriter& out, std::int64_t value);
void write_unsigned(ByteWriter& out, std::uint64_t value);
void write_big_integer(ByteWriter& out, const BigInt& value);
void write_real(ByteWriter& out, double value);
void write_atom(ByteWriter& out, std::string_view text);
void write_binary(ByteWriter& out, BytesView bytes);
/// Large ones are left to the writer's SharedParts, when it has them.
void write_binary(ByteWriter& out, const SharedBytes& bytes);
void write_string(ByteWriter& out, BytesView bytes);
void write_tuple_header(ByteWriter& out, std::size_t arity);
/// The count excludes the tail, which must follow the elements.
void write_list_header(ByteWriter& out, std::size_t count);
void write_map_header(ByteWriter& out, std::size_t count);
void write_nil(ByteWriter& out);
void write_pid(ByteWriter& out, std::string_view node, std::uint32_t id, std::uint32_t serial,
               std::uint32_t creation);
void write_port(ByteWriter& out, std::string_view node, std::uint64_t id, std::uint32_t creation);
/// No words count as one word 0.
void write_reference(ByteWriter& out, std::string_view node, std::uint32_t creation,
                     std::span<const std::uint32_t> words);

}  // namespace barrel::etf
