#include "barrel/base/keyed_hash.hpp"

#include <sys/random.h>

#include <array>
#include <cstring>

#include "barrel/base/assert.hpp"

namespace barrel::detail {
namespace {

HashKey random_key() {
  std::array<std::uint64_t, 2> words{};
  // So few bytes come whole, and never before the system has gathered enough randomness.
  BARREL_ASSERT(::getrandom(words.data(), sizeof(words), 0) == sizeof(words));
  return {words[0], words[1] | 1};
}

}  // namespace

const HashKey& hash_key() noexcept {
  static const HashKey key = random_key();
  return key;
}

std::uint64_t keyed_hash(std::string_view bytes) noexcept {
  const HashKey& key = hash_key();
  std::uint64_t hash = keyed_mix(key, key.start, bytes.size());
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t count = bytes.size() < sizeof(word) ? bytes.size() : sizeof(word);
    std::memcpy(&word, bytes.data(), count);
    hash = keyed_mix(key, hash, word);
    bytes.remove_prefix(count);
  }
  return keyed_mix(key, hash, 0);
}

}  // namespace barrel::detail
