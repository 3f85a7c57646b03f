#include "dist/envelope.hpp"

#include "barrel/term/etf.hpp"
#include "dist/term_copy.hpp"

namespace barrel::dist {

std::optional<std::size_t> leading_term_bytes(BytesView bytes) {
  const auto extent = extent_of(bytes);
  if (!extent || extent->depth > EtfLimits{}.depth_max) return std::nullopt;
  return extent->bytes;
}

}  // namespace barrel::dist
