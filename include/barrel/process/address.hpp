#pragma once

#include <utility>
#include <variant>

#include "barrel/term/result.hpp"
#include "barrel/term/term.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// A name registered on this node with Self::register_name.
struct LocalName {
  Atom name;
  friend bool operator==(const LocalName&, const LocalName&) = default;
};

/// A name registered on some node: Erlang's {Name, Node}.
struct NodeLocalName {
  Atom name;
  NodeName node;
  friend bool operator==(const NodeLocalName&, const NodeLocalName&) = default;
};

/// A name that a resolver knows: Erlang's {via, Module, Name}. Not an aggregate, so that a temporary of it is
/// safe in a co_await expression under GCC 12.
class ViaName {
 public:
  explicit ViaName(Term name) : name_(std::move(name)) {}
  [[nodiscard]] const Term& name() const { return name_; }

 private:
  Term name_;
};

[[nodiscard]] inline LocalName local(Atom name) {
  return {name};
}
[[nodiscard]] inline ViaName via(Term name) {
  return ViaName(std::move(name));
}

/// Whom a message goes to: a pid, local(name), NodeLocalName{name, node} or via(name).
class Address {
 public:
  Address(const Pid& pid) : target_(pid) {}       // NOLINT: implicit, so that any of them reads as address
  Address(LocalName name) : target_(name) {}      // NOLINT
  Address(NodeLocalName name) : target_(name) {}  // NOLINT
  Address(ViaName name) : target_(std::move(name)) {}  // NOLINT

  using Target = std::variant<Pid, LocalName, NodeLocalName, ViaName>;
  [[nodiscard]] const Target& target() const { return target_; }

 private:
  Target target_;
};

/// Knows the names of services; the node's registry implements it. Called on any thread, must not block.
class NameResolver {
 public:
  virtual ~NameResolver() = default;
  /// For via(name), on any node. Errc::not_found when nobody holds the name.
  [[nodiscard]] virtual Result<Pid> resolve(const Term& name) const = 0;
  /// Who holds the name on this node: it answers there as if it had registered the name locally too.
  [[nodiscard]] virtual std::optional<Pid> find_own(Atom name) const = 0;
};

}  // namespace barrel
#pragma GCC visibility pop
