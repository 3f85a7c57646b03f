#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <span>

#include "barrel/base/keyed_hash.hpp"
#include "barrel/term/node_name.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// Names one process of one incarnation of a node, as NEW_PID_EXT does. A value; trivially destructible.
struct Pid {
  Atom node_atom;
  std::uint32_t id = 0;
  std::uint32_t serial = 0;
  /// The incarnation of the node: another number after every restart.
  std::uint32_t creation = 0;

  [[nodiscard]] NodeName node() const noexcept { return NodeName(node_atom); }
  friend bool operator==(const Pid&, const Pid&) noexcept = default;
  friend std::strong_ordering operator<=>(const Pid&, const Pid&) noexcept = default;
};

/// A unique reference, as NEWER_REFERENCE_EXT carries it: 1 to 5 words. A value; trivially destructible.
struct Ref {
  static constexpr std::size_t words_max = 5;

  Atom node_atom;
  std::uint32_t creation = 0;
  std::uint32_t word_count = 0;
  /// Words beyond word_count are 0.
  std::array<std::uint32_t, words_max> words{};

  [[nodiscard]] NodeName node() const noexcept { return NodeName(node_atom); }
  friend bool operator==(const Ref&, const Ref&) noexcept = default;
  friend std::strong_ordering operator<=>(const Ref&, const Ref&) noexcept = default;
};

/// An Erlang port of another node; only carried, never opened here.
struct Port {
  Atom node_atom;
  std::uint64_t id = 0;
  std::uint32_t creation = 0;

  friend bool operator==(const Port&, const Port&) noexcept = default;
  friend std::strong_ordering operator<=>(const Port&, const Port&) noexcept = default;
};

}  // namespace barrel
#pragma GCC visibility pop

template <>
struct std::hash<barrel::Pid> {
  std::size_t operator()(const barrel::Pid& pid) const noexcept {
    const barrel::detail::HashKey& key = barrel::detail::hash_key();
    const std::uint64_t process = std::uint64_t{pid.id} << 32 | pid.serial;
    const std::uint64_t node = std::uint64_t{pid.node_atom.index()} << 32 | pid.creation;
    return barrel::detail::keyed_mix(key, barrel::detail::keyed_mix(key, key.start, process), node);
  }
};

template <>
struct std::hash<barrel::Ref> {
  std::size_t operator()(const barrel::Ref& ref) const noexcept {
    using barrel::detail::keyed_mix;
    const barrel::detail::HashKey& key = barrel::detail::hash_key();
    std::uint64_t mixed =
        keyed_mix(key, key.start, std::uint64_t{ref.node_atom.index()} << 32 | ref.creation);
    mixed = keyed_mix(key, mixed, std::uint64_t{ref.words[0]} << 32 | ref.words[1]);
    mixed = keyed_mix(key, mixed, std::uint64_t{ref.words[2]} << 32 | ref.words[3]);
    return keyed_mix(key, mixed, ref.words[4]);
  }
};
