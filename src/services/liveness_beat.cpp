#include <algorithm>

#include "services/liveness.hpp"

// The beat by which a part of the overlay notices that it has been cut off. Active views of two or three
// peers can close into separate rings while all nodes live, and then nothing else would tell.

namespace barrel {

NodeName Liveness::beacon() const {
  for (const auto& [node, member] : members_) {
    if (self_ < node) break;
    if (member.state == State::alive && member.speaks && member.creation != 0) return node;
  }
  return self_;
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
  beacon_ = now_beacon;
  beat_at_ = now + (beacon_ == self_ ? jittered(config_.beat_min) : jittered(config_.beat_min * 4));
}

void Liveness::beat(const Term& payload, Instant now) {
  const auto read = liveness::beat_of_gossip(payload);
  if (!read) return malformed_.add();
  if (read->first != beacon() || read->first == self_) return;
  beacon_ = read->first;
  // Two in a row may be lost or late before it means something.
  beat_at_ = now + read->second * 2 + jittered(config_.beat_min * 2);
}

void Liveness::check_beat(Instant now, Effects& out) {
  beat_at_.reset();
  if (left_ || peers_.empty()) return;
  beacon_ = beacon();
  if (beacon_ == self_) {
    beat_at_ = now + beat_period_;
    out.push_back(Beat{liveness::beat_of(self_, beat_period_)});
    beat_period_ = std::min(beat_period_ * 2, config_.beat_max);
    return;
  }
  beat_at_ = now + jittered(config_.beat_max * 2);
  if (peers_.contains(beacon_)) return;
  Member& member = members_.at(beacon_);
  if (member.suspicion) return;
  cut_off_.add();
  member.probing = !member.linked;
  out.push_back(Reunite{beacon_});
}

}  // namespace barrel
