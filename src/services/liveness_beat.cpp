#include <algorithm>
#include <utility>

#include "services/liveness.hpp"

// The beat by which a part of the overlay notices that it has been cut off. Active views of two or three
// peers can close into separate rings while all nodes live, and then nothing else would tell.
//
// Names of nodes cost nothing: only a node that this one has met, or whose beat was heard, keeps others from
// beating. Of one that is smaller and has not shown itself it is tried once whether it can be reached.

namespace barrel {

NodeName Liveness::smallest(bool only_shown) const {
  for (const auto& [node, member] : members_) {
    if (self_ < node) break;
    if (member.state != State::alive || !member.speaks || member.creation == 0) continue;
    if (only_shown ? member.met || member.beats : !member.unreachable) return node;
  }
  return self_;
}

void Liveness::rely_on(NodeName beacon, Instant now) {
  if (std::exchange(beacon_, beacon) != beacon) beacon_since_ = now;
}

void Liveness::expect_beat(Instant now) {
  if (peers_.empty() || left_) {
    beat_at_.reset();
    return;
  }
  beat_period_ = config_.beat_min;
  const NodeName now_beacon = beacon();
  // A beat that is already awaited from the same node stays due when it was.
  if (beat_at_ && now_beacon == beacon_ && beacon_ != self_) return;
  rely_on(now_beacon, now);
  beat_at_ = now + (beacon_ == self_ ? jittered(config_.beat_min) : jittered(patience()));
}

void Liveness::beat(const Term& payload, Instant now) {
  const auto read = liveness::beat_of_gossip(payload);
  if (!read) return malformed_.add();
  const auto& [node, next] = *read;
  if (node == self_ || beacon() < node) return;
  Member* member = find(node);
  if (member == nullptr || member->state != State::alive || !member->speaks || member->creation == 0) return;
  member->beats = true;
  member->unreachable = false;
  rely_on(node, now);
  // Two in a row may be lost or late before it means something. Whoever may be invented is not waited for
  // longer than a node that is not.
  const Duration period = member->met ? next : std::min(next, config_.beat_max);
  beat_at_ = now + period * 2 + jittered(config_.beat_min * 2);
}

void Liveness::check_beat(Instant now, Effects& out) {
  beat_at_.reset();
  if (left_ || peers_.empty()) return;
  rely_on(beacon(), now);
  // Whoever has just become the smallest that it has heard of gives the others time to show themselves.
  const bool is_known = now >= beacon_since_ + patience();
  if (beacon_ == self_) {
    beat_at_ = now + beat_period_;
    if (is_known || smallest(false) == self_) {
      out.push_back(Beat{liveness::beat_of(self_, beat_period_)});
      beat_period_ = std::min(beat_period_ * 2, config_.beat_max);
    }
  } else {
    beat_at_ = now + jittered(config_.beat_max * 2);
    seek(beacon_, now, out);
  }
  const NodeName unshown = smallest(false);
  if (unshown == beacon_ || beacon_ < unshown) return;
  const Member& member = members_.at(unshown);
  const Instant known_at = std::max(member.changed_at, beacon_since_) + patience();
  const Instant again_at = member.sought_at ? *member.sought_at + config_.beat_max * 2 : known_at;
  if (now >= std::max(known_at, again_at)) seek(unshown, now, out);
}

void Liveness::seek(NodeName node, Instant now, Effects& out) {
  Member& member = members_.at(node);
  if (peers_.contains(node) || member.suspicion) return;
  member.sought_at = now;
  cut_off_.add();
  member.probing = !member.linked;
  out.push_back(Reunite{node});
}

}  // namespace barrel
