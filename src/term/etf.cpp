#include "barrel/term/etf.hpp"

#include "term/etf_reader.hpp"
#include "term/etf_tags.hpp"

namespace barrel {
namespace {

bool accept(ByteReader& in, std::uint8_t tag) {
  if (in.at_end() || in.rest()[0] != tag) return false;
  in.skip(1);
  return true;
}

Result<Term> read_one(ByteReader& in, const EtfLimits& limits, const SharedBytes* shared) {
  detail::EtfReader reader(in, limits, shared);
  Term term;
  if (!reader.term(term)) {
    Error error = reader.error();
    in.fail();
    return error;
  }
  return term;
}

Error left_over() {
  return Error{Errc::malformed, "bytes after the term"};
}

/// The term after its leading 131.
Result<Term> read_body(ByteReader& in, const EtfLimits& limits, const SharedBytes* shared) {
  if (!accept(in, etf::compressed)) return read_one(in, limits, shared);
  Result<Bytes> inflated = detail::inflate_term(in, limits);
  if (!inflated) {
    in.fail();
    return std::move(inflated).error();
  }
  // Its binaries are copied: they would keep all of the unfolded term alive.
  ByteReader unfolded(*inflated);
  Result<Term> term = read_one(unfolded, limits, nullptr);
  if (term && !unfolded.at_end()) {
    in.fail();
    return left_over();
  }
  return term;
}

Result<Term> read_all(BytesView bytes, const EtfLimits& limits, const SharedBytes* shared) {
  ByteReader in(bytes);
  if (!accept(in, etf::version)) return Error{Errc::malformed, "a term that does not start with 131"};
  Result<Term> term = read_body(in, limits, shared);
  if (term && !in.at_end()) return left_over();
  return term;
}

}  // namespace

Result<Term> decode_etf(const SharedBytes& bytes, const EtfLimits& limits) {
  return read_all(bytes.view(), limits, &bytes);
}

Result<Term> decode_etf(BytesView bytes, const EtfLimits& limits) {
  return read_all(bytes, limits, nullptr);
}

Result<Term> decode_etf(ByteReader& reader, const EtfLimits& limits) {
  return accept(reader, etf::version) ? read_body(reader, limits, nullptr)
                                      : read_one(reader, limits, nullptr);
}

}  // namespace barrel
