#include <algorithm>
#include <vector>

#include "services/liveness.hpp"

// Room for nodes: a node that this one was linked to exists; of any other there is only the word of a peer,
// which is charged for all that it tells of (docs/adr/0010-invented-nodes.md).

namespace barrel {

namespace {

/// Of all nodes this part is forgotten at once when there is no room, since all are looked at to find them.
constexpr std::size_t forgotten_part = 64;
/// After a look that found nobody to forget. Guess: a hundredth of the time goes into looking.
constexpr Duration look_again = std::chrono::milliseconds(100);

}  // namespace

Liveness::Member* Liveness::obtain(NodeName node, std::optional<NodeName> teller, Instant now) {
  if (Member* known = find(node)) return known;
  if (members_.size() >= config_.nodes_max) {
    nodes_full_.add();
    // For a link there is always room: there are no more of them than connections.
    if (!make_room(teller, now) && teller) return nullptr;
  }
  Member& member = members_[node];
  member.changed_at = now;
  member.voucher = teller;
  if (teller) ++told_by_[*teller].nodes;
  members_hash_ ^= hash_of(node, member);
  nodes_gauge_.set(members_.size());
  if (!probe_at_) probe_at_ = now + jittered(config_.probe_period);
  return &member;
}

void Liveness::vouched_no_more(Member& member) {
  if (!member.voucher) return;
  const auto load = told_by_.find(*member.voucher);
  if (--load->second.nodes == 0) told_by_.erase(load);
  member.voucher.reset();
}

std::optional<int> Liveness::dispensable(const Member& member, std::optional<NodeName> teller,
                                         std::optional<NodeName> heaviest) const {
  if (member.linked) return std::nullopt;
  const bool gone = member.state != State::alive;
  if (heaviest && member.voucher == heaviest) return gone ? 0 : 1;
  if (!teller) return gone ? 2 : (member.voucher ? 3 : 4);
  const auto load = told_by_.find(*teller);
  const bool modest = load == told_by_.end() || load->second.nodes < config_.nodes_max / 2;
  if (gone && (modest || member.voucher == teller)) return 2;
  return std::nullopt;
}

bool Liveness::make_room(std::optional<NodeName> teller, Instant now) {
  const auto own = teller ? told_by_.find(*teller) : told_by_.end();
  if (own != told_by_.end() && now < own->second.look_again_at) return false;
  std::optional<NodeName> heaviest;
  const auto load = std::ranges::max_element(told_by_, {}, [](const auto& l) { return l.second.nodes; });
  if (load != told_by_.end()) {
    const std::size_t of_teller = own == told_by_.end() ? 0 : own->second.nodes;
    if (!teller || of_teller * 2 < load->second.nodes) heaviest = load->first;
  }
  struct Candidate {
    int rank;
    Instant changed_at;
    NodeName node;
    auto operator<=>(const Candidate&) const = default;
  };
  std::vector<Candidate> candidates;
  for (const auto& [node, member] : members_) {
    if (const auto rank = dispensable(member, teller, heaviest)) {
      candidates.push_back({*rank, member.changed_at, node});
    }
  }
  if (candidates.empty()) {
    if (own != told_by_.end()) own->second.look_again_at = now + look_again;
    return false;
  }
  const std::size_t some =
      std::min(candidates.size(), std::max<std::size_t>(1, config_.nodes_max / forgotten_part));
  const auto end = candidates.begin() + static_cast<std::ptrdiff_t>(some);
  std::ranges::partial_sort(candidates, end);
  // Nobody goes only because others of his kind do not suffice.
  for (auto it = candidates.begin(); it != end && it->rank == candidates.front().rank; ++it) forget(it->node);
  return true;
}

void Liveness::forget(NodeName node) {
  const auto found = members_.find(node);
  Member& member = found->second;
  if (member.wake_at) wakes_.erase({*member.wake_at, node});
  if (lives(member)) ++living_version_;
  members_hash_ ^= hash_of(node, member);
  vouched_no_more(member);
  members_.erase(found);
}

}  // namespace barrel
