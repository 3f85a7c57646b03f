// The bytes are a term, printed as Erlang's io module may ask any node to: `{Format, Arguments}` by the
// format, everything as character data. What comes out is UTF-8 within its limit, whatever is asked for.
#include "term/io_format.hpp"

#include <cstdlib>

#include "barrel/term/etf.hpp"
#include "term/utf8.hpp"

namespace {

using namespace barrel;

/// Beyond formatted_bytes_max comes at most one part: an argument, or a field of padding.
constexpr std::size_t last_part_bytes = std::size_t{1} << 20;

void check(const std::optional<std::string>& text) {
  if (text && text->size() > formatted_bytes_max + last_part_bytes) std::abort();
  if (text && !utf8::length(*text)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto term = decode_etf({data, size});
  if (!term) return 0;
  check(chardata_text(*term, TextEncoding::unicode));
  check(chardata_text(*term, TextEncoding::latin1));
  (void)to_raw_string(*term);
  if (term->is_tuple(2)) check(io_format(term->elements()[0], term->elements()[1], NodeName("me@h")));
  return 0;
}
