#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/identity.hpp"
#include "barrel/base/log.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/base/random.hpp"
#include "barrel/base/time.hpp"
#include "carrier/link_config.hpp"
#include "carrier/link_owner.hpp"

namespace barrel::carrier {

/// What the links of one carrier share; the carrier owns it.
struct LinkContext {
  LinkContext(LinkConfig settings, LinkOwner& node, Random seeded, Metrics& counters, Log lines)
      : config(std::move(settings)), owner(node), metrics(counters), log(lines), random(seeded) {}

  LinkConfig config;
  LinkOwner& owner;
  Metrics& metrics;
  Log log;
  Random random;
  /// Of the loop's current turn.
  Instant now{};
  /// Of our own certificate; none on an endpoint that only dials.
  std::optional<auth::ChannelBinding> own_binding;
  /// Accepted links that are not up.
  std::size_t pending_accepted = 0;
  /// What the links hold at the moment, told by the carrier at the end of each turn.
  struct Held {
    /// Bytes of messages that have begun and not ended.
    std::size_t unfinished_bytes = 0;
    /// Bytes that came before a link was up.
    std::size_t early_bytes = 0;
    std::size_t authenticating = 0;
  };
  Held held;
  /// When which link wants its on_timer().
  std::set<std::pair<Instant, std::uint64_t>> timers;
  /// Links that are over and can be destroyed.
  std::vector<std::uint64_t> dead;

  void count(std::string_view name) { metrics.counter(name).add(); }
};

}  // namespace barrel::carrier
