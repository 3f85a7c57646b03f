#pragma once

#include <cstddef>

#include "barrel/base/time.hpp"

namespace barrel {

/// Settings of Plumtree. message_ttl is the original's, the rest ours.
struct PlumtreeConfig {
  /// How long a message is kept for grafts and recognised as a duplicate.
  Duration message_ttl = std::chrono::minutes(5);
  /// Wait between the first ihave of a missing message and the graft. The original waits 1 s; half of it
  /// still leaves the eager copy ten slow hops.
  Duration graft_delay = std::chrono::milliseconds(500);
  /// Wait before the next announcer is grafted (guess: twice a slow round trip).
  Duration graft_retry = std::chrono::milliseconds(500);
  /// Most message ids remembered. Guess: 200 messages a second for a message_ttl.
  std::size_t ids_max = 65'536;
  /// Most messages kept whole.
  std::size_t messages_max = 16'384;
  /// Most bytes of messages kept whole, as estimated from their terms.
  std::size_t bytes_max = 16U << 20;
  /// Most bytes of the payload of one message, estimated so; a larger one is neither delivered nor passed on.
  /// A guess: a quarter of bytes_max, and twenty times the changes of 1,000 names.
  std::size_t payload_bytes_max = 4U << 20;
  /// Most announced messages waited for, in all and for one peer.
  std::size_t missing_max = 8'192;
  std::size_t missing_per_peer_max = 2'048;
};

}  // namespace barrel
