#pragma once

#include <cstdint>
#include <string_view>

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel::detail {

/// Random numbers of this process, drawn when first asked for: what peers choose cannot be made to collide in
/// hash tables. So no behaviour may depend on the order of elements in a table hashed by them: a simulation
/// would not run twice alike.
struct HashKey {
  std::uint64_t start = 0;
  std::uint64_t factor = 1;  // odd
};
[[nodiscard]] const HashKey& hash_key() noexcept;

/// One step of a hash: begins with hash_key().start, and all bits of the result depend on all of both.
[[nodiscard]] inline std::uint64_t keyed_mix(const HashKey& key, std::uint64_t hash,
                                             std::uint64_t value) noexcept {
  __extension__ using Product = unsigned __int128;
  const Product product = Product{hash ^ value} * key.factor;
  const auto folded = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  return folded + key.start;
}

[[nodiscard]] std::uint64_t keyed_hash(std::string_view bytes) noexcept;

/// For unordered containers of strings.
struct KeyedHash {
  std::size_t operator()(std::string_view bytes) const noexcept { return keyed_hash(bytes); }
};

}  // namespace barrel::detail
#pragma GCC visibility pop
