// Bytes from a peer: decoding either refuses them or gives a term that prints, orders, and encodes to bytes
// that decode to the same; reading them straight into a struct agrees with reading them by a term.
#include <cstdint>
#include <map>

#include "barrel/base/assert.hpp"
#include "barrel/term/atom_quota.hpp"
#include "barrel/term/mapping.hpp"

namespace {

using namespace barrel;

struct Entry {
  static constexpr Keys<3> keys{"load", "zone", "note"};
  int load = 0;
  Atom zone;
  std::optional<std::string> note;
};
struct Anything {
  static constexpr std::string_view tag = "a";
  std::variant<bool, std::int64_t, std::uint64_t, double, Entry, Result<Term>, std::vector<Anything>,
               std::string, Pid, Ref, Port, SystemTime, std::map<std::string, Term>, Bytes, Atom>
      content;
};

template <class T>
void check_straight(const SharedBytes& bytes, const EtfLimits& limits, const Term& term) {
  const Result<T> straight = decode_etf_as<T>(bytes, limits);
  const Result<T> by_term = from_term<T>(term);
  if (!straight) return;
  BARREL_ASSERT(by_term.has_value());
  BARREL_ASSERT(to_term(*straight) == to_term(*by_term));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  EtfLimits limits{.depth_max = 64, .terms_max = 20'000, .uncompressed_bytes_max = 1U << 20};
  limits.atom_quota = std::make_shared<AtomQuota>(16);
  const SharedBytes bytes(Bytes(data, data + size));
  const Result<Term> term = decode_etf(bytes, limits);
  if (!term) {
    (void)decode_etf_as<Anything>(bytes, limits);
    return 0;
  }
  const Bytes again = encode_etf(*term);
  const Result<Term> back = decode_etf(again);
  BARREL_ASSERT(back.has_value());
  BARREL_ASSERT(*back == *term && compare(*back, *term) == 0 && back->hash() == term->hash());
  BARREL_ASSERT(encode_etf(*back) == again);
  BARREL_ASSERT(!to_string(*term).empty());
  check_straight<Anything>(bytes, limits, *term);
  check_straight<Entry>(bytes, limits, *term);
  return 0;
}
