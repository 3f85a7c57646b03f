#include "crdt/term_hash.hpp"

#include <bit>

#include "barrel/term/big_int.hpp"
#include "term/identifier.hpp"

namespace barrel {
namespace {

std::uint64_t hash_bytes(std::uint64_t hash, BytesView bytes) {
  hash = hash_mix(hash, bytes.size());
  std::uint64_t word = 0;
  unsigned filled = 0;
  for (const std::uint8_t byte : bytes) {
    word |= std::uint64_t{byte} << (8 * filled);
    if (++filled == 8) {
      hash = hash_mix(hash, word);
      word = 0;
      filled = 0;
    }
  }
  return filled == 0 ? hash : hash_mix(hash, word);
}

std::uint64_t hash_integer(std::uint64_t hash, const Term& term) {
  if (const auto small = term.as_int64()) return hash_mix(hash, static_cast<std::uint64_t>(*small));
  const auto big = term.as_big_int();
  if (!big) return hash;
  return hash_bytes(hash_mix(hash, big->negative() ? 1 : 2), big->magnitude());
}

/// By the text of the node: interning it would charge the quota of whoever sent it, and whether there is
/// one left must not change the hash.
std::uint64_t hash_identifier(std::uint64_t hash, const Term& term) {
  const auto parts = detail::identifier_of(term);
  if (!parts) return hash;
  hash = hash_bytes(hash, as_bytes(parts->node));
  if (term.kind() != Term::Kind::reference) return hash_mix(hash_mix(hash, parts->number), parts->creation);
  hash = hash_mix(hash, parts->creation);
  for (const std::uint32_t word : parts->words) hash = hash_mix(hash, word);
  return hash;
}

}  // namespace

std::uint64_t hash_mix(std::uint64_t hash, std::uint64_t value) {
  // One round of the finaliser of splitmix64 over the sum: every bit of value reaches every bit of the
  // result.
  std::uint64_t z = (hash ^ value) + 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

std::uint64_t hash_term(const Term& term, std::uint64_t seed) {
  std::uint64_t hash = hash_mix(seed, static_cast<std::uint64_t>(term.kind()));
  switch (term.kind()) {
    case Term::Kind::integer: return hash_integer(hash, term);
    case Term::Kind::real: {
      const double real = term.as_real().value_or(0);
      return hash_mix(hash, real == 0 ? 0 : std::bit_cast<std::uint64_t>(real));
    }
    case Term::Kind::atom: return hash_bytes(hash, as_bytes(term.atom_text()));
    case Term::Kind::reference:
    case Term::Kind::port:
    case Term::Kind::pid: return hash_identifier(hash, term);
    case Term::Kind::fun:
    case Term::Kind::binary: return hash_bytes(hash, term.bytes());
    case Term::Kind::bitstring: return hash_bytes(hash_mix(hash, term.last_byte_bits()), term.bytes());
    case Term::Kind::nil: return hash;
    case Term::Kind::tuple:
    case Term::Kind::list:
      hash = hash_mix(hash, term.elements().size());
      for (const Term& element : term.elements()) hash = hash_term(element, hash);
      return term.is_list() ? hash_term(term.tail(), hash) : hash;
    case Term::Kind::map:
      for (const auto& [key, value] : term.entries()) hash = hash_term(value, hash_term(key, hash));
      return hash_mix(hash, term.entries().size());
  }
  return hash;
}

}  // namespace barrel
