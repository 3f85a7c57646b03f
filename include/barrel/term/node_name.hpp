#pragma once

#include <compare>
#include <functional>
#include <optional>
#include <string_view>

#include "barrel/term/atom.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// A node's name, `name@host`. Maps to and from an atom. Trivially destructible.
class NodeName {
 public:
  /// nonode@nohost: a runtime that is not part of a cluster.
  NodeName() noexcept : atom_("nonode@nohost") {}
  /// A name of this program's own; asserts that it is valid.
  NodeName(const char* text);  // NOLINT: implicit so that literals read as names
  /// Any atom, unchecked: pids in a term may name any node.
  explicit NodeName(Atom atom) noexcept : atom_(atom) {}

  /// 1..255 bytes, exactly one '@', both parts not empty and of [A-Za-z0-9_.-], neither starting with '.' or
  /// '-' (the rule of the authentication handshake). Empty when `text` breaks it or the atom table is full.
  [[nodiscard]] static std::optional<NodeName> parse(std::string_view text);
  [[nodiscard]] static bool valid(std::string_view text);

  [[nodiscard]] Atom atom() const noexcept { return atom_; }
  [[nodiscard]] std::string_view text() const noexcept { return atom_.text(); }
  /// The part before the '@'.
  [[nodiscard]] std::string_view name() const noexcept;
  /// The part after the '@'.
  [[nodiscard]] std::string_view host() const noexcept;

  friend bool operator==(NodeName, NodeName) noexcept = default;
  friend std::strong_ordering operator<=>(NodeName a, NodeName b) noexcept { return a.atom_ <=> b.atom_; }

 private:
  Atom atom_;
};

}  // namespace barrel
#pragma GCC visibility pop

template <>
struct std::hash<barrel::NodeName> {
  std::size_t operator()(barrel::NodeName name) const noexcept {
    return std::hash<barrel::Atom>{}(name.atom());
  }
};
