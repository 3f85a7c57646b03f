#include "services/registry_snapshot.hpp"

namespace barrel {

std::span<const ServiceEntry> RegistrySnapshot::lookup(const Term& name) const {
  const auto* entries = by_name_.find(name);
  return entries == nullptr ? std::span<const ServiceEntry>{} : std::span<const ServiceEntry>(**entries);
}

const ServiceEntry* RegistrySnapshot::lookup_local(const Term& name) const {
  for (const ServiceEntry& entry : lookup(name)) {
    if (entry.node == self_) return &entry;
  }
  return nullptr;
}

const ServiceEntry* RegistrySnapshot::whereis(const Term& name) const {
  const auto entries = lookup(name);
  if (entries.empty()) return nullptr;
  const ServiceEntry* local = lookup_local(name);
  return local != nullptr ? local : &entries.front();
}

std::vector<Term> RegistrySnapshot::names() const {
  std::vector<Term> names;
  names.reserve(by_name_.size());
  by_name_.for_each([&](const Term& name, const auto&) { names.push_back(name); });
  return names;
}

RegistrySnapshot::Entries RegistrySnapshot::entries() const {
  Entries all;
  all.reserve(entry_count_);
  by_name_.for_each(
      [&](const Term&, const auto& entries) { all.insert(all.end(), entries->begin(), entries->end()); });
  return all;
}

}  // namespace barrel
