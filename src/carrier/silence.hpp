#pragma once

#include <cstdint>
#include <optional>

#include "barrel/base/time.hpp"
#include "carrier/link_config.hpp"

namespace barrel::carrier {

/// Tells from the times at which a peer was heard when to probe it, suspect it and give it up (architecture
/// "Failure times"). A pure core: ask look() at next(), and whenever convenient.
///
/// Time in which this process itself did not run (stopped, swapped out, a laptop asleep) does not count as
/// the peer's silence: what the peer sent meanwhile waits in the socket and has not been read yet.
class Silence {
 public:
  enum class Step : std::uint8_t {
    none,
    probe,    ///< Send a PING.
    suspect,  ///< Suspected from now on; send a PING too.
    alive,    ///< Not suspected any more.
    down,     ///< Given up.
  };

  Silence(const Liveness& liveness, Instant now);

  /// `heard`: when the last packet of the peer arrived.
  [[nodiscard]] Step look(Instant heard, Instant now);
  /// When to look again.
  [[nodiscard]] Instant next() const { return next_; }
  [[nodiscard]] bool suspected() const { return suspected_; }

 private:
  /// A look that comes this much late shows that the process did not run. Far above a busy loop's delays; a
  /// guess.
  static constexpr Duration stall_min = std::chrono::milliseconds(500);
  /// While suspected, life is looked for this often.
  static constexpr Duration suspected_interval = std::chrono::milliseconds(100);

  Liveness liveness_;
  /// From when on silence counts: the last sign of life, or later when we did not listen.
  Instant since_;
  Instant heard_;
  Instant next_;
  Instant probed_;
  bool suspected_ = false;
};

}  // namespace barrel::carrier
