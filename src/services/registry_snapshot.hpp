#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "barrel/services/registry_types.hpp"
#include "services/persistent_map.hpp"

namespace barrel {

/// The registry as it is visible on one node at one moment. Immutable: any thread may read one that it holds,
/// while the cluster thread publishes later ones, which share all but a few nodes with it.
class RegistrySnapshot {
 public:
  using Entries = std::vector<ServiceEntry>;
  /// Name -> its entries, one for each node that holds it, ordered by node name; never an empty vector.
  using ByName = PersistentMap<std::shared_ptr<const Entries>>;

  /// An empty registry of `self`.
  explicit RegistrySnapshot(NodeName self) : self_(self) {}
  RegistrySnapshot(NodeName self, ByName by_name, std::size_t entry_count)
      : self_(self), by_name_(std::move(by_name)), entry_count_(entry_count) {}

  /// All registrations of `name`. Valid as long as this snapshot.
  [[nodiscard]] std::span<const ServiceEntry> lookup(const Term& name) const;
  /// The registration of `name` on this node, or null.
  [[nodiscard]] const ServiceEntry* lookup_local(const Term& name) const;
  /// The one to talk to: the local registration, else the first by node name, else null.
  [[nodiscard]] const ServiceEntry* whereis(const Term& name) const;
  /// Every visible name once, in no particular order.
  [[nodiscard]] std::vector<Term> names() const;
  /// Every visible registration, in no particular order.
  [[nodiscard]] Entries entries() const;
  [[nodiscard]] std::size_t name_count() const { return by_name_.size(); }
  [[nodiscard]] std::size_t entry_count() const { return entry_count_; }
  [[nodiscard]] NodeName self() const { return self_; }

 private:
  NodeName self_;
  ByName by_name_;
  std::size_t entry_count_ = 0;
};

}  // namespace barrel
