#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "services/liveness.hpp"

namespace barrel::test {

using liveness::Claim;
using liveness::Verdict;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline const NodeName me("me@h");
inline const NodeName x("x@h");
inline const NodeName w("w@h");
inline const NodeName v("v@h");
inline constexpr std::int64_t wall = 1'700'000'000'000;

/// The liveness of one node, `me`, in virtual time.
class LivenessTest : public testing::Test {
 protected:
  Liveness::Effects up(NodeName node, std::uint32_t creation = 1, bool speaks = true) {
    Liveness::Effects out;
    core.link_up(node, creation, speaks, now, wall, out);
    return out;
  }
  Liveness::Effects down(NodeName node, bool lost = true) {
    Liveness::Effects out;
    core.link_down(node, lost, now, out);
    return out;
  }
  Liveness::Effects silent(NodeName node) {
    Liveness::Effects out;
    core.link_silent(node, now, out);
    return out;
  }
  Liveness::Effects hear(NodeName origin, const Claim& claim) {
    Liveness::Effects out;
    core.gossip(origin, liveness::gossip_of(origin, claim), now, wall, out);
    return out;
  }
  Liveness::Effects pass(Duration span) {
    Liveness::Effects out;
    const Instant end = now + span;
    while (core.next_deadline() && *core.next_deadline() <= end) {
      now = std::max(now, *core.next_deadline());
      core.advance(now, out);
      now += std::chrono::microseconds(1);
    }
    now = std::max(now, end);
    return out;
  }
  /// The claims told to all, of that verdict.
  static std::vector<Claim> told(const Liveness::Effects& effects, Verdict verdict) {
    std::vector<Claim> found;
    for (const auto& effect : effects) {
      const auto* broadcast = std::get_if<Liveness::Broadcast>(&effect);
      if (broadcast == nullptr) continue;
      const auto read = liveness::claim_of_gossip(broadcast->payload);
      if (read && read->second.verdict == verdict) found.push_back(read->second);
    }
    return found;
  }
  template <class E>
  static std::size_t count(const Liveness::Effects& effects) {
    return static_cast<std::size_t>(
        std::ranges::count_if(effects, [](const auto& e) { return std::holds_alternative<E>(e); }));
  }
  [[nodiscard]] bool alive(NodeName node) const { return core.visibility(node).alive; }

  Metrics metrics;
  LivenessConfig config;
  Liveness core{me, 9, wall, config, Random(4), metrics};
  Instant now{seconds(100)};
};

}  // namespace barrel::test
