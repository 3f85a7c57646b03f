#pragma once

#include <array>
#include <cstdint>

#include "barrel/base/random.hpp"
#include "gossip/plumtree_messages.hpp"

namespace barrel {

/// Makes the ids of a node's broadcasts: ChaCha20 under a key drawn from `random`. Who has seen some knows
/// nothing of the next, and so cannot use it up before its broadcast. The same seed gives the same ids.
class MessageIds {
 public:
  explicit MessageIds(Random random) { random.fill(key_); }

  [[nodiscard]] plumtree::MessageId next();

 private:
  std::array<std::uint8_t, 32> key_{};
  std::uint64_t count_ = 0;
};

}  // namespace barrel
