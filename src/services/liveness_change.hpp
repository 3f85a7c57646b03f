#pragma once

#include "services/liveness.hpp"

// Private to the Liveness core.

namespace barrel {

/// Lets `f` change what is known of a node, keeps the digest in step and tells what that changed for others.
template <class F>
void Liveness::change(NodeName node, Member& member, Instant now, Effects& out, F&& f) {
  const NodeVisibility before = visibility_of(member);
  const bool lived = lives(member);
  const State state_before = member.state;
  const std::uint32_t creation_before = member.creation;
  members_hash_ ^= hash_of(node, member);
  f();
  members_hash_ ^= hash_of(node, member);
  if (lives(member) != lived) ++living_version_;
  const bool ended = state_before == State::alive && creation_before != 0 &&
                     (member.state != State::alive || member.creation != creation_before);
  const bool is_news = member.state != state_before || member.creation != creation_before;
  if (member.state != state_before) member.changed_at = now;
  if (is_news) expect_beat(now);
  if (ended) {
    out.push_back(Died{node, creation_before});
    if (!sweep_at_) sweep_at_ = now + Duration(random_.between(0, config_.sweep_delay_max.count()));
  }
  if (visibility_of(member) != before) out.push_back(Changed{node});
  if (member.state == State::dead && !revive_at_) revive_at_ = now + jittered(config_.revive_period);
}

}  // namespace barrel
