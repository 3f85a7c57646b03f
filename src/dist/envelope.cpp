#include "dist/envelope.hpp"

#include "barrel/term/etf.hpp"

namespace barrel::dist {

std::optional<std::size_t> leading_term_bytes(BytesView bytes) {
  if (bytes.empty() || bytes[0] == version_byte) return std::nullopt;
  ByteReader reader(bytes);
  if (!decode_etf(reader)) return std::nullopt;
  return reader.position();
}

}  // namespace barrel::dist
