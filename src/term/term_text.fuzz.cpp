// Text from a person or a file: parsing either refuses it, saying where, or gives a term whose own text reads
// back.
#include <cstdint>

#include "barrel/base/assert.hpp"
#include "barrel/term/term_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace barrel;
  const TextOptions options{.local = "me@here", .depth_max = 64};
  const Result<Term> term = parse_term(as_text({data, size}), options);
  if (!term) {
    BARREL_ASSERT(!term.error().message().empty());
    return 0;
  }
  const std::string text = to_string(*term, options.local);
  const Result<Term> back = parse_term(text, {.local = "me@here", .bytes_max = 1U << 24});
  BARREL_ASSERT(back.has_value());
  BARREL_ASSERT(*back == *term);
  return 0;
}
