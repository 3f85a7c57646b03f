#include "services/registry_shares.hpp"

#include <algorithm>
#include <vector>

namespace barrel {

namespace {

void change(std::size_t& amount, std::ptrdiff_t by) {
  amount = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(amount) + by);
}

}  // namespace

const RegistryShares::Share* RegistryShares::find(NodeName owner) const {
  const auto found = shares_.find(owner);
  return found == shares_.end() ? nullptr : &found->second;
}

void RegistryShares::charge(const Share& share, std::ptrdiff_t keys, std::ptrdiff_t bytes) {
  if (!share.voucher) return;
  Load& load = loads_[*share.voucher];
  change(load.keys, keys);
  change(load.bytes, bytes);
  if (load.keys == 0) loads_.erase(*share.voucher);
}

void RegistryShares::put(NodeName owner, std::optional<NodeName> voucher, const Term& name,
                         const Change& change_of_it) {
  const auto [place, fresh] = shares_.try_emplace(owner);
  Share& share = place->second;
  if (fresh) {
    share.names = Names(0, TermHash{seed_});
    share.voucher = voucher;
  }
  const bool is_new = share.names.insert(name).second;
  change(share.bytes, change_of_it.bytes);
  change(share.removals, change_of_it.removals);
  change(bytes_, change_of_it.bytes);
  charge(share, is_new ? 1 : 0, change_of_it.bytes);
}

void RegistryShares::drop(NodeName owner, const Term& name, const Change& change_of_it) {
  const auto found = shares_.find(owner);
  if (found == shares_.end() || found->second.names.erase(name) == 0) return;
  Share& share = found->second;
  change(share.bytes, change_of_it.bytes);
  change(share.removals, change_of_it.removals);
  change(bytes_, change_of_it.bytes);
  charge(share, -1, change_of_it.bytes);
  if (share.names.empty()) shares_.erase(found);
}

void RegistryShares::met(NodeName owner) {
  const auto found = shares_.find(owner);
  if (found == shares_.end()) return;
  Share& share = found->second;
  charge(share, -static_cast<std::ptrdiff_t>(share.names.size()), -static_cast<std::ptrdiff_t>(share.bytes));
  share.voucher.reset();
}

std::optional<NodeName> RegistryShares::displaced_by(NodeName owner, std::optional<NodeName> voucher,
                                                     Scarce scarce) const {
  const auto of_load = [&](const auto& load) {
    return scarce == Scarce::keys ? load.second.keys : load.second.bytes;
  };
  const auto heaviest = std::ranges::max_element(loads_, {}, of_load);
  if (heaviest == loads_.end()) return std::nullopt;
  if (const Share* share = find(owner)) voucher = share->voucher;
  if (voucher) {
    const auto own = loads_.find(*voucher);
    if (own != loads_.end() && of_load(*own) * 2 >= of_load(*heaviest)) return std::nullopt;
  }
  std::optional<NodeName> largest;
  std::size_t most = 0;
  for (const auto& [node, share] : shares_) {
    if (share.voucher != heaviest->first) continue;
    const std::size_t weight = scarce == Scarce::keys ? share.names.size() : share.bytes;
    if (largest && weight <= most) continue;
    largest = node;
    most = weight;
  }
  return largest;
}

NodeName RegistryShares::charged_for(NodeName owner) const {
  const Share* share = find(owner);
  return share == nullptr ? owner : share->voucher.value_or(owner);
}

std::map<NodeName, std::size_t> RegistryShares::removals_by_charged() const {
  std::map<NodeName, std::size_t> amounts;
  for (const auto& [node, share] : shares_) amounts[share.voucher.value_or(node)] += share.removals;
  return amounts;
}

std::size_t fair_level(const std::map<NodeName, std::size_t>& amounts, std::size_t whole) {
  std::vector<std::size_t> sorted;
  for (const auto& [node, amount] : amounts) sorted.push_back(amount);
  std::ranges::sort(sorted);
  std::size_t left = sorted.size();
  for (const std::size_t amount : sorted) {
    if (amount * left > whole) return whole / left;
    whole -= amount;
    --left;
  }
  return sorted.empty() ? 0 : sorted.back();
}

}  // namespace barrel
